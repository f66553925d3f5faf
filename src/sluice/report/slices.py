"""Slices that stand out: where a metric broke more often than in the rest of the cases."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sluice.compare import Comparison, MetricPairs
from sluice.gate.verdict import MetricVerdict
from sluice.stats.multiplicity import benjamini_hochberg

FALSE_DISCOVERY_RATE = 0.10
MIN_CASES = 5


@dataclass(frozen=True, slots=True)
class SliceLoss:
    """One metric in one slice: how many of its cases got worse, against the other cases."""

    field: str
    value: str
    metric: str
    broken: int
    n: int
    elsewhere_broken: int
    elsewhere_n: int
    difference: float
    """Head minus base in the slice."""
    adjusted: float
    """The one-sided p-value, adjusted over all slices and metrics that were tested."""


@dataclass(frozen=True, slots=True)
class SliceFindings:
    """The slices that stand out, most certain first, and how many slice x metric pairs were looked at."""

    standing_out: tuple[SliceLoss, ...]
    tested: int


def find_slices(comparison: Comparison, metrics: Mapping[str, MetricVerdict]) -> SliceFindings:
    """Test every slice of at least `MIN_CASES` cases against the other cases, for each metric that broke somewhere.

    The test is Fisher's exact one (one-sided) on the counts divided by the metric's design effect; Benjamini and
    Hochberg's procedure keeps the share of false findings at 10 %. It points at places and decides nothing.
    """
    members = _members(comparison)
    raw: list[tuple[float, SliceLoss]] = []
    for name, verdict in metrics.items():
        pairs = comparison.metrics.get(name)
        if pairs is not None and verdict.kind != "ratio":
            raw.extend(_losses(pairs, members, max(1.0, verdict.design_effect)))
    adjusted = benjamini_hochberg([p for p, _ in raw])
    found = sorted(
        (p, -loss.broken, index) for index, (p, (_, loss)) in enumerate(zip(adjusted, raw, strict=True))
        if p <= FALSE_DISCOVERY_RATE
    )  # fmt: skip
    return SliceFindings(tuple(replace(raw[index][1], adjusted=p) for p, _, index in found), len(raw))


def _members(comparison: Comparison) -> dict[tuple[str, str], frozenset[str]]:
    members: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for pair in comparison.pairs:
        for name, value in pair.info.slices.items():
            members[name, value].add(pair.info.id)
    return {key: frozenset(ids) for key, ids in sorted(members.items())}


def _losses(
    pairs: MetricPairs, members: Mapping[tuple[str, str], frozenset[str]], effect: float
) -> list[tuple[float, SliceLoss]]:
    differences = dict(zip(pairs.cases, pairs.differences, strict=True))
    worse = {case for case, difference in differences.items() if difference < 0}
    if not worse:
        return []
    found = []
    for (field, value), ids in members.items():
        inside = ids & differences.keys()
        if not MIN_CASES <= len(inside) < len(differences):
            continue
        broken = len(inside & worse)
        loss = SliceLoss(
            field, value, pairs.metric, broken, len(inside), len(worse) - broken, len(differences) - len(inside),
            math.fsum(differences[case] for case in sorted(inside)) / len(inside), 1.0,
        )  # fmt: skip
        found.append((_more_often(loss, effect), loss))
    return found


def _more_often(loss: SliceLoss, effect: float) -> float:
    """Return P(at least so many of the broken cases fall into the slice), if they fell anywhere alike."""
    inside, n = int(loss.broken / effect), math.ceil(loss.n / effect)
    worse = inside + math.ceil(loss.elsewhere_broken / effect)
    total = n + math.ceil(loss.elsewhere_n / effect)
    return hypergeometric_at_least(inside, total, worse, n)


def hypergeometric_at_least(count: int, total: int, marked: int, drawn: int) -> float:
    """Return P(X >= count) for the number of marked items among `drawn` of `total` items without replacement."""
    terms = (
        _log_choose(marked, x) + _log_choose(total - marked, drawn - x) - _log_choose(total, drawn)
        for x in range(max(count, drawn + marked - total, 0), min(marked, drawn) + 1)
    )
    return min(1.0, math.fsum(map(math.exp, terms)))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
