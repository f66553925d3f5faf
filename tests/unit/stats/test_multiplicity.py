import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from sluice.stats.multiplicity import benjamini_hochberg

p_values = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20)


@given(p_values)
def test_benjamini_hochberg_equals_statsmodels(values):
    assert benjamini_hochberg(values) == pytest.approx(multipletests(values, method="fdr_bh")[1])


def test_nothing_stays_nothing_and_no_p_value_is_refused():
    assert benjamini_hochberg([]) == []
    with pytest.raises(ValueError, match="p-value"):
        benjamini_hochberg([0.2, 1.2])
