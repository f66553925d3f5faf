"""Latency and cost (GATE 11): the geometric mean of head / base over pairs, against the largest ratio."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from sluice.compare import Pair
from sluice.gate.verdict import MetricVerdict, Tier, Word
from sluice.runner.latency import TimedPair
from sluice.schema import Gate, Suite
from sluice.stats.decision import NOMINAL_ALPHA
from sluice.stats.ratios import ratio_bounds

MIN_PAIRS = 20
"""Fewer pairs than this carry no ratio worth a verdict."""


def ratio_tier(metric: str, gate: Gate, *, batching: bool) -> Tier:
    """Return the tier of a reserved metric; the time of a batch is shared by its members and says little about one."""
    return "warn" if batching and metric == "latency" and gate.tier == "block" else gate.tier


def wants_fresh_pairs(suite: Suite, pairs: Sequence[Pair], *, batching: bool) -> bool:
    """Tell whether latency may block here and too few pairs were called in this run to say anything about it."""
    gate = suite.gates.get("latency")
    if gate is None or gate.max_ratio is None or ratio_tier("latency", gate, batching=batching) != "block":
        return False
    return len(_measurements("latency", pairs)[0]) < MIN_PAIRS


def decide_ratio(
    metric: str, gate: Gate, pairs: Sequence[Pair], *, batching: bool, timed: Sequence[TimedPair] = ()
) -> MetricVerdict:
    """Decide a reserved metric. `batching`: whether the engine computes several requests together.

    `timed` are pairs that were called for latency alone; they stand in where this run called too few.
    """
    assert gate.max_ratio is not None
    tier = ratio_tier(metric, gate, batching=batching)
    base, head = _measurements(metric, pairs)
    if metric == "latency" and timed:
        base, head = [pair.base for pair in timed], [pair.head for pair in timed]
    if len(base) < MIN_PAIRS:
        return _verdict(metric, tier, "skipped", gate.max_ratio, len(base), None, (_why_skipped(metric),))
    found = ratio_bounds(base, head, NOMINAL_ALPHA)
    means = (statistics.geometric_mean(base), statistics.geometric_mean(head))
    word: Word = "inconclusive"
    if found.upper < gate.max_ratio:
        word = "pass"
    elif found.lower > 1:
        word = "fail"
    upper = found.upper if math.isfinite(found.upper) else None
    return _verdict(metric, tier, word, gate.max_ratio, len(base), (found.ratio, found.lower, upper), (), means)


def _measurements(metric: str, pairs: Sequence[Pair]) -> tuple[list[float], list[float]]:
    base: list[float] = []
    head: list[float] = []
    for pair in pairs:
        for before, after in zip(pair.base, pair.head, strict=False):
            if metric == "latency" and not (before.called and after.called):
                continue
            values = (before.latency, after.latency) if metric == "latency" else (before.cost, after.cost)
            if values[0] and values[1]:
                base.append(values[0])
                head.append(values[1])
    return base, head


def _why_skipped(metric: str) -> str:
    if metric == "latency":
        return f"reused: fewer than {MIN_PAIRS} pairs were called on both sides in this run"
    return "the model file names no price, or the server told no token counts"


def _verdict(
    metric: str,
    tier: Tier,
    word: Word,
    margin: float,
    n: int,
    bounds: tuple[float, float, float | None] | None,
    notes: tuple[str, ...],
    means: tuple[float, float] | tuple[None, None] = (None, None),
) -> MetricVerdict:
    ratio, lower, upper = bounds or (None, None, None)
    return MetricVerdict(
        metric=metric, tier=tier, word=word, kind="ratio", n=n, base=means[0], head=means[1],
        difference=ratio, lower=lower, upper=upper, margin=margin, notes=notes,
    )  # fmt: skip
