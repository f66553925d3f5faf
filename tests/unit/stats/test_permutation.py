import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from sluice.stats.permutation import sign_flips


@pytest.mark.parametrize("delta", [-0.1, 0.0, 0.05])
def test_exact_p_values_equal_scipy(delta):
    values = np.random.default_rng(1).normal(0.05, 0.3, 9)
    flips = sign_flips([(float(value), 1) for value in values], flips=0, seed=0)
    for alternative, ours in (("greater", flips.p_greater(delta)), ("less", flips.p_less(delta))):
        scipy = stats.permutation_test(
            (values - delta,), np.mean, permutation_type="samples", alternative=alternative, n_resamples=np.inf
        )
        assert ours == pytest.approx(scipy.pvalue)


def test_units_of_unequal_size_are_flipped_whole():
    units = [(0.4, 2), (-0.9, 3), (1.1, 4), (0.2, 1), (0.6, 5)]
    observed = sum(total for total, _ in units)
    as_large = sum(
        sum(sign * total for sign, (total, _) in zip(signs, units, strict=True)) >= observed - 1e-12
        for signs in product((1, -1), repeat=5)
    )
    assert sign_flips(units, flips=0, seed=0).p_greater(0.0) == as_large / 32


def test_random_flips_are_seeded_and_near_the_normal_limit():
    values = [float(value) for value in np.random.default_rng(2).normal(0.0, 1.0, 400)]
    units = [(value, 1) for value in values]
    flips = sign_flips(units, flips=4000, seed=5)
    limit = stats.norm.sf(sum(values) / math.sqrt(sum(value**2 for value in values)))
    assert flips.p_greater(0.0) == pytest.approx(limit, abs=0.03)
    assert flips == sign_flips(units, flips=4000, seed=5) != sign_flips(units, flips=4000, seed=6)
    assert flips.total == 4001


def test_bounds_are_where_the_p_value_crosses_the_level():
    flips = sign_flips([(value / 10, 1) for value in (3, -1, 4, 1, -5, 9, 2, 6)], flips=0, seed=0)
    low, high = flips.lower(0.05), flips.upper(0.05)
    assert flips.p_greater(low - 1e-9) <= 0.05 < flips.p_greater(low + 1e-9)
    assert flips.p_less(high + 1e-9) <= 0.05 < flips.p_less(high - 1e-9)


def test_levels_that_no_flip_reaches_and_no_unit():
    flips = sign_flips([(0.1, 1), (0.2, 1)], flips=0, seed=0)
    assert (flips.lower(0.05), flips.upper(0.05)) == (-math.inf, math.inf)
    with pytest.raises(ValueError, match="no unit"):
        sign_flips([], flips=10, seed=0)
