import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sluice.stats.continuous import mean_bounds

Z = 1.7
ALPHA = stats.norm.sf(Z)


def _scores(seed, size):
    return list(np.random.default_rng(seed).normal(-0.02, 0.2, size))


def test_many_units_equal_the_one_sample_t():
    d = _scores(1, 60)
    bounds = mean_bounds(d, Z)
    reach = stats.t.isf(ALPHA, 59) * stats.sem(d)
    assert (bounds.lower, bounds.upper) == pytest.approx((np.mean(d) - reach, np.mean(d) + reach))


def test_clusters_equal_the_robust_error_of_statsmodels():
    d = _scores(2, 200)
    groups = np.random.default_rng(3).integers(0, 40, 200)
    fit = sm.OLS(d, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    bounds = mean_bounds(d, Z, groups.tolist())
    assert bounds.standard_error == pytest.approx(fit.bse[0])
    assert bounds.lower == pytest.approx(np.mean(d) - stats.t.isf(ALPHA, 39) * fit.bse[0])
    assert bounds.units == 40


def test_few_units_invert_the_permutation_test_of_scipy():
    d = _scores(4, 10)
    bounds = mean_bounds(d, Z)

    def p_value(delta):
        shifted = (np.array(d) - delta,)
        return stats.permutation_test(
            shifted, np.mean, permutation_type="samples", alternative="greater", n_resamples=np.inf
        ).pvalue

    assert p_value(bounds.lower - 1e-6) <= ALPHA < p_value(bounds.lower + 1e-6)


def test_random_flips_come_near_the_exact_t_for_normal_scores():
    d = _scores(5, 29)
    bounds = mean_bounds(d, Z, seed=11)
    reach = stats.t.isf(ALPHA, 28) * stats.sem(d)
    assert bounds.lower == pytest.approx(np.mean(d) - reach, abs=0.01)
    assert bounds == mean_bounds(d, Z, seed=11)


def test_too_few_units_reach_no_level():
    bounds = mean_bounds([0.1, 0.2, 0.15, 0.1], Z)
    assert (bounds.lower, bounds.upper) == (-1.0, 1.0)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.one_of(st.none(), st.integers(0, 6))), min_size=1, max_size=45),
    st.floats(0.5, 4.0),
)
def test_bounds_hold_the_mean_and_swapping_negates(drawn, z):
    d, clusters = [value for value, _ in drawn], [name for _, name in drawn]
    bounds = mean_bounds(d, z, clusters)
    assert -1.0 <= bounds.lower <= bounds.mean + 1e-12
    assert bounds.mean - 1e-12 <= bounds.upper <= 1.0
    assert mean_bounds([-value for value in d], z, clusters).lower == pytest.approx(-bounds.upper, abs=1e-9)


def test_no_pair():
    with pytest.raises(ValueError, match="no pair"):
        mean_bounds([], Z)
