"""Cases in a terminal: where, what was asked, both outputs, the words that differ, and why."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sluice.compare import Pair
from sluice.report.caseview import CaseView, case_view, problems, states
from sluice.report.difference import Piece, Pieces, around, marked

REMOVED = ("[-", "-]", "red strike")
ADDED = ("{+", "+}", "green underline")
WITHHELD = "withheld: a dataset's card keeps outputs out of reports"
_LABEL_WIDTH = 8


def case_list(pairs: Sequence[Pair], *, colour: bool, withheld: bool) -> RenderableType:
    """Return the cases one below the other. With colour the words that differ are styled, else they are bracketed."""
    shown: list[RenderableType] = []
    for pair in pairs:
        shown.extend([_heading(view := case_view(pair)), _body(view, colour=colour, withheld=withheld)])
    return Group(*shown)


def error_list(pairs: Sequence[Pair]) -> RenderableType:
    """Return one line for each pair that could not be scored."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, max_width=32)
    grid.add_column(overflow="fold")
    for pair in pairs:
        case, why = problems(pair)
        grid.add_row(Text(f"  {case}"), Text(why))
    return grid


def _heading(view: CaseView) -> RenderableType:
    text = Text(view.id, style="bold")
    if view.place:
        text.append(f"  {view.place}", style="not bold dim")
    return Padding(text, (0, 0, 0, 2))


def _body(view: CaseView, *, colour: bool, withheld: bool) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, style="dim", min_width=_LABEL_WIDTH + 4, max_width=_LABEL_WIDTH + 4)
    grid.add_column(overflow="fold")
    for label, text in _rows(view, colour=colour, withheld=withheld):
        grid.add_row(f"    {label}", text)
    return grid


def _rows(view: CaseView, *, colour: bool, withheld: bool) -> list[tuple[str, Text]]:
    rows = [("asked", Text(view.asked[1]))] if view.asked else []
    if view.metrics:
        rows.append(("on", Text(f"{', '.join(view.metrics)}: {states(view)}")))
    if withheld:
        return [*rows, ("outputs", Text(WITHHELD, style="dim"))]
    if view.same_output and view.head is not None:
        rows.append(("both", _output(view.head, view.head_state, ADDED, colour=colour)))
    else:
        if view.base_state:
            rows.append(("base", _output(view.base, view.base_state, REMOVED, colour=colour)))
        rows.append(("head", _output(view.head, view.head_state, ADDED, colour=colour)))
    return [*rows, *(("why", Text(reason, style="dim")) for reason in view.reasons)]


def _output(pieces: Pieces | None, state: str, mark: tuple[str, str, str], *, colour: bool) -> Text:
    if pieces is None:
        return Text(state, style="italic")
    if not any(piece.text.strip() for piece in pieces):
        return Text("(empty)", style="italic dim")
    opening, closing, style = mark
    if not colour:
        return Text(marked(pieces, opening, closing))
    return Text.assemble(*(run for piece in pieces for run in _styled(piece, style)))


def _styled(piece: Piece, style: str) -> list[tuple[str, str]]:
    if not piece.changed:
        return [(piece.text, "")]
    before, core, after = around(piece.text)
    return [(before, ""), (core, style), (after, "")]
