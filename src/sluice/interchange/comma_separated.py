"""CSV by RFC 4180 in UTF-8: a row for each case and repeat, safe to open with a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from sluice.interchange.exported import ExportedRun
from sluice.interchange.table import Cell, columns, rows

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet may run; the last four are the full-width forms of the first."""
_GUARD = "'"


def encode(runs: Sequence[ExportedRun]) -> bytes:
    """Return the table with a header line; no value is an empty cell."""
    table = columns(runs)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_guarded(column.name) for column in table])
    writer.writerows(map(_written, row) for row in rows(runs, table))
    return text.getvalue().encode()


def _written(cell: Cell) -> str | int | float | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return _guarded(cell) if isinstance(cell, str) else cell


def _guarded(text: str) -> str:
    """Put an apostrophe before what could be a formula, and before an apostrophe, so that one can be taken away."""
    return _GUARD + text if text.startswith((*_FORMULA, _GUARD)) else text
