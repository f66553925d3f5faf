"""The verdict of one metric from its evidence (GATE 6 to 10): pass, fail or inconclusive, with the reasons."""

from __future__ import annotations

import math
import statistics

from sluice.gate.evidence import Bounds, MetricEvidence
from sluice.gate.verdict import MetricVerdict, Word
from sluice.stats.decision import NOMINAL_ALPHA
from sluice.stats.distributions import normal_quantile
from sluice.stats.paired import mcnemar_two_sided
from sluice.stats.power import cases_for_mean, cases_to_detect, detectable_drop, detectable_mean_drop
from sluice.stats.proportions import wilson


def decide_metric(evidence: MetricEvidence, *, last: bool, rejected: bool) -> MetricVerdict:
    """Decide one quality metric at one look.

    `rejected`: whether the family's procedure has found head worse (the level for failing is the family's).
    """
    bounds = evidence.bounds(NOMINAL_ALPHA)
    word, notes = _word(evidence, bounds, last=last, rejected=rejected)
    if last and word != "fail" and (breach := _floor_breach(evidence)):
        word, notes = "fail", [breach]
    elif word != "fail" and (missed := _floor_missed(evidence)):
        notes = [*notes, missed]
    counts = evidence.counts
    return MetricVerdict(
        metric=evidence.metric,
        tier=evidence.gate.tier,
        word=word,
        kind=evidence.pairs.kind,
        n=len(evidence.pairs.cases),
        base=statistics.fmean(evidence.pairs.base),
        head=statistics.fmean(evidence.pairs.head),
        difference=bounds.difference,
        lower=bounds.lower,
        upper=bounds.upper,
        margin=evidence.margin,
        floor=evidence.gate.floor,
        broken=sum(d < 0 for d in evidence.pairs.differences),
        repaired=sum(d > 0 for d in evidence.pairs.differences),
        design_effect=bounds.design_effect,
        clusters=counts.clusters if counts else None,
        detectable=_detectable(evidence, bounds),
        more_cases=_more_cases(evidence, bounds) if word == "inconclusive" else None,
        mcnemar=mcnemar_two_sided(counts.repaired, counts.broken) if counts else None,
        notes=tuple(notes),
    )


def _word(evidence: MetricEvidence, bounds: Bounds, *, last: bool, rejected: bool) -> tuple[Word, list[str]]:
    if bounds.lower > -evidence.margin:
        return "pass", ["a small real drop, inside the margin"] if bounds.upper < 0 else []
    # An interim stop needs a drop of at least the margin, or large suites would fail drops that they accept.
    if rejected and (last or bounds.difference <= -evidence.margin):
        return "fail", []
    return "inconclusive", []


def _floor_breach(evidence: MetricEvidence) -> str | None:
    """Say how head's own rate is provably below the floor while base was better, or None (GATE 10)."""
    floor = evidence.gate.floor
    base, head = statistics.fmean(evidence.pairs.base), statistics.fmean(evidence.pairs.head)
    if floor is None or head >= base:
        return None
    n = len(evidence.pairs.cases)
    upper = wilson(head * n, n, normal_quantile(NOMINAL_ALPHA))[1]
    return f"head's rate is at most {upper:.1%}, below the floor of {floor:.0%}" if upper < floor else None


def _floor_missed(evidence: MetricEvidence) -> str | None:
    """Say that head misses a floor that base misses too: no loss of this change, and nothing to be proud of."""
    floor, rates = evidence.gate.floor, (evidence.pairs.base, evidence.pairs.head)
    n = len(evidence.pairs.cases)
    if floor is None or not all(below_floor(statistics.fmean(rate), n, floor) for rate in rates):
        return None
    return f"both sides miss the floor of {floor:.0%}"


def below_floor(rate: float, n: int, floor: float) -> bool:
    """Return whether a rate over n cases is provably below a floor (one-sided Wilson bound)."""
    return wilson(rate * n, n, normal_quantile(NOMINAL_ALPHA))[1] < floor


def _discordance(evidence: MetricEvidence) -> float:
    """Return the share of flips, never below one flip: no flips seen is not proof of none."""
    differences = evidence.pairs.differences
    return max(sum(d != 0 for d in differences), 1) / len(differences)


def _detectable(evidence: MetricEvidence, bounds: Bounds) -> float | None:
    if evidence.pairs.kind == "binary":
        return detectable_drop(bounds.effective_n, _discordance(evidence), NOMINAL_ALPHA)
    deviation = _deviation(evidence)
    return detectable_mean_drop(bounds.effective_n, deviation, NOMINAL_ALPHA) if deviation else None


def _deviation(evidence: MetricEvidence) -> float:
    return statistics.stdev(evidence.pairs.differences) if len(evidence.pairs.cases) > 1 else 0.0


def _more_cases(evidence: MetricEvidence, bounds: Bounds) -> int | None:
    """Return how many further cases would decide with 80 % power, if head is as it looks."""
    n, drop = len(evidence.pairs.cases), -bounds.difference
    if evidence.pairs.kind == "continuous":
        deviation = _deviation(evidence)
        needed = cases_for_mean(max(drop, evidence.margin), deviation, NOMINAL_ALPHA) if deviation else 0
        return needed - n if needed > n else None
    discordance = min(1.0, max(_discordance(evidence), evidence.margin))
    # What detects a drop of the margin also passes an unchanged head against it, to within two cases.
    needed = cases_to_detect(evidence.margin, discordance, NOMINAL_ALPHA)
    if drop > evidence.margin or (needed * bounds.design_effect <= n and drop > 0):
        needed = cases_to_detect(drop, max(discordance, drop), NOMINAL_ALPHA)
    more = math.ceil(needed * bounds.design_effect) - n
    return more if more > 0 else None
