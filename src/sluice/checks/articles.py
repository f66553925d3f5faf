"""The rows of a corpus as they stream by: each has what is searched, and makes a passage that the prompt takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from sluice.catalog import Dataset, Entry, Row
from sluice.checks.json_schemas import CompiledSchema, Misfit, shortened
from sluice.checks.places import row_column
from sluice.checks.row_groups import RowGroups
from sluice.errors import Finding
from sluice.retrieval import passage_of
from sluice.schema import Prompt, Retrieval


class Articles:
    """One corpus as one prompt retrieves from it; `schema` is that of the input which takes the passages."""

    def __init__(self, prompt: Entry[Prompt], retrieval: Retrieval, dataset: Dataset, schema: CompiledSchema) -> None:
        self._prompt = prompt
        self._retrieval = retrieval
        self._dataset = dataset
        self._schema = schema
        self._used = set(retrieval.used_fields)

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong, once for all rows of a mistake; rows that cannot be read have findings of their own."""
        groups, of_the_prompt = RowGroups(), set()
        for line, row in self._dataset.scan([]):
            for one in () if self._fits(row) else self._explain(line, row):
                if one.path == self._prompt.path:
                    of_the_prompt.add(one)
                else:
                    name = one.found.partition(" = ")[0]
                    groups.add((one.rule, one.expected, name), line, partial(_itself, one))
        yield from (*of_the_prompt, *groups.findings())

    def _fits(self, row: Row) -> bool:
        if not self._used <= row.keys() or not all(type(row[name]) is str for name in self._retrieval.search):
            return False
        fits: bool = self._schema.validator.is_valid([passage_of(row, self._retrieval)])
        return fits

    def _explain(self, line: int, row: Row) -> Iterator[Finding]:
        missing = ", ".join(map(repr, sorted(self._used - row.keys())))
        if missing:
            expected = f"every field that {self._prompt.path} retrieves"
            yield self._finding(line, [], "retrieval-field-missing", f"no {missing}", expected, "add the field")
            return
        for name in self._retrieval.search:
            if type(row[name]) is not str:
                found = f"{name} = {shortened(json.dumps(row[name], ensure_ascii=False))}"
                expected = f"text, which {self._prompt.path} searches"
                yield self._finding(line, [name], "retrieval-field-missing", found, expected, "write it as text")
        for misfit in self._schema.misfits([passage_of(row, self._retrieval)]):
            # What is said of the list itself depends on how many passages a query finds.
            if misfit.path:
                yield self._misfit(line, misfit)

    def _misfit(self, line: int, misfit: Misfit) -> Finding:
        """Place what does not fit in the row, or in the prompt where no row's passage can have the right fields."""
        inner = misfit.path[1:]
        expected = f"{misfit.expected} ({self._prompt.path}, input {self._retrieval.into})"
        found = misfit.found.removeprefix("0.")
        if not inner:
            where, fix = ("retrieval", "fields"), "map the fields that the input takes"
            return self._prompt.finding(where, "retrieval-passage", found, expected, fix)
        path = [self._retrieval.fields[str(inner[0])], *inner[1:]]
        return self._finding(line, path, "retrieval-passage", found, expected, "correct the row, or the prompt's input")

    def _finding(self, line: int, path: list[str | int], rule: str, found: str, expected: str, fix: str) -> Finding:
        column = row_column(self._dataset.line(line), path) if path else 1
        return Finding(self._dataset.rows_path, line, column, rule, found, expected, fix)


def _itself(finding: Finding) -> Finding:
    return finding
