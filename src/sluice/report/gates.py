"""One gated metric in words and figures: the row of the gate table and the sentence below it."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.gate.verdict import MetricVerdict, Tier, Word
from sluice.report import numbers
from sluice.report.visible import one_line

ARROW = "\u2192"


@dataclass(frozen=True, slots=True)
class GateRow:
    """One metric, formatted; what is unknown is an en dash."""

    metric: str
    tier: Tier
    word: Word
    told: str
    """The word as the table tells it, with the floor where that alone decided."""
    base: str
    head: str
    difference: str
    interval: str
    margin: str
    detectable: str
    n: str


def gate_row(verdict: MetricVerdict) -> GateRow:
    """Format one metric verdict. Differences, margins and what could be seen are points; ratios are `×`."""
    interval = difference_interval(verdict)
    told = f"{verdict.word}: floor" if verdict.by_floor else verdict.word
    common = one_line(verdict.metric), verdict.tier, verdict.word, told
    if verdict.kind == "ratio":
        tell = numbers.duration if verdict.metric == "latency" else numbers.money
        return GateRow(
            *common, tell(verdict.base), tell(verdict.head), numbers.ratio(verdict.difference), interval,
            numbers.ratio(verdict.margin), numbers.UNKNOWN, numbers.count(verdict.n),
        )  # fmt: skip
    return GateRow(
        *common, numbers.percent(verdict.base), numbers.percent(verdict.head), numbers.points(verdict.difference),
        interval, _margin(verdict), numbers.points(_drop(verdict.detectable)), numbers.count(verdict.n),
    )  # fmt: skip


def difference_interval(verdict: MetricVerdict) -> str:
    """Return the bounds of the difference (or of the ratio), in brackets; empty where there are none."""
    if verdict.kind == "ratio":
        return numbers.ratio_interval(verdict.lower, verdict.upper, (verdict.margin,))
    return numbers.points_interval(verdict.lower, verdict.upper, (-verdict.margin,))


def main_figures(verdict: MetricVerdict) -> str:
    """Return `96.2% → 41.0%, −55.2 points [−58.9, −51.3]`, or head's figure alone where there is no base."""
    row = gate_row(verdict)
    floor = f", below the floor of {numbers.percent(verdict.floor)}" if verdict.by_floor else ""
    if verdict.base is None:
        return row.head + floor
    unit = "" if verdict.kind == "ratio" else " points"
    return f"{row.base} {ARROW} {row.head}, {row.difference}{unit} {row.interval}".rstrip() + floor


def explanation(verdict: MetricVerdict) -> str:
    """Say in one sentence why the metric was failed or left open; empty where nothing needs saying."""
    notes = "; ".join(map(one_line, verdict.notes))
    if verdict.word == "skipped":
        return f"{one_line(verdict.metric)} was skipped: {notes}" if notes else ""
    if verdict.difference is None or verdict.word not in ("fail", "inconclusive"):
        return f"{one_line(verdict.metric)}: {notes}" if notes else ""
    tell = _ratio_sentence if verdict.kind == "ratio" else _drop_sentence
    return f"{one_line(verdict.metric)} {tell(verdict)}{'; ' + notes if notes else ''}"


def _ratio_sentence(verdict: MetricVerdict) -> str:
    row = gate_row(verdict)
    limit = f"the limit is {row.margin}"
    if verdict.word == "fail":
        return f"is {row.difference} of base; {limit}"
    return f"may be up to {_bound(verdict)} of base; {limit}"


def _bound(verdict: MetricVerdict) -> str:
    return numbers.ratio(verdict.upper) if numbers.known(verdict.upper) else "any multiple"


def _drop_sentence(verdict: MetricVerdict) -> str:
    flips = f"{numbers.counted(verdict.broken, 'case')} broke, {verdict.repaired:,} were repaired"
    if verdict.repaired == 1:
        flips = flips.replace("were", "was")
    if verdict.mcnemar is not None:
        flips += f", McNemar {numbers.p_value(verdict.mcnemar)}"
    if verdict.word == "fail":
        return f"{_fell(verdict)}: {flips}"
    seen = f"; {numbers.counted(verdict.n, 'case')} can show a drop of {_points(verdict.detectable)}"
    more = f", about {numbers.counted(verdict.more_cases, 'more case')} would decide" if verdict.more_cases else ""
    return (
        f"may have dropped by up to {_points(verdict.lower)}, and {_points(verdict.margin)} is the margin"
        f"{seen if verdict.detectable is not None else ''}{more} ({flips})"
    )


def _fell(verdict: MetricVerdict) -> str:
    if verdict.by_floor:
        return "misses its floor"
    if verdict.difference is None or verdict.difference >= 0.0:
        return "does not hold its gate"
    least = verdict.upper if numbers.known(verdict.upper) and verdict.upper < 0.0 else None
    proven = f", at least {_points(least)} of it proven" if least is not None else ""
    return f"dropped by {_points(verdict.difference)}{proven}"


def _points(share: float | None) -> str:
    """Return the size of a share in points, without its sign: `5.0 points`."""
    return f"{numbers.points(_drop(share)).lstrip(numbers.MINUS)} points"


def _drop(share: float | None) -> float | None:
    return -abs(share) if numbers.known(share) else None


def _margin(verdict: MetricVerdict) -> str:
    return numbers.points(-verdict.margin) if verdict.margin else numbers.UNKNOWN
