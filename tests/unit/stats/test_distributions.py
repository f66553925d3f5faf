import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sluice.stats import distributions


@pytest.mark.parametrize("tail", [1e-12, 1e-5, 0.01, 0.045, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("degrees", [1, 2, 5, 28, 100, 5000])
def test_student_quantile_equals_scipy(tail, degrees):
    expected = stats.t.isf(tail, degrees)
    assert distributions.student_quantile(tail, degrees) == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_no_degree_of_freedom_has_no_finite_quantile():
    assert distributions.student_quantile(0.05, 0) == math.inf


@given(st.floats(-40, 40), st.integers(1, 300))
def test_student_tail_equals_scipy(t, degrees):
    assert distributions.student_tail(t, degrees) == pytest.approx(stats.t.sf(t, degrees), rel=1e-9, abs=1e-300)


@given(st.floats(-8, 8))
def test_normal_tail_equals_scipy(z):
    assert distributions.normal_tail(z) == pytest.approx(stats.norm.sf(z), rel=1e-12)


@given(st.integers(0, 400), st.integers(0, 400), st.floats(0.01, 0.99))
def test_binomial_equals_scipy(count, trials, share):
    at_least, mass = stats.binom.sf(count - 1, trials, share), stats.binom.pmf(count, trials, share)
    assert distributions.binomial_at_least(count, trials, share) == pytest.approx(at_least, rel=1e-8, abs=1e-12)
    if count <= trials:
        assert distributions.binomial_mass(count, trials, share) == pytest.approx(mass, rel=1e-8, abs=1e-300)
