"""Latency and cost: the geometric mean of head / base over pairs, with sign-flip bounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sluice.stats.permutation import sign_flips

FLIPS = 2_000


@dataclass(frozen=True, slots=True)
class RatioBounds:
    """The geometric mean of head / base and its one-sided bounds; below 1 means that head is smaller."""

    ratio: float
    lower: float
    upper: float
    pairs: int


def ratio_bounds(
    base: Sequence[float], head: Sequence[float], alpha: float, *, seed: int = 0, flips: int = FLIPS
) -> RatioBounds:
    """Bound the geometric mean ratio at one-sided level `alpha` by flipping the signs of the log ratios.

    The bounds are 0 and infinity where too few pairs can reach alpha. Raises ValueError where the sides differ in
    length, are empty or hold a number that is not positive and finite.
    """
    if len(base) != len(head) or not base:
        raise ValueError(f"{len(base)} base and {len(head)} head measurements make no pairs")
    if not all(0.0 < value < math.inf for side in (base, head) for value in side):
        raise ValueError("ratios need positive, finite measurements")
    logs = [math.log(after / before) for before, after in zip(base, head, strict=True)]
    mean = math.fsum(logs) / len(logs)
    flipped = sign_flips([(value, 1) for value in logs], flips=flips, seed=seed)
    low, high = min(mean, flipped.lower(alpha)), max(mean, flipped.upper(alpha))
    return RatioBounds(math.exp(mean), math.exp(low), math.exp(high), len(logs))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie, interpolated linearly between neighbours."""
    if not values or not 0.0 <= share <= 1.0:
        raise ValueError("a percentile needs values and a share between 0 and 1")
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    index = min(int(position), len(ordered) - 2) if len(ordered) > 1 else 0
    following = ordered[min(index + 1, len(ordered) - 1)]
    return ordered[index] + (position - index) * (following - ordered[index])
