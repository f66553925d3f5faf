"""The gates of one suite in a terminal: a table where it fits, else two lines for each metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sluice.gate.verdict import Tier, Word
from sluice.report.content import SYMBOLS
from sluice.report.gates import ARROW, GateRow
from sluice.report.visible import clipped

STYLES: dict[Word, str] = {
    "pass": "green",
    "fail": "red",
    "inconclusive": "yellow",
    "invalid": "magenta",
    "first": "cyan",
    "accepted": "yellow",
    "skipped": "dim",
}
_TIERS: dict[Tier, str] = {"block": "", "warn": "warn only", "info": "for information"}
_HEADER = ("metric", "base", "head", "difference", "margin", "verdict", "sees", "n")
_RIGHT = frozenset({"base", "head", "margin", "sees", "n"})
_LONGEST_NAME = 28


def gate_list(rows: Sequence[GateRow], width: int) -> RenderableType:
    """Return the rows, blocking metrics first, laid out for `width` cells."""
    rows = _aligned(rows)
    lines = [_cells(row) for row in rows]
    widths = [max(len(line[i]) for line in (_HEADER, *lines)) for i in range(len(_HEADER))]
    for gap in (2, 1):
        if sum(widths) + gap * (len(_HEADER) - 1) <= width:
            return _table(rows, gap)
    return _stacked(rows)


def _aligned(rows: Sequence[GateRow]) -> list[GateRow]:
    """Pad the differences, so that their intervals stand below one another."""
    wide = max((len(row.difference) for row in rows), default=0)
    return [replace(row, difference=row.difference.rjust(wide)) for row in rows]


def _cells(row: GateRow) -> tuple[str, ...]:
    name = f"{SYMBOLS[row.word]} {clipped(row.metric, _LONGEST_NAME)}"
    difference = f"{row.difference} {row.interval}".rstrip()
    return name, row.base, row.head, difference, row.margin, row.told, row.detectable, row.n


def _table(rows: Sequence[GateRow], gap: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), show_edge=False, header_style="dim")
    for name in _HEADER:
        table.add_column(name, no_wrap=True, justify="right" if name in _RIGHT else "left")
    for tier, members in _by_tier(rows):
        if _TIERS[tier]:
            table.add_row(Text(_TIERS[tier], style="dim"))
        for row in members:
            table.add_row(*_styled(row))
    return table


def _by_tier(rows: Sequence[GateRow]) -> list[tuple[Tier, list[GateRow]]]:
    tiers: tuple[Tier, ...] = ("block", "warn", "info")
    grouped = [(tier, [row for row in rows if row.tier == tier]) for tier in tiers]
    return [(tier, members) for tier, members in grouped if members]


def _styled(row: GateRow) -> list[Text]:
    style = STYLES[row.word]
    name, *figures = _cells(row)
    symbol, rest = name[:1], name[1:]
    texts = [Text.assemble((symbol, style), rest), *map(Text, figures)]
    texts[5].stylize(f"bold {style}" if row.tier == "block" and row.word != "pass" else style)
    texts[6].stylize("dim")
    return texts


def _stacked(rows: Sequence[GateRow]) -> Group:
    lines: list[Text] = []
    for tier, members in _by_tier(rows):
        if _TIERS[tier]:
            lines.append(Text(_TIERS[tier], style="dim"))
        for row in members:
            lines.extend(_two_lines(row))
    return Group(*lines)


def _two_lines(row: GateRow) -> list[Text]:
    name, *_, verdict, _, _ = _styled(row)
    figures = f"{row.base} {ARROW} {row.head}, {row.difference.strip()} {row.interval}"
    rest = f"margin {row.margin}, sees {row.detectable}, n {row.n}"
    return [Text.assemble(name, "  ", verdict), Text(f"    {figures}"), Text(f"    {rest}", style="dim")]
