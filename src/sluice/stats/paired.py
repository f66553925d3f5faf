"""Score bounds and exact tests for the difference of two paired proportions, d = head - base."""

import math

from sluice.stats.distributions import binomial_at_least

_TOLERANCE = 1e-14


def score_statistic(n: float, repaired: float, broken: float, difference: float) -> float:
    """Return Tango's score statistic for the hypothesis that head - base equals `difference`.

    Positive values speak for a larger difference. Counts may be fractions (effective counts after a
    division by the design effect). Source: Tango (1998), Statistics in Medicine 17, 891-908.
    """
    _require_counts(n, repaired, broken)
    excess = repaired - broken - n * difference
    deviation = math.sqrt(_null_variance(n, repaired, broken, difference))
    if deviation > 0.0:
        return excess / deviation
    return math.copysign(math.inf, excess) if excess else 0.0


def lower(n: float, repaired: float, broken: float, z: float) -> float:
    """Return the one-sided lower score bound of head - base at critical value `z`; it lies in [-1, 1].

    The bound is the smallest difference that the score test does not reject. Two lower and upper bounds at
    z = 1.96 make the usual 95 % interval. Raises ValueError for counts that are no table.
    """
    _require_counts(n, repaired, broken)
    if z <= 0.0 or math.isinf(z):
        return -1.0 if z > 0.0 else (repaired - broken) / n
    square = z * z
    if repaired + broken <= 0.0:
        return -square / (n + square)
    if repaired >= n:
        return (n - square) / (n + square)
    if broken >= n:
        return -1.0
    return _root(n, repaired, broken, z)


def upper(n: float, repaired: float, broken: float, z: float) -> float:
    """Return the one-sided upper score bound of head - base at critical value `z`; it lies in [-1, 1]."""
    return -lower(n, broken, repaired, z)


def mcnemar_one_sided(repaired: float, broken: float) -> float:
    """Return the exact McNemar p-value against 'head is not worse': P(X >= broken), X ~ Bin(discordant, 1/2).

    Effective counts may be fractions; the binomial tail is then its continuation, the incomplete beta function.
    """
    return binomial_at_least(broken, repaired + broken, 0.5)


def mcnemar_two_sided(repaired: int, broken: int) -> float:
    """Return the exact two-sided McNemar p-value, twice the smaller tail and at most 1."""
    return min(1.0, 2.0 * binomial_at_least(max(repaired, broken), repaired + broken, 0.5))


def _require_counts(n: float, repaired: float, broken: float) -> None:
    if not (n > 0.0 and repaired >= 0.0 and broken >= 0.0 and repaired + broken <= n * (1.0 + 1e-9)):
        raise ValueError(f"no paired table: n={n}, repaired={repaired}, broken={broken}")


def _null_variance(n: float, repaired: float, broken: float, difference: float) -> float:
    """Variance of repaired - broken under the hypothesis, with the share of broken pairs at its restricted MLE."""
    spread = difference * (1.0 - difference)
    linear = (2.0 * n - repaired + broken) * difference - repaired - broken
    root = math.sqrt(max(0.0, linear * linear + 8.0 * n * broken * spread))
    # The second form of the quadratic's root avoids the cancellation of root - linear.
    share = (root - linear) / (4.0 * n) if linear <= 0.0 else 2.0 * broken * spread / (root + linear)
    return max(0.0, n * (2.0 * share + spread))


def _root(n: float, repaired: float, broken: float, z: float) -> float:
    """Solve 'score statistic = z' below the estimate by the regula falsi of Anderson and Bjorck."""
    low, high = -1.0, (repaired - broken) / n
    at_low = n * (high + 1.0)
    at_high = -z * math.sqrt(_null_variance(n, repaired, broken, high))
    # One fixed-point step lands near the root and saves the first few iterations.
    middle = max(-1.0, high + at_high / n)
    for _ in range(100):
        excess = repaired - broken - n * middle
        value = excess - z * math.sqrt(_null_variance(n, repaired, broken, middle))
        if value > 0.0:
            share = 1.0 - value / at_low
            at_high *= share if share > 0.0 else 0.5
            low, at_low = middle, value
        else:
            share = 1.0 - value / at_high if at_high else 0.5
            at_low *= share if share > 0.0 else 0.5
            high, at_high = middle, value
        following = (low * at_high - high * at_low) / (at_high - at_low) if at_high != at_low else low
        if abs(following - middle) <= _TOLERANCE or value == 0.0:
            return following
        middle = following
    return middle
