"""Intervals of one rate, and the paired interval that is shown beside the deciding score bounds."""

import math


def wilson(successes: float, n: float, z: float) -> tuple[float, float]:
    """Return Wilson's score bounds of a rate at critical value `z`.

    Each bound is one-sided at the tail of `z`; both together are the two-sided interval at twice that tail. Counts may
    be fractions. Raises ValueError unless 0 <= successes <= n and n > 0.
    """
    if not (n > 0.0 and 0.0 <= successes <= n):
        raise ValueError(f"no rate: {successes} of {n}")
    square = z * z
    centre = successes + square / 2.0
    spread = z * math.sqrt(successes * (n - successes) / n + square / 4.0)
    low = (centre - spread) / (n + square) if successes else 0.0
    high = (centre + spread) / (n + square) if successes < n else 1.0
    return max(0.0, low), min(1.0, high)


def newcombe_paired(both_pass: int, repaired: int, broken: int, both_fail: int, z: float) -> tuple[float, float]:
    """Return Newcombe's hybrid score interval of head - base, for display.

    Source: method 10 of Newcombe (1998), Statistics in Medicine 17, 2635-2650: square-and-add, with only the
    correlation corrected for continuity.
    """
    n = both_pass + repaired + broken + both_fail
    head, base = both_pass + repaired, both_pass + broken
    head_low, head_high = wilson(head, n, z)
    base_low, base_high = wilson(base, n, z)
    correlation = _correlation(both_pass, repaired, broken, both_fail)
    difference = (repaired - broken) / n
    below = _hypotenuse(head / n - head_low, base_high - base / n, correlation)
    above = _hypotenuse(head_high - head / n, base / n - base_low, correlation)
    return max(-1.0, difference - below), min(1.0, difference + above)


def _correlation(both_pass: int, repaired: int, broken: int, both_fail: int) -> float:
    product = (both_pass + repaired) * (broken + both_fail) * (both_pass + broken) * (repaired + both_fail)
    if not product:
        return 0.0
    excess: float = both_pass * both_fail - repaired * broken
    if excess > 0:
        excess = max(excess - (both_pass + repaired + broken + both_fail) / 2.0, 0.0)
    return excess / math.sqrt(product)


def _hypotenuse(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(0.0, one * one - 2.0 * correlation * one * other + other * other))
