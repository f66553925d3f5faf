"""The parts of a Markdown report: tables and cases, every foreign text made inert."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from sluice.compare import Pair
from sluice.gate.verdict import MetricVerdict, Tier
from sluice.report import numbers
from sluice.report.caseview import CaseView, case_view, problems, states
from sluice.report.content import SYMBOLS, SuiteContent
from sluice.report.difference import Pieces, marked
from sluice.report.gates import GateRow
from sluice.report.neutral import block, code, plain
from sluice.report.resources import SideResources, Slow
from sluice.report.slices import SliceFindings, SliceLoss
from sluice.report.visible import clipped, one_line

LINE = 76
"""Characters of a line in a code block, which does not wrap by itself."""
MOST_OF_A_NAME = 80
_HARD_SPACE = "\u00a0"
_TIERS: dict[Tier, str] = {"block": "", "warn": " (warns only)", "info": " (for information)"}


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> str:
    """Return a table; cells must be inert already."""
    rule = ["--:" if index in right else ":--" for index in range(len(header))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def named(text: str) -> str:
    """Return a name, inert and not longer than a table or a heading can bear."""
    return plain(clipped(one_line(text), MOST_OF_A_NAME))


def gate_table(rows: Sequence[GateRow]) -> str:
    """Return the gate table of one suite."""
    header = ("Metric", "Verdict", "Base", "Head", "Difference", "Margin", "Sees", "n")
    return table(header, map(_gate_cells, rows), frozenset({2, 3, 5, 6, 7}))


def _gate_cells(row: GateRow) -> tuple[str, ...]:
    figures = (row.base, row.head, f"{row.difference} {row.interval}".strip(), row.margin, row.detectable, row.n)
    return named(row.metric), _verdict(row), *(_tight(plain(figure)) for figure in figures)


def _verdict(row: GateRow) -> str:
    told = f"{SYMBOLS[row.word]}{_HARD_SPACE}{_tight(row.told)}"
    strong = row.tier == "block" and row.word not in ("pass", "skipped")
    return f"{f'**{told}**' if strong else told}{_TIERS[row.tier]}"


def _tight(figures: str) -> str:
    """Keep figures together, so that a narrow table scrolls instead of breaking them."""
    return figures.replace(" ", _HARD_SPACE)


def decision_table(metrics: Sequence[MetricVerdict]) -> str:
    """Return what the gate's decisions rest on."""
    header = ("Metric", "Broke", "Repaired", "Clusters", "Design effect", "McNemar", "Floor")
    rows = [
        (
            named(metric.metric),
            numbers.count(metric.broken),
            numbers.count(metric.repaired),
            numbers.count(metric.clusters),
            f"{metric.design_effect:.2f}",
            numbers.p_value(metric.mcnemar).replace("<", "&lt;"),
            numbers.percent(metric.floor),
        )
        for metric in metrics
        if metric.kind != "ratio"
    ]
    return table(header, rows, frozenset(range(1, 7)))


def case_text(pair: Pair, *, withheld: bool) -> str:
    """Return one case: a heading line, and a block with what was asked, both outputs and why."""
    view = case_view(pair)
    heading = _heading(view)
    return heading if withheld else f"{heading}\n\n{block(_body(view), 'diff')}"


def _heading(view: CaseView) -> str:
    moved = f"{', '.join(map(plain, view.metrics))}: " if view.metrics else ""
    return " \u00b7 ".join(
        part for part in (f"**{code(view.id)}**", plain(view.place), f"{moved}{plain(states(view))}") if part
    )


def _body(view: CaseView) -> str:
    lines = _wrapped("  ", view.asked[1]) if view.asked else []
    if view.same_output and view.head is not None:
        lines += ["  (both sides:)", *_wrapped("  ", _told(view.head, "", ""))]
    else:
        if view.base_state:
            lines += _output("- ", view.base, ("[-", "-]"), view.base_state)
        lines += _output("+ ", view.head, ("{+", "+}"), view.head_state)
    return "\n".join([*lines, *(line for reason in view.reasons for line in _wrapped("# ", reason))])


def _output(prefix: str, pieces: Pieces | None, marks: tuple[str, str], state: str) -> list[str]:
    if pieces is None:
        return [f"{prefix}({state})"]
    return _wrapped(prefix, _told(pieces, *marks))


def _told(pieces: Pieces, opening: str, closing: str) -> str:
    return marked(pieces, opening, closing) if any(piece.text.strip() for piece in pieces) else "(empty)"


def _wrapped(prefix: str, text: str) -> list[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(line, LINE, replace_whitespace=False, drop_whitespace=True) or [""]
    return [f"{prefix}{line}".rstrip() for line in lines]


def error_line(pair: Pair) -> str:
    """Return one list item for a pair that could not be scored."""
    case, why = problems(pair)
    return f"- {code(case)}: {plain(why)}"


def slowest_table(slow: Sequence[Slow]) -> str:
    """Return the slowest cases."""
    rows = [(named(one.case), numbers.duration(one.base), numbers.duration(one.head)) for one in slow]
    return table(("Case", "Base", "Head"), rows, frozenset({1, 2}))


def slices_text(found: SliceFindings, most: int) -> str:
    """Return the slices that stand out, and how many were looked at."""
    note = f"{found.tested:,} slices and metrics were looked at"
    if not found.standing_out:
        return f"None stands out; {note}."
    rows = [_slice_cells(loss) for loss in found.standing_out[:most]]
    header = ("Slice", "Metric", "Broke", "Elsewhere", "Difference")
    return (
        f"{table(header, rows, frozenset({2, 3, 4}))}\n\n{note}; adjusted by Benjamini and Hochberg's procedure at "
        "10 %. This points at places; the verdict does not rest on it."
    )


def _slice_cells(loss: SliceLoss) -> tuple[str, ...]:
    return (
        named(f"{loss.field} {loss.value}"),
        named(loss.metric),
        f"{loss.broken:,} of {loss.n:,}",
        f"{loss.elsewhere_broken:,} of {loss.elsewhere_n:,}",
        numbers.points(loss.difference),
    )


def resources_table(suite: SuiteContent) -> str:
    """Return latency, tokens and cost of both sides."""
    base, head = suite.base, suite.head
    rows = [(label, before, after) for (label, before), (_, after) in zip(_took(base), _took(head), strict=True)]
    return table(("", "Base", "Head"), rows, frozenset({1, 2}))


def _took(side: SideResources) -> list[tuple[str, str]]:
    return [
        ("Latency, median", numbers.duration(side.p50)),
        ("Latency, 95th percentile", numbers.duration(side.p95)),
        ("Calls timed in this run", numbers.count(side.timed)),
        ("Prompt tokens", numbers.count(side.prompt_tokens)),
        ("Answer tokens", numbers.count(side.completion_tokens)),
        ("Cost", numbers.money(side.cost)),
    ]
