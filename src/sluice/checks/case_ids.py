"""Case ids as rows stream by: present, text, unique, and not confusable with one another."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from sluice.catalog import Block, Dataset
from sluice.catalog.entries import Row
from sluice.checks.places import row_column
from sluice.checks.row_groups import MOST, RowGroups
from sluice.errors import Finding, last_told


class CaseIds:
    """Called with all rows of one dataset, block by block; remembers one folded id and line for each."""

    def __init__(self, dataset: Dataset, findings: list[Finding], groups: RowGroups) -> None:
        self._dataset = dataset
        self._findings = findings
        self._groups = groups
        self._field = dataset.value.id
        self._lines: dict[str, int] = {}
        self._found = 0

    def __call__(self, block: Block) -> None:
        """Check the ids of some rows."""
        if not self._all_new(block):
            for line, row in zip(block.lines, block.rows, strict=True):
                self._one(line, row)

    def _all_new(self, block: Block) -> bool:
        """Take in the ids of all rows where each is plain text and new, or else none of them."""
        ids: list[Any] = [row.get(self._field) for row in block.rows]
        if set(map(type, ids)) != {str} or not all(map(str.isascii, ids)):
            return False
        folded = dict(zip(map(str.lower, map(str.strip, ids)), block.lines, strict=True))
        if len(folded) < len(ids) or "" in folded or not self._lines.keys().isdisjoint(folded.keys()):
            return False
        self._lines.update(folded)
        return True

    def _one(self, line: int, row: Row) -> None:
        value = row.get(self._field)
        if type(value) is not str:
            self._not_text(line, value)
            if not isinstance(value, int | float):
                return
            value = str(value)
        elif not value or value.isspace():
            self._missing(line, repr(value))
            return
        first = self._lines.setdefault(fold(value), line)
        if first != line:
            self._second(line, value, first)

    def _not_text(self, line: int, value: Any) -> None:
        if value is None:
            self._missing(line, "null" if self._has(line) else f"no {self._field!r}")
        else:
            kind = type(value).__name__
            found, fix = f"{json.dumps(value)[:40]} ({kind})", "write the id in quotes; never reuse it"
            self._group(kind, line, "row-id-type", found, "text", fix)

    def _missing(self, line: int, found: str) -> None:
        expected = "an id that identifies this case for ever"
        self._group(found, line, "row-id-missing", found, expected, "give it an id")

    def _group(self, way: str, line: int, rule: str, found: str, expected: str, fix: str) -> None:
        self._groups.add((rule, way), line, lambda: self._finding(line, rule, found, expected, fix))

    def _finding(self, line: int, rule: str, found: str, expected: str, fix: str) -> Finding:
        column = row_column(self._dataset.line(line), [self._field])
        return Finding(self._dataset.rows_path, line, column, rule, found, expected, fix)

    def _has(self, line: int) -> bool:
        return self._field in json.loads(self._dataset.line(line))

    def _second(self, line: int, value: str, first: int) -> None:
        original = str(json.loads(self._dataset.line(first))[self._field])
        if original == value:
            found = f"{value!r} again, first in line {first}"
            self._add(line, "row-id-duplicate", found, "each id once", "give this case an id of its own")
        else:
            found = f"{value!a}, which people take for {original!a} of line {first}"
            expected = "ids that differ by more than case, blanks or Unicode form"
            self._add(line, "row-id-confusable", found, expected, "rename the newer one")

    def _add(self, line: int, rule: str, found: str, expected: str, fix: str) -> None:
        self._found += 1
        if self._found <= MOST:
            finding = self._finding(line, rule, found, expected, fix)
            self._findings.append(finding if self._found < MOST else last_told(finding, MOST))


def fold(text: str) -> str:
    """Return what two ids that people cannot tell apart have in common."""
    if text.isascii():
        return text.strip().lower()
    return unicodedata.normalize("NFKC", text).strip().casefold()
