"""What the rows say about one suite as they stream by: cases of each metric, missing fields, must-pass ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sluice.catalog import Block, Dataset
from sluice.catalog.entries import Row
from sluice.checks.row_groups import MOST, counted
from sluice.checks.suite_plan import SuitePlan
from sluice.errors import Finding


@dataclass(slots=True)
class _Rows:
    """Where rows of a kind begin, and how many there are."""

    first: int
    count: int = 1


class SuiteCases:
    """Counts the cases of each metric of a suite, and remembers which must-pass ids were met."""

    def __init__(self, plan: SuitePlan) -> None:
        self.plan = plan
        self.missing_must_pass = set(plan.entry.value.must_pass)
        self._patterns: Counter[tuple[bool, ...]] = Counter()
        self._whens = list(plan.whens.values())
        self._needs = [
            (index, fields, self._position(assertion.when.text if assertion.when else None))
            for index, assertion in plan.compiled.items()
            if (fields := assertion.fields - (assertion.when.fields if assertion.when else frozenset()))
        ]
        self._needs.sort(key=lambda need: need[2] is not None)
        self._absent: dict[tuple[int, frozenset[str]], _Rows] = {}

    def _position(self, when: str | None) -> int | None:
        return None if when is None else [known.text for known in self._whens].index(when)

    def feed(self, dataset: Dataset) -> Callable[[Block], None]:
        """Return the function that takes all rows of the suite's dataset, block by block."""
        needed = frozenset[str]().union(*(fields for _, fields, _ in self._needs))
        id_field = dataset.value.id

        def take(block: Block) -> None:
            patterns = self._patterns_of(block.rows)
            self._patterns.update(patterns)
            if self.missing_must_pass:
                self.missing_must_pass.difference_update(str(row.get(id_field)) for row in block.rows)
            if not all(needed.issubset(keys) for keys in block.shapes):
                for line, row, pattern in zip(block.lines, block.rows, patterns, strict=True):
                    self._note(line, row, pattern)

        return take

    def _patterns_of(self, rows: list[dict[str, Any]]) -> list[tuple[bool, ...]]:
        """Return for each row which conditions hold."""
        if not self._whens:
            return [()] * len(rows)
        return list(zip(*(map(when.predicate, rows) for when in self._whens), strict=True))

    def _note(self, line: int, row: Row, pattern: tuple[bool, ...]) -> None:
        """Remember what a row lacks of what the assertions that apply to it read; those without condition first."""
        for index, fields, when in self._needs:
            absent = fields.difference(row) if when is None or pattern[when] else frozenset[str]()
            if absent and (known := self._absent.get((index, absent))):
                known.count += 1
            elif absent and len(self._absent) < MOST:
                self._absent[index, absent] = _Rows(line)

    def missing_fields(self, dataset: Dataset, fields: set[str]) -> Iterator[Finding]:
        """Yield one finding for all rows that lack the same fields; a field of no row is reported at the assertion."""
        fix = "add the field, or narrow the assertion's when"
        for (index, absent), rows in self._absent.items():
            names = ", ".join(map(repr, sorted(absent & fields)))
            if names:
                expected = f"every field that assertion {index + 1} of {self.plan.entry.path} reads"
                first = Finding(dataset.rows_path, rows.first, 1, "row-field-missing", f"no {names}", expected, fix)
                yield counted(first, rows.count)

    def cases(self, metric: str) -> int:
        """Return how many cases at least one assertion of a metric applies to."""
        chosen = [assertion.when for assertion in self.plan.of_metric(metric)]
        positions = [self._position(when.text if when else None) for when in chosen]
        return sum(
            count
            for pattern, count in self._patterns.items()
            if any(position is None or pattern[position] for position in positions)
        )

    def applied(self, index: int) -> int:
        """Return how many cases one assertion applies to."""
        when = self.plan.compiled[index].when
        position = self._position(when.text if when else None)
        return sum(count for pattern, count in self._patterns.items() if position is None or pattern[position])
