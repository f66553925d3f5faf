import math
import time

import numpy as np
import pytest
from scipy import stats

from sluice.stats import sequential
from sluice.stats.sequential import FIVE_LOOKS, boundaries, crossing_probability


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (0.05, (2.371, 1.677)),
        (0.05, (2.967, 2.098, 1.713)),
        (0.05, (3.464, 2.450, 2.000, 1.732)),
        (0.05, (3.908, 2.763, 2.256, 1.954, 1.748)),
        (0.025, (4.557, 3.222, 2.631, 2.278, 2.038)),
    ],
)
def test_boundaries_of_the_notes_simulated_to_a_hundredth(alpha, expected):
    fractions = [(look + 1) / len(expected) for look in range(len(expected))]
    assert boundaries(alpha, fractions) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("looks", "alpha", "constant"),
    [
        (2, 0.05, 1.678),
        (3, 0.05, 1.710),
        (4, 0.05, 1.733),
        (5, 0.05, 1.751),
        (2, 0.025, 1.977),
        (3, 0.025, 2.004),
        (4, 0.025, 2.024),
        (5, 0.025, 2.040),
    ],
)
def test_constants_of_jennison_and_turnbull(looks, alpha, constant):
    """Table 2.3 of their book (2000), two-sided at twice the level: crossing both ways is negligible."""
    fractions = [(look + 1) / looks for look in range(looks)]
    assert boundaries(alpha, fractions)[-1] == pytest.approx(constant, abs=0.0006)


@pytest.mark.parametrize("fractions", [(0.5, 1.0), (0.13, 1.0), (0.8, 1.0)])
def test_two_looks_equal_the_bivariate_normal(fractions):
    z = boundaries(0.045, fractions)
    correlation = math.sqrt(fractions[0])
    stay = stats.multivariate_normal.cdf(z, cov=[[1, correlation], [correlation, 1]], abseps=1e-9, releps=1e-9)
    assert 1.0 - stay == pytest.approx(0.045, abs=1e-7)


@pytest.mark.parametrize("alpha", [0.045, 0.045 / 4])
def test_five_looks_equal_the_multivariate_normal(alpha):
    times = np.array(FIVE_LOOKS)
    correlation = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    stay = stats.multivariate_normal.cdf(
        boundaries(alpha, FIVE_LOOKS), cov=correlation, abseps=1e-7, releps=1e-7, maxpts=2_000_000, rng=1
    )
    assert 1.0 - stay == pytest.approx(alpha, abs=2e-6)


def test_crossing_with_a_drift_equals_a_simulation():
    fractions = (0.1, 0.35, 0.6, 1.0)
    steps = np.diff((0.0, *fractions))
    rng = np.random.default_rng(7)
    paths = np.cumsum(rng.normal(2.5 * steps, np.sqrt(steps), (400_000, 4)), axis=1)
    simulated = (paths.max(axis=1) >= 1.8).mean()
    assert crossing_probability(1.8, fractions, 2.5) == pytest.approx(simulated, abs=0.003)


def test_one_look_is_the_normal_quantile():
    assert boundaries(0.045, (1.0,)) == pytest.approx((stats.norm.isf(0.045),))


def test_a_new_level_takes_few_milliseconds():
    boundaries(0.05, FIVE_LOOKS)
    start = time.process_time()
    boundaries(0.0301, FIVE_LOOKS)
    assert time.process_time() - start < 0.03


def test_looks_begin_at_150_cases():
    assert sequential.planned_fractions(149) == (1.0,)
    assert sequential.planned_fractions(150) == (0.2, 0.4, 0.6, 0.8, 1.0)


@pytest.mark.parametrize("fractions", [(), (0.5,), (0.5, 0.5, 1.0), (0.0, 1.0), (0.7, 0.3, 1.0)])
def test_fractions_that_are_no_plan(fractions):
    with pytest.raises(ValueError, match="fractions"):
        boundaries(0.05, fractions)


@pytest.mark.parametrize("alpha", [0.0, 0.5, -1.0])
def test_levels_that_are_none(alpha):
    with pytest.raises(ValueError, match="one-sided level"):
        boundaries(alpha, (1.0,))
