"""Rows against JSON Schemas as they stream by: the card's, and those of the prompts that suites feed them to."""

from __future__ import annotations

from typing import Any

from sluice.catalog import Catalog, Dataset
from sluice.catalog.entries import Row
from sluice.checks.case_ids import MOST
from sluice.checks.json_schemas import CompiledSchema, compile_schema
from sluice.checks.places import row_column
from sluice.errors import Finding


class CardSchema:
    """Called with every row of one dataset: the row must follow its card's `inputs`."""

    def __init__(self, dataset: Dataset, schema: CompiledSchema, findings: list[Finding]) -> None:
        self._dataset = dataset
        self._schema = schema
        self._is_valid = schema.validator.is_valid
        self._findings = findings
        self._found = 0

    @classmethod
    def of(cls, dataset: Dataset, findings: list[Finding]) -> list[CardSchema]:
        """Return the check, or nothing where the schema itself is unusable (its own rule says so)."""
        schema = compile_schema(dataset.value.inputs)
        return [cls(dataset, schema, findings)] if isinstance(schema, CompiledSchema) else []

    def __call__(self, line: int, row: Row) -> None:
        """Check one row."""
        if self._is_valid(row):
            return
        for misfit in self._schema.misfits(row):
            self._found += 1
            if self._found > MOST:
                return
            column = row_column(self._dataset.line(line), misfit.path)
            fix = f"correct the row, or the card {self._dataset.path}"
            self._findings.append(
                Finding(self._dataset.rows_path, line, column, "row-schema", misfit.found, misfit.expected, fix)
            )


class SuiteInputs:
    """Called with every row of one dataset: the row must hold what a prompt that is judged on it takes."""

    def __init__(
        self, dataset: Dataset, prompt: str, schemas: dict[str, CompiledSchema], findings: list[Finding]
    ) -> None:
        self._dataset = dataset
        self._prompt = prompt
        self._schemas = schemas
        self._checks = [(name, schema.validator.is_valid) for name, schema in schemas.items()]
        self._findings = findings
        self._found = 0

    @classmethod
    def of(cls, catalog: Catalog, dataset: Dataset, findings: list[Finding]) -> list[SuiteInputs]:
        """Return one check for each distinct prompt whose suites use the dataset."""
        names = {entry.value.prompt for entry in catalog.suites.values() if entry.value.dataset == dataset.name}
        return [
            cls(dataset, catalog.prompts[name].path, _usable(catalog.prompts[name].value.inputs), findings)
            for name in sorted(names & catalog.prompts.keys())
        ]

    def __call__(self, line: int, row: Row) -> None:
        """Check one row."""
        for name, is_valid in self._checks:
            if name not in row:
                self._add(line, [], f"no {name!r}", f"a value for every input of {self._prompt}")
            elif not is_valid(row[name]):
                self._explain(line, name, row[name])

    def _explain(self, line: int, name: str, value: Any) -> None:
        for misfit in self._schemas[name].misfits(value):
            found = misfit.found.replace("the value", name, 1) if not misfit.path else f"{name}.{misfit.found}"
            self._add(line, [name, *misfit.path], found, f"{misfit.expected} ({self._prompt})")

    def _add(self, line: int, path: list[str | int], found: str, expected: str) -> None:
        self._found += 1
        if self._found <= MOST:
            column = row_column(self._dataset.line(line), path)
            fix = "correct the row, or the prompt's inputs"
            self._findings.append(
                Finding(self._dataset.rows_path, line, column, "row-prompt-input", found, expected, fix)
            )


def _usable(inputs: dict[str, Any]) -> dict[str, CompiledSchema]:
    compiled = {name: compile_schema(schema) for name, schema in inputs.items()}
    return {name: schema for name, schema in compiled.items() if isinstance(schema, CompiledSchema)}
