import math
import time

import numpy as np
import pytest
from scipy import stats

from sluice.stats.ratios import percentile, ratio_bounds


def _latencies(n, seed=1):
    rng = np.random.default_rng(seed)
    base = rng.lognormal(0.0, 0.4, n)
    return base.tolist(), (base * rng.lognormal(0.1, 0.2, n)).tolist()


def test_the_ratio_is_the_geometric_mean_and_the_bounds_near_those_of_t():
    base, head = _latencies(300)
    logs = np.log(head) - np.log(base)
    bounds = ratio_bounds(base, head, 0.05, seed=3, flips=20_000)
    reach = stats.t.isf(0.05, 299) * stats.sem(logs)
    assert bounds.ratio == pytest.approx(stats.gmean(np.array(head) / np.array(base)))
    assert math.log(bounds.lower) == pytest.approx(np.mean(logs) - reach, abs=0.002)
    assert math.log(bounds.upper) == pytest.approx(np.mean(logs) + reach, abs=0.002)


def test_swapping_the_sides_inverts():
    base, head = _latencies(11)
    ours, theirs = ratio_bounds(base, head, 0.05), ratio_bounds(head, base, 0.05)
    assert theirs.lower == pytest.approx(1.0 / ours.upper)


def test_too_few_pairs_have_no_bounds():
    bounds = ratio_bounds([1.0, 1.0], [1.1, 1.2], 0.045)
    assert (bounds.lower, bounds.upper) == (0.0, math.inf)


def test_a_thousand_pairs_are_fast():
    base, head = _latencies(1000)
    start = time.process_time()
    ratio_bounds(base, head, 0.045)
    assert time.process_time() - start < 0.15


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("size", [1, 2, 37])
def test_percentile_equals_numpy(share, size):
    values = np.random.default_rng(size).exponential(1.0, size)
    assert percentile(values.tolist(), share) == pytest.approx(np.percentile(values, 100 * share))


@pytest.mark.parametrize(("base", "head"), [([], []), ([1.0], [1.0, 2.0]), ([0.0], [1.0]), ([1.0], [math.nan])])
def test_what_are_no_pairs(base, head):
    with pytest.raises(ValueError, match=r"pairs|positive"):
        ratio_bounds(base, head, 0.05)
