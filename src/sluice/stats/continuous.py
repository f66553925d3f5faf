"""One-sided bounds of the mean difference of scores, with clusters and for few units."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from sluice.stats import paired
from sluice.stats.clusters import FEW_CLUSTERS, cluster_sums
from sluice.stats.distributions import normal_tail, student_quantile
from sluice.stats.permutation import sign_flips

FLIPS = 10_000


@dataclass(frozen=True, slots=True)
class MeanBounds:
    """The mean of d, its one-sided bounds, its cluster-robust standard error and the number of independent units."""

    mean: float
    lower: float
    upper: float
    standard_error: float
    units: int


def mean_bounds(
    differences: Sequence[float],
    z: float,
    clusters: Sequence[Hashable | None] | None = None,
    *,
    seed: int = 0,
    limit: float = 1.0,
) -> MeanBounds:
    """Bound the mean of d = head - base at the tail of the normal critical value `z`.

    From 30 units on (clusters, or pairs without one): Student's t with units - 1 degrees of freedom and the
    cluster-robust error. Below: the inverted sign-flip test, whose units are the clusters too. Where no pair differs:
    the score bound of as many pass/fail pairs as there are units. Bounds are cut at
    +-`limit`, the largest difference that scores can have. Raises ValueError without a pair.
    """
    if not differences:
        raise ValueError("no pair to average")
    units = cluster_sums(differences, clusters)
    mean = math.fsum(differences) / len(differences)
    error = standard_error(units)
    if not any(differences):
        # No difference seen is not proof of none: as for pass/fail, the score bound keeps its width.
        reach = paired.upper(len(units), 0, 0, z)
        low, high = -reach, reach
    elif len(units) >= FEW_CLUSTERS:
        reach = student_quantile(normal_tail(z), len(units) - 1) * error
        low, high = mean - reach, mean + reach
    else:
        flips = sign_flips(units, flips=FLIPS, seed=seed)
        low, high = flips.lower(normal_tail(z)), flips.upper(normal_tail(z))
    # Rounding in the sums of subsets must not carry a bound across the mean.
    low, high = min(low, mean), max(high, mean)
    return MeanBounds(mean, max(-limit, low), min(limit, high), error, len(units))


def standard_error(units: Sequence[tuple[float, int]]) -> float:
    """Return the cluster-robust error (CR1) of the mean over units given as (sum, size); infinite for one unit."""
    if len(units) < 2:
        return math.inf
    n = sum(size for _, size in units)
    mean = math.fsum(total for total, _ in units) / n
    squares = math.fsum((total - size * mean) ** 2 for total, size in units)
    return math.sqrt(squares * len(units) / (len(units) - 1)) / n
