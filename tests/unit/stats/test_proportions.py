import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from sluice.stats.proportions import newcombe_paired, wilson

Z95 = 1.959963984540054
cells = st.tuples(*[st.integers(0, 80)] * 4).filter(any)


@given(st.integers(1, 2000), st.floats(0, 1))
def test_wilson_equals_statsmodels(n, share):
    successes = round(n * share)
    expected = proportion_confint(successes, n, alpha=0.05, method="wilson")
    assert wilson(successes, n, Z95) == pytest.approx(expected, abs=1e-9)


def test_newcombe_equals_the_published_worked_example():
    """Complete response before and after consolidation, of Fagerland, Lydersen and Laake (2017), chapter 8."""
    assert newcombe_paired(59, 6, 16, 80, Z95) == pytest.approx((-0.1186, -0.0046), abs=5e-5)


@given(cells)
def test_newcombe_holds_the_estimate_and_swapping_negates(table):
    both_pass, repaired, broken, both_fail = table
    low, high = newcombe_paired(both_pass, repaired, broken, both_fail, 1.7)
    estimate = (repaired - broken) / sum(table)
    assert -1.0 <= low <= estimate + 1e-12
    assert estimate - 1e-12 <= high <= 1.0
    swapped = newcombe_paired(both_pass, broken, repaired, both_fail, 1.7)
    assert swapped == pytest.approx((-high, -low), abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (3, 2), (-1, 5)])
def test_what_is_no_rate(successes, n):
    with pytest.raises(ValueError, match="no rate"):
        wilson(successes, n, 1.6)
