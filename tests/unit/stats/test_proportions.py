import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from sluice.stats.proportions import wilson

Z95 = 1.959963984540054


@given(st.integers(1, 2000), st.floats(0, 1))
def test_wilson_equals_statsmodels(n, share):
    successes = round(n * share)
    expected = proportion_confint(successes, n, alpha=0.05, method="wilson")
    assert wilson(successes, n, Z95) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (3, 2), (-1, 5)])
def test_what_is_no_rate(successes, n):
    with pytest.raises(ValueError, match="no rate"):
        wilson(successes, n, 1.6)
