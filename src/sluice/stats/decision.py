"""The three-way decision about one binary metric: its margin, its looks, its two levels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sluice.stats.clusters import PRIOR_CLUSTERS, PairedCounts, paired_bounds
from sluice.stats.sequential import boundaries

NOMINAL_ALPHA = 0.045

Decision = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided, and at which look (counted from 0)."""

    decision: Decision
    look: int


def decide_look(
    counts: PairedCounts,
    margin: float,
    pass_z: float,
    fail_z: float,
    *,
    last: bool,
    prior_clusters: float = PRIOR_CLUSTERS,
) -> Decision:
    """Decide at one look; before the last one, 'inconclusive' means: go on.

    pass: the lower bound at `pass_z` is above -margin. fail: not pass, and the upper bound at `fail_z` is below 0;
    before the last look the observed drop must reach the margin too.
    """
    bounds = paired_bounds(counts, pass_z, prior_clusters)
    if bounds.lower > -margin:
        return "pass"
    if bounds.difference >= 0.0 or (not last and bounds.difference > -margin):
        return "inconclusive"
    upper = bounds.upper if fail_z == pass_z else paired_bounds(counts, fail_z, prior_clusters).upper
    return "fail" if upper < 0.0 else "inconclusive"


def decide(
    looks: Sequence[PairedCounts],
    margin: float,
    alpha: float = NOMINAL_ALPHA,
    fail_alpha: float | None = None,
    prior_clusters: float = PRIOR_CLUSTERS,
) -> Outcome:
    """Go through the cumulative counts of the planned looks and stop at the first decision.

    `fail_alpha` is the level for failing where it differs, as for one of several metrics. The last element holds the
    whole plan; the looks' information fractions are their shares of its pairs.
    """
    fractions = tuple(counts.n / looks[-1].n for counts in looks)
    pass_levels = boundaries(alpha, fractions)
    fail_levels = boundaries(fail_alpha or alpha, fractions)
    last = len(looks) - 1
    for index, (counts, pass_z, fail_z) in enumerate(zip(looks, pass_levels, fail_levels, strict=True)):
        decision = decide_look(counts, margin, pass_z, fail_z, last=index == last, prior_clusters=prior_clusters)
        if decision != "inconclusive":
            return Outcome(decision, index)
    return Outcome("inconclusive", last)
