"""Rows that are wrong in the same way make one finding, in the first of them, that says how many there are."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace

from sluice.errors import Finding

MOST = 100
"""Findings of one kind in one file after which the rest is left out."""


@dataclass(slots=True)
class _Group:
    first: Finding
    line: int
    rows: int = 1


@dataclass(slots=True)
class RowGroups:
    """Counts the rows of one dataset by what is wrong with them; at most a hundred ways to be wrong are kept."""

    _groups: dict[Hashable, _Group] = field(default_factory=dict)

    def add(self, way: Hashable, line: int, make: Callable[[], Finding]) -> None:
        """Count a row; `make` is called for the first row of each way."""
        group = self._groups.get(way)
        if group is None:
            if len(self._groups) < MOST:
                self._groups[way] = _Group(make(), line)
        elif group.line != line:
            group.line, group.rows = line, group.rows + 1

    def findings(self) -> Iterator[Finding]:
        """Yield one finding for each way."""
        for group in self._groups.values():
            yield counted(group.first, group.rows)


def counted(first: Finding, rows: int) -> Finding:
    """Return the finding of the first row, with the number of rows that it stands for."""
    return first if rows == 1 else replace(first, found=f"{first.found} ({rows:,} rows; this is the first)")


def way(path: list[str | int]) -> tuple[str, ...]:
    """Return a path inside a row without the positions in lists: the same mistake in any item is one."""
    return tuple("*" if isinstance(part, int) else part for part in path)
