"""Paired counts of clustered cases: what one look knows, the design effect, and the bounds that follow."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from sluice.stats import paired
from sluice.stats.distributions import normal_tail, student_quantile

FEW_CLUSTERS = 30
PRIOR_CLUSTERS = 0.25
"""Weight of the fully agreeing clusters that every design effect starts from (see docs/decisions)."""
EXACT_SLACK = 10.0 / 9.0
"""The exact test of a claim is held against the promised 5 %, where the score bound takes the nominal 4.5 %."""


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """The sufficient statistics of the pairs of one look.

    With S the sum of d = head - base in a cluster and m its number of pairs: `squares` is the sum of S*S over the
    clusters, `products` of S*m and `sizes` of m*m. Counts of disjoint sets of clusters add up, field by field.
    """

    n: int
    repaired: int
    broken: int
    clusters: int
    squares: float
    products: float
    sizes: float

    @property
    def discordant(self) -> int:
        """The number of pairs whose sides differ."""
        return self.repaired + self.broken

    @property
    def difference(self) -> float:
        """The observed rate of head minus that of base."""
        return (self.repaired - self.broken) / self.n

    @property
    def discordance(self) -> float:
        """The share of pairs whose sides differ."""
        return self.discordant / self.n

    def __add__(self, other: "PairedCounts") -> "PairedCounts":
        """Return the counts of both sets together; the sets must not share a cluster."""
        return PairedCounts(
            self.n + other.n,
            self.repaired + other.repaired,
            self.broken + other.broken,
            self.clusters + other.clusters,
            self.squares + other.squares,
            self.products + other.products,
            self.sizes + other.sizes,
        )


@dataclass(frozen=True, slots=True)
class PairedBounds:
    """One-sided bounds of head - base, and the effective sample they rest on."""

    difference: float
    lower: float
    upper: float
    design_effect: float
    effective_n: float


def count_pairs(differences: Sequence[int], clusters: Sequence[Hashable | None] | None = None) -> PairedCounts:
    """Count pairs with d in {-1, 0, 1}; `clusters` names each pair's cluster, None being a cluster of one.

    Raises ValueError where there is no pair, the lengths differ or a d is not -1, 0 or 1.
    """
    _require_pairs(differences, clusters)
    repaired, broken = differences.count(1), differences.count(-1)
    if repaired + broken + differences.count(0) != len(differences):
        raise ValueError("a binary pair has d = -1, 0 or 1; means over repeats are continuous")
    groups = cluster_sums(differences, clusters)
    return PairedCounts(
        n=len(differences),
        repaired=repaired,
        broken=broken,
        clusters=len(groups),
        squares=sum(total * total for total, _ in groups),
        products=sum(total * size for total, size in groups),
        sizes=sum(size * size for _, size in groups),
    )


def cluster_sums(values: Sequence[float], clusters: Sequence[Hashable | None] | None = None) -> list[tuple[float, int]]:
    """Return (sum of values, number of values) of each cluster, in order of first appearance."""
    if clusters is None:
        return [(value, 1) for value in values]
    groups: dict[Hashable, list[float]] = {}
    singles: list[tuple[float, int]] = []
    for value, cluster in zip(values, clusters, strict=True):
        if cluster is None:
            singles.append((value, 1))
        else:
            groups.setdefault(cluster, []).append(value)
    return [(sum(members), len(members)) for members in groups.values()] + singles


def design_effect(counts: PairedCounts, prior_clusters: float = PRIOR_CLUSTERS) -> float:
    """Return the variance of the cluster sums of d over its value for independent pairs, at least 1.

    Both variances carry their small-sample factor (clusters and pairs less one). The effect is 1 where no pair differs
    or every pair is a cluster of its own. `prior_clusters` adds so many discordant clusters of typical size whose
    pairs all agree: few observed flips then no longer pass for independent ones.
    """
    mean = counts.difference
    if counts.clusters in (1, counts.n):
        return 1.0
    between = counts.squares - 2.0 * mean * counts.products + mean * mean * counts.sizes
    between *= counts.clusters / (counts.clusters - 1)
    independent = (counts.discordant - counts.n * mean * mean) * counts.n / (counts.n - 1)
    size = counts.sizes / counts.n
    observed = between / independent if independent > 0.0 else 1.0
    shrunk_base = independent + prior_clusters * size
    shrunk = (between + prior_clusters * size * size) / shrunk_base if shrunk_base > 0.0 else 1.0
    return max(1.0, observed, shrunk)


def critical_value(z: float, units: int) -> float:
    """Return the quantile to use for the normal critical value `z` with so many independent units.

    Below 30 units that is Student's t with units - 1 degrees of freedom at the same tail, infinite for one unit.
    """
    if units >= FEW_CLUSTERS or z <= 0.0:
        return z
    return student_quantile(normal_tail(z), units - 1)


def paired_bounds(counts: PairedCounts, z: float, prior_clusters: float = PRIOR_CLUSTERS) -> PairedBounds:
    """Return the score bounds at critical value `z`, with n and counts divided by the design effect.

    A bound keeps zero inside where the exact sign test of the flips does not exclude it (see docs/decisions): the
    score statistic of few flips is a coarse lattice, and its normal tail is too small at some of their numbers.
    """
    effect = design_effect(counts, prior_clusters)
    critical = critical_value(z, counts.clusters)
    n, repaired, broken = counts.n / effect, counts.repaired / effect, counts.broken / effect
    low, high = paired.lower(n, repaired, broken, critical), paired.upper(n, repaired, broken, critical)
    if low > 0.0 and not excludes_zero(broken, repaired, critical):
        low = 0.0
    if high < 0.0 and not excludes_zero(repaired, broken, critical):
        high = 0.0
    return PairedBounds(counts.difference, low, high, effect, n)


def excludes_zero(fewer: float, more: float, critical: float) -> bool:
    """Return whether the exact one-sided sign test of the (effective) flips excludes 'no difference'."""
    return paired.mcnemar_one_sided(fewer, more) <= EXACT_SLACK * normal_tail(critical)


def _require_pairs(values: Sequence[float], clusters: Sequence[Hashable | None] | None) -> None:
    if not values:
        raise ValueError("no pair to count")
    if clusters is not None and len(clusters) != len(values):
        raise ValueError(f"{len(values)} pairs but {len(clusters)} cluster labels")
