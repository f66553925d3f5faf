"""Rules about the JSON Schemas that stand inside files of the ground floor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sluice.catalog import Catalog, Entry
from sluice.catalog.yaml_file import KeyPath
from sluice.checks.json_schemas import CompiledSchema, SchemaProblem, compile_schema
from sluice.checks.rule import Context, rules
from sluice.errors import Finding


def _schemas(context: Context) -> Iterator[Finding]:
    for entry, where, schema in _all(context.catalog):
        compiled = compile_schema(schema)
        if isinstance(compiled, CompiledSchema):
            yield from _examples(entry, where, compiled)
        else:
            yield _problem(entry, where, compiled)


def _all(catalog: Catalog) -> Iterator[tuple[Entry[Any], KeyPath, dict[str, Any]]]:
    for prompt in catalog.prompts.values():
        for name, schema in prompt.value.inputs.items():
            yield prompt, ("inputs", name), schema
        if prompt.value.output.schema_ is not None:
            yield prompt, ("output", "schema"), prompt.value.output.schema_
    for dataset in catalog.datasets.values():
        yield dataset, ("inputs",), dataset.value.inputs


def _problem(entry: Entry[Any], where: KeyPath, problem: SchemaProblem) -> Finding:
    place = (*where, *problem.path)
    if problem.remote:
        found = f"a reference to {problem.message}"
        expected, fix = "a reference within the schema (#/$defs/…)", "copy the definition into this file"
        return entry.finding(place, "schema-remote", found, expected, fix)
    return entry.finding(place, "schema-invalid", problem.message, "a valid JSON Schema", "correct the schema")


def _examples(entry: Entry[Any], where: KeyPath, compiled: CompiledSchema) -> Iterator[Finding]:
    """Go through a schema and those of its members; one with `$ref` cannot be read on its own and is left out."""
    for path, schema in _members(compiled.schema):
        member = compile_schema(schema)
        if isinstance(member, CompiledSchema):
            yield from _examples(entry, (*where, *path), member)
    yield from _own_examples(entry, where, compiled)


def _members(schema: dict[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    properties = schema.get("properties")
    for name, member in properties.items() if isinstance(properties, dict) else ():
        if isinstance(member, dict):
            yield ("properties", name), member
    if isinstance(schema.get("items"), dict):
        yield ("items",), schema["items"]


def _own_examples(entry: Entry[Any], where: KeyPath, compiled: CompiledSchema) -> Iterator[Finding]:
    examples = compiled.schema.get("examples")
    shown: list[tuple[KeyPath, Any]] = []
    if isinstance(examples, list):
        shown += [(("examples", index), value) for index, value in enumerate(examples)]
    if "default" in compiled.schema:
        shown.append((("default",), compiled.schema["default"]))
    for path, value in shown:
        for misfit in compiled.misfits(value):
            fix = "correct the example or the schema"
            yield entry.finding((*where, *path), "schema-example", misfit.found, misfit.expected, fix)


RULES = rules(
    _schemas,
    {
        "schema-invalid": "JSON Schemas inside files are valid themselves.",
        "schema-remote": "JSON Schemas refer to nothing outside their file.",
        "schema-example": "Examples and defaults of a schema follow it.",
    },
)
