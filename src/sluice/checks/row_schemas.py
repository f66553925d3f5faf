"""Rows against JSON Schemas as they stream by: the card's, and those of the prompts that suites feed them to."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import Any

from sluice.catalog import Block, Catalog, Dataset
from sluice.catalog.entries import Row
from sluice.checks.json_schemas import CompiledSchema, Misfit, compile_schema
from sluice.checks.places import row_column
from sluice.checks.row_groups import RowGroups, way
from sluice.errors import Finding


class CardSchema:
    """Called with all rows of one dataset, block by block: each must follow its card's `inputs`."""

    def __init__(self, dataset: Dataset, schema: CompiledSchema, groups: RowGroups) -> None:
        self._dataset = dataset
        self._schema = schema
        self._groups = groups

    @classmethod
    def of(cls, dataset: Dataset, groups: RowGroups) -> list[CardSchema]:
        """Return the check, or nothing where the schema itself is unusable (its own rule says so)."""
        schema = compile_schema(dataset.value.inputs)
        return [cls(dataset, schema, groups)] if isinstance(schema, CompiledSchema) else []

    def __call__(self, block: Block) -> None:
        """Check some rows."""
        if not self._schema.all_valid(block.rows):
            for line, row in zip(block.lines, block.rows, strict=True):
                if not self._schema.validator.is_valid(row):
                    self._explain(line, row)

    def _explain(self, line: int, row: Row) -> None:
        for misfit in self._schema.misfits(row):
            what = misfit.found if misfit.whole else ""
            self._groups.add(
                ("row-schema", way(misfit.path), misfit.expected, what), line, partial(self._finding, line, misfit)
            )

    def _finding(self, line: int, misfit: Misfit) -> Finding:
        column = row_column(self._dataset.line(line), misfit.path)
        fix = f"correct the row, or the card {self._dataset.path}"
        return Finding(self._dataset.rows_path, line, column, "row-schema", misfit.found, misfit.expected, fix)


class SuiteInputs:
    """Called with all rows of one dataset, block by block: each must hold what a prompt that is judged on it takes."""

    def __init__(self, dataset: Dataset, prompt: str, schemas: dict[str, CompiledSchema], groups: RowGroups) -> None:
        self._dataset = dataset
        self._prompt = prompt
        self._schemas = schemas
        self._groups = groups

    @classmethod
    def of(cls, catalog: Catalog, dataset: Dataset, groups: RowGroups) -> list[SuiteInputs]:
        """Return one check for each distinct prompt whose suites use the dataset; what it retrieves is left out."""
        suites = [entry.value for entry in catalog.suites.values() if entry.value.dataset == dataset.name]
        pairs = sorted({(suite.prompt, suite.retrieves) for suite in suites if suite.prompt in catalog.prompts})
        checks = []
        for name, retrieves in pairs:
            prompt = catalog.prompts[name]
            retrieved = prompt.value.retrieval.into if retrieves and prompt.value.retrieval else None
            inputs = {key: schema for key, schema in prompt.value.inputs.items() if key != retrieved}
            checks.append(cls(dataset, prompt.path, _usable(inputs), groups))
        return checks

    def __call__(self, block: Block) -> None:
        """Check some rows."""
        if not all(self._holds(block, name) for name in self._schemas):
            for line, row in zip(block.lines, block.rows, strict=True):
                self._one(line, row)

    def _holds(self, block: Block, name: str) -> bool:
        return all(name in keys for keys in block.shapes) and self._schemas[name].all_valid(
            [row[name] for row in block.rows]
        )

    def _one(self, line: int, row: Row) -> None:
        for name, schema in self._schemas.items():
            if name not in row:
                self._add((name,), line, [], f"no {name!r}", f"a value for every input of {self._prompt}")
            elif not schema.validator.is_valid(row[name]):
                self._explain(line, name, row[name])

    def _explain(self, line: int, name: str, value: Any) -> None:
        for misfit in self._schemas[name].misfits(value):
            found = misfit.found.replace("the value", name, 1) if not misfit.path else f"{name}.{misfit.found}"
            what = (way([name, *misfit.path]), misfit.expected, misfit.found if misfit.whole else "")
            self._add(what, line, [name, *misfit.path], found, f"{misfit.expected} ({self._prompt})")

    def _add(self, what: Hashable, line: int, path: list[str | int], found: str, expected: str) -> None:
        def make() -> Finding:
            column = row_column(self._dataset.line(line), path)
            fix = "correct the row, or the prompt's inputs"
            return Finding(self._dataset.rows_path, line, column, "row-prompt-input", found, expected, fix)

        self._groups.add(("row-prompt-input", self._prompt, what), line, make)


def _usable(inputs: dict[str, Any]) -> dict[str, CompiledSchema]:
    compiled = {name: compile_schema(schema) for name, schema in inputs.items()}
    return {name: schema for name, schema in compiled.items() if isinstance(schema, CompiledSchema)}
