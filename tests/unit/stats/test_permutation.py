import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from sluice.stats.permutation import sign_flips

EDGE = 1e-9


def _scipy_p_value(values, delta, alternative):
    found = stats.permutation_test(
        (np.asarray(values) - delta,), np.mean, permutation_type="samples", alternative=alternative, n_resamples=np.inf
    )
    return found.pvalue


@pytest.mark.parametrize("alpha", [0.02, 0.045, 0.2])
def test_bounds_are_where_scipys_exact_p_value_crosses_the_level(alpha):
    values = [float(value) for value in np.random.default_rng(1).normal(0.05, 0.3, 9)]
    flips = sign_flips([(value, 1) for value in values], flips=0, seed=0)
    low, high = flips.lower(alpha), flips.upper(alpha)
    assert _scipy_p_value(values, low - EDGE, "greater") <= alpha < _scipy_p_value(values, low + EDGE, "greater")
    assert _scipy_p_value(values, high + EDGE, "less") <= alpha < _scipy_p_value(values, high - EDGE, "less")


def test_units_of_unequal_size_are_flipped_whole():
    units = [(0.4, 2), (-0.9, 3), (1.1, 4), (0.2, 1), (0.6, 5), (0.5, 1)]

    def p_value(delta):
        shifted = [total - size * delta for total, size in units]
        sums = [
            sum(sign * part for sign, part in zip(signs, shifted, strict=True)) for signs in product((1, -1), repeat=6)
        ]
        return sum(one >= sum(shifted) - 1e-12 for one in sums) / len(sums)

    low = sign_flips(units, flips=0, seed=0).lower(0.1)
    assert p_value(low - EDGE) <= 0.1 < p_value(low + EDGE)


def test_random_flips_are_seeded_and_near_the_normal_limit():
    values = [float(value) for value in np.random.default_rng(2).normal(0.0, 1.0, 400)]
    units = [(value, 1) for value in values]
    flips = sign_flips(units, flips=4000, seed=5)
    error = math.sqrt(sum(value**2 for value in values)) / 400
    assert flips.lower(0.05) == pytest.approx(np.mean(values) - stats.norm.isf(0.05) * error, abs=0.1 * error)
    assert flips == sign_flips(units, flips=4000, seed=5) != sign_flips(units, flips=4000, seed=6)
    assert flips.total == 4001


def test_levels_that_no_flip_reaches_and_no_unit():
    flips = sign_flips([(0.1, 1), (0.2, 1)], flips=0, seed=0)
    assert (flips.lower(0.05), flips.upper(0.05)) == (-math.inf, math.inf)
    with pytest.raises(ValueError, match="no unit"):
        sign_flips([], flips=10, seed=0)
