"""What the rows say about one suite as they stream by: cases of each metric, missing fields, must-pass ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from sluice.catalog import Dataset
from sluice.catalog.entries import Row
from sluice.checks.case_ids import MOST
from sluice.checks.suite_plan import SuitePlan
from sluice.errors import Finding


class SuiteCases:
    """Counts the cases of each metric of a suite, and remembers which must-pass ids were met."""

    def __init__(self, plan: SuitePlan) -> None:
        self.plan = plan
        self.missing_must_pass = set(plan.entry.value.must_pass)
        self._total = 0
        self._patterns: Counter[tuple[bool, ...]] = Counter()
        self._whens = list(plan.whens.values())
        self._needs = [
            (index, fields, self._position(assertion.when.text if assertion.when else None))
            for index, assertion in plan.compiled.items()
            if (fields := assertion.fields - (assertion.when.fields if assertion.when else frozenset()))
        ]
        self._absent: list[tuple[int, int, frozenset[str]]] = []

    def _position(self, when: str | None) -> int | None:
        return None if when is None else [known.text for known in self._whens].index(when)

    def feed(self, dataset: Dataset) -> Callable[[int, Row], None]:
        """Return the function that takes each row of the suite's dataset."""
        predicates = [when.predicate for when in self._whens]
        always = frozenset[str]().union(*(fields for _, fields, when in self._needs if when is None))
        sometimes = [need for need in self._needs if need[2] is not None]
        id_field, must_pass, patterns = dataset.value.id, self.missing_must_pass, self._patterns

        def take(line: int, row: Row) -> None:
            pattern = tuple([predicate(row) for predicate in predicates])
            patterns[pattern] += 1
            keys = row.keys()
            if must_pass:
                must_pass.discard(str(row.get(id_field)))
            if not always <= keys:
                self._note(line, row, None)
            for index, fields, when in sometimes:
                if when is not None and pattern[when] and not fields <= keys:
                    self._note(line, row, index)

        return take

    def _note(self, line: int, row: Row, only: int | None) -> None:
        for index, fields, when in self._needs:
            applies = index == only if only is not None else when is None
            absent = fields - row.keys() if applies else frozenset[str]()
            if absent and len(self._absent) < MOST:
                self._absent.append((line, index, absent))

    def missing_fields(self, dataset: Dataset, fields: set[str]) -> Iterator[Finding]:
        """Yield the rows that lack a field which others have; a field of no row is reported at the assertion."""
        fix = "add the field, or narrow the assertion's when"
        for line, index, absent in self._absent:
            names = ", ".join(map(repr, sorted(absent & fields)))
            if names:
                expected = f"every field that assertion {index + 1} of {self.plan.entry.path} reads"
                yield Finding(dataset.rows_path, line, 1, "row-field-missing", f"no {names}", expected, fix)

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
