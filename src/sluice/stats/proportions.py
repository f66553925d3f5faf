"""Intervals of one rate."""

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
