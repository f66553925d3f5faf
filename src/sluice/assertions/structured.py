"""Structured outputs: is-json, contains-json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluice.assertions.json_schemas import RowSchema
from sluice.assertions.json_text import NotJson, find_arrays, find_objects, parse_json
from sluice.assertions.model import AssertionType, Check, Score, Subject, verdict
from sluice.assertions.options import no_threshold
from sluice.schema import Assertion

_NO_FIELDS: frozenset[str] = frozenset()


def _schema(assertion: Assertion) -> RowSchema | None:
    no_threshold(assertion)
    return None if assertion.value is None else RowSchema(assertion.value)


def _compile_is_json(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    schema = _schema(assertion)

    def judge(subject: Subject) -> Score:
        try:
            value = parse_json(subject.output)
        except NotJson as error:
            return verdict(False, f"the output is not JSON: {error}")
        problem = schema.problem(value, subject.row) if schema else None
        return verdict(problem is None, f"the JSON does not follow the schema: {problem}" if problem else "valid JSON")

    return Check(judge, schema.fields if schema else _NO_FIELDS)


def _compile_contains_json(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    schema = _schema(assertion)

    def judge(subject: Subject) -> Score:
        problem = "the output contains no JSON object"
        for value in _candidates(subject.output, schema is not None):
            found = schema.problem(value, subject.row) if schema else None
            if found is None:
                return verdict(True, "the output contains such JSON")
            problem = f"no JSON in the output follows the schema; the last one: {found}"
        return verdict(False, problem)

    return Check(judge, schema.fields if schema else _NO_FIELDS)


def _candidates(text: str, arrays: bool) -> Iterator[Any]:
    yield from find_objects(text)
    if arrays:
        yield from find_arrays(text)


TYPES = (
    AssertionType(
        "is-json",
        "the whole output is JSON (RFC 8259, finite numbers); with a value, it follows that JSON Schema: draft "
        "2020-12 unless `$schema` says otherwise, formats checked, fields inserted in const and enum only",
        "binary",
        1,
        _compile_is_json,
    ),
    AssertionType(
        "contains-json",
        "a JSON object stands somewhere in the output; with a value, an outermost object or array in the output "
        "follows that JSON Schema",
        "binary",
        1,
        _compile_contains_json,
    ),
)
