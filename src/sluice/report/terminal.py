"""A judgement in a terminal: verdict first, then gates, the cases that changed, and what it took."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sluice.compare import Change, Pair
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.report import numbers
from sluice.report.cases import worst_first
from sluice.report.content import SYMBOLS, Content, SuiteContent, content
from sluice.report.gates import ARROW
from sluice.report.privacy import may_show, suite_shown_to
from sluice.report.resources import SideResources
from sluice.report.slices import SliceLoss
from sluice.report.terminal_cases import case_list, error_list
from sluice.report.terminal_gates import STYLES, gate_list
from sluice.report.visible import clipped, one_line

WIDTH = 80
LEAST_WIDTH = 40
CASES = 3
FEW = 2
"""Examples of what is no loss: repaired, changed, errors."""
MOST_SLICES = 6
MOST_UNAFFECTED = 8
LEGEND = "differences in points; sees: the drop that so many cases show four times in five"


def to_text(judgement: Judgement, *, width: int = WIDTH, colour: bool = False, cases: int = CASES) -> str:
    """Return the report as text with lines of at most `width` cells (at least 40), with or without ANSI colours.

    `cases` bounds the broken cases that are shown. Without colour the words that differ are bracketed.
    """
    return _printed(renderable(judgement, width=max(width, LEAST_WIDTH), colour=colour, cases=cases), width, colour)


def cases_to_text(
    suite: SuiteJudgement, changes: Sequence[Change], *, limit: int, width: int = WIDTH, colour: bool = False
) -> str:
    """Return up to `limit` cases of each kind of change of one suite, worst first."""
    pairs = suite_shown_to(suite, "private").comparison.pairs
    withheld = not may_show(suite.outputs, "private")
    parts: list[RenderableType | None] = [Text.assemble(("\u2500\u2500 ", "dim"), (one_line(suite.name), "bold"))]
    for change in changes:
        found = worst_first((pair for pair in pairs if pair.change == change), set(), set())
        shown = found[:limit]
        title = _of(numbers.counted(len(found), f"{_ADJECTIVES[change]} case"), len(shown), len(found), worst=False)
        body = case_list(shown, colour=colour, withheld=withheld)
        parts.append(_section(title, body) if shown else Text(title, style="dim"))
    return _printed(Group(*_spaced(parts)), width, colour) + "\n"


_ADJECTIVES: dict[Change, str] = {
    "broken": "broken",
    "repaired": "repaired",
    "changed": "changed",
    "same": "unchanged",
    "error": "failed",
}


def _printed(body: RenderableType, width: int, colour: bool) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=max(width, LEAST_WIDTH), force_terminal=colour, no_color=not colour, highlight=False,
        color_system="standard" if colour else None, markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    console.print(body)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").split("\n")) + "\n"


def renderable(judgement: Judgement, *, width: int = WIDTH, colour: bool = False, cases: int = CASES) -> RenderableType:
    """Return the report for a console of `width` cells; `colour` says whether colour may carry the differences."""
    told = content(judgement, "private")
    parts: list[RenderableType | None] = [_head(told)]
    if told.edits:
        parts.append(_section("This change edits what it is judged by", _bullets(told.edits)))
    if told.reasons:
        parts.append(_bullets(told.reasons))
    parts.extend(_suite(suite, width, colour=colour, cases=cases) for suite in told.suites)
    parts.append(_foot(told, cases))
    return Group(*_spaced(parts))


def _spaced(parts: Iterable[RenderableType | None]) -> list[RenderableType]:
    spaced: list[RenderableType] = []
    for part in parts:
        if part is not None:
            spaced.extend(["", part] if spaced else [part])
    return spaced


def _head(told: Content) -> RenderableType:
    style = STYLES[told.word]
    word, _, rest = told.title.partition(":")
    first = Text.assemble(
        (f"{SYMBOLS[told.word]} ", style), (word, f"bold {style}"), (f":{rest}" if rest else "", "bold")
    )
    lines = [first, Text(told.counts), Text(told.sides, style="dim")]
    return Group(*(line for line in lines if line.plain))


def _section(title: str, body: RenderableType) -> RenderableType:
    return Group(Text(title, style="bold"), body)


def _bullets(lines: Iterable[str]) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row("\u2022", Text(line))
    return grid


def _suite(suite: SuiteContent, width: int, *, colour: bool, cases: int) -> RenderableType:
    shown = _case_sections(suite, colour=colour, cases=cases)
    parts: list[RenderableType | None] = [
        Group(_title(suite, width), *_gates(suite, width)),
        _bullets((*suite.reasons, *suite.moved)) if suite.reasons or suite.moved else None,
        *shown,
        _slices(suite),
        _resources(suite),
    ]
    return Group(*_spaced(parts))


def _title(suite: SuiteContent, width: int) -> Text:
    name = clipped(suite.name, max(8, width - 4))
    start = Text.assemble(("\u2500\u2500 ", "dim"), (name, "bold"), "  ")
    facts = f"{suite.facts}, {suite.progress}" if suite.progress else suite.facts
    room = width - start.cell_len
    if room >= len(facts):
        return start.append(facts, style="dim")
    return start.append("\n").append(facts, style="dim")


def _gates(suite: SuiteContent, width: int) -> list[RenderableType]:
    if not suite.rows:
        return []
    return [Text(), gate_list(suite.rows, width), Text(LEGEND, style="dim")]


def _case_sections(suite: SuiteContent, *, colour: bool, cases: int) -> list[RenderableType]:
    few = min(cases, FEW)
    kind = "failing" if suite.first else "broken"
    wanted: list[tuple[str, tuple[Pair, ...], int]] = [
        (f"{numbers.counted(len(suite.failing), 'must-pass case')} failing, as on base", suite.failing, cases),
        (f"{len(suite.broken):,} {kind}", suite.broken, cases),
        (f"{len(suite.repaired):,} repaired", suite.repaired, few),
        # Changes without a change of verdict are worth a look where nothing broke.
        (f"{len(suite.changed):,} changed, same verdict", suite.changed, 0 if suite.broken and cases else few),
        (f"{len(suite.flaky):,} flaky", suite.flaky, 0 if suite.broken else few),
    ]
    sections: list[RenderableType] = []
    for title, pairs, limit in wanted:
        if shown := pairs[:limit]:
            listed = case_list(shown, colour=colour, withheld=suite.withheld)
            sections.append(_section(_of(title, len(shown), len(pairs), suite.broken is pairs), listed))
    if shown := suite.errors[:few]:
        title = f"{numbers.counted(len(suite.errors), 'error')}, neither pass nor fail"
        sections.append(_section(_of(title, len(shown), len(suite.errors), worst=False), error_list(shown)))
    return sections


def _of(title: str, shown: int, total: int, worst: bool) -> str:
    if shown == total:
        return title
    which, many = ("worst", f"{shown:,} worst") if worst else ("first", f"first {shown:,}")
    return f"{title}; the {which if shown == 1 else many}"


def _slices(suite: SuiteContent) -> RenderableType | None:
    found = suite.slices
    if not found.tested:
        return None
    if not found.standing_out:
        return Text(f"No slice stands out ({found.tested:,} looked at).", style="dim")
    grid = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        grid.add_column(overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold", style="dim")
    for loss in found.standing_out[:MOST_SLICES]:
        grid.add_row(*_slice_row(loss))
    note = f"of {found.tested:,} looked at; adjusted (Benjamini-Hochberg, 10 %); a pointer, no verdict"
    return Group(Text("Slices that stand out", style="bold"), grid, Text(note, style="dim"))


def _slice_row(loss: SliceLoss) -> tuple[Text, Text, Text, Text]:
    return (
        Text(clipped(one_line(f"{loss.field} {loss.value}"), 40)),
        Text(one_line(loss.metric)),
        Text(f"{loss.broken:,} of {loss.n:,} broke"),
        Text(f"elsewhere {loss.elsewhere_broken:,} of {loss.elsewhere_n:,}"),
    )


def _resources(suite: SuiteContent) -> RenderableType | None:
    rows = [*_latency(suite), *_amounts(suite)]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(label, text)
    grid.add_row("this run", suite.usage)
    if suite.engine:
        grid.add_row("engine", suite.engine)
    if suite.why:
        grid.add_row("differs in", ", ".join(suite.why))
    return grid


def _latency(suite: SuiteContent) -> list[tuple[str, str]]:
    base, head = suite.base, suite.head
    if not base.timed and not head.timed:
        return []
    calls = f"{base.timed:,} and {head.timed:,} calls" if base.timed else numbers.counted(head.timed, "call")
    p50, p95 = (
        _change(numbers.duration(getattr(base, name)), numbers.duration(getattr(head, name))) for name in ("p50", "p95")
    )
    return [("latency", f"p50 {p50}, p95 {p95} ({calls})")]


def _amounts(suite: SuiteContent) -> list[tuple[str, str]]:
    base, head = suite.base, suite.head
    rows = []
    if head.prompt_tokens is not None or head.completion_tokens is not None:
        rows.append(("tokens", f"prompts {_tokens(base, head, 'prompt')}, answers {_tokens(base, head, 'completion')}"))
    if head.cost is not None:
        rows.append(("cost", _change(numbers.money(base.cost), numbers.money(head.cost))))
    return rows


def _tokens(base: SideResources, head: SideResources, kind: str) -> str:
    before, after = (getattr(side, f"{kind}_tokens") for side in (base, head))
    return _change(numbers.count(before), numbers.count(after))


def _change(before: str, after: str) -> str:
    return after if before == numbers.UNKNOWN else f"{before} {ARROW} {after}"


def _foot(told: Content, cases: int) -> RenderableType | None:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for index, step in enumerate(told.next_steps):
        text = f"{index + 1}. {step}" if len(told.next_steps) > 1 else step
        grid.add_row("next" if index == 0 else "", Text(text))
    if told.unaffected:
        grid.add_row("unaffected", Text(_names(told.unaffected)))
    if len(told.suites) > 1:
        grid.add_row("in all", told.usage)
    most = max((max(len(suite.broken), len(suite.repaired)) for suite in told.suites), default=0)
    if any(len(suite.broken) > cases or len(suite.repaired) > FEW for suite in told.suites):
        grid.add_row("all cases", f"sluice compare --limit {most}")
    return grid if grid.row_count else None


def _names(names: tuple[str, ...]) -> str:
    told = ", ".join(one_line(name) for name in names[:MOST_UNAFFECTED])
    more = len(names) - MOST_UNAFFECTED
    return f"{told} and {more:,} more" if more > 0 else told
