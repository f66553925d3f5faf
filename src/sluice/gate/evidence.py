"""The evidence about one gated metric at one look: bounds at any level, with the looks and clusters it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.compare import MetricPairs
from sluice.schema import Gate
from sluice.stats.clusters import PairedCounts, count_pairs, paired_bounds
from sluice.stats.continuous import mean_bounds
from sluice.stats.sequential import boundaries


@dataclass(frozen=True, slots=True)
class Looks:
    """How many planned cases of a metric each look of its suite holds (cumulative)."""

    counts: tuple[int, ...]

    def fractions(self) -> tuple[float, ...]:
        """Return the information fractions of the looks that bring something new for this metric."""
        steps = sorted({count for count in self.counts if count > 0})
        return tuple(step / steps[-1] for step in steps)

    def index(self, look: int) -> int | None:
        """Return which of those fractions a look of the suite has reached, or None before the first case."""
        steps = sorted({count for count in self.counts if count > 0})
        count = self.counts[look]
        return steps.index(count) if count else None


@dataclass(frozen=True, slots=True)
class Bounds:
    """One-sided bounds of head minus base, and the effective number of pairs they rest on."""

    difference: float
    lower: float
    upper: float
    design_effect: float
    effective_n: float


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """One quality metric of one suite, as far as the given look."""

    metric: str
    gate: Gate
    pairs: MetricPairs
    looks: Looks
    look: int

    @property
    def margin(self) -> float:
        """The largest acceptable drop."""
        assert self.gate.max_drop is not None
        return self.gate.max_drop

    @property
    def counts(self) -> PairedCounts | None:
        """The paired counts of a binary metric, None for a continuous one."""
        if self.pairs.kind != "binary":
            return None
        return count_pairs([round(d) for d in self.pairs.differences], self.pairs.clusters)

    def critical(self, level: float) -> float:
        """Return the boundary of this look for a one-sided nominal level."""
        index = self.looks.index(self.look)
        assert index is not None
        return boundaries(level, self.looks.fractions())[index]

    def bounds(self, level: float) -> Bounds:
        """Return the repeated one-sided bounds of this look at a nominal level."""
        z = self.critical(level)
        counts = self.counts
        if counts is not None:
            found = paired_bounds(counts, z)
            return Bounds(found.difference, found.lower, found.upper, found.design_effect, found.effective_n)
        mean = mean_bounds(self.pairs.differences, z, self.pairs.clusters)
        return Bounds(mean.mean, mean.lower, mean.upper, 1.0, float(len(self.pairs.cases)))


def holm_rejections(open_tests: Sequence[MetricEvidence], others: int, alpha: float) -> frozenset[int]:
    """Return which of the tests Holm's procedure rejects (head is worse), by index.

    `others` counts the members of the family that an interim look decided without rejecting them.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    rejected: set[int] = set()
    while len(rejected) < len(open_tests):
        level = alpha / (others + len(open_tests) - len(rejected))
        found = next(
            (i for i, test in enumerate(open_tests) if i not in rejected and test.bounds(level).upper < 0), None
        )
        if found is None:
            break
        rejected.add(found)
    return frozenset(rejected)
