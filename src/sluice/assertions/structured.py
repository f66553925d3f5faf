"""Structured outputs: is-json, contains-json, is-xml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.parsers import expat

from sluice.assertions.json_schemas import RowSchema
from sluice.assertions.json_text import NotJson, find_arrays, find_objects, parse_json
from sluice.assertions.model import AssertionConfigError, AssertionType, Check, Score, Subject, verdict
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


# XML


class _Refused(Exception):
    """A document type declaration, which could define entities."""


class _Elements:
    """Collects the paths of elements (`root.child`) while a document is parsed."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self._stack: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._stack.append(name)
        self.paths.add(".".join(self._stack))

    def end(self, name: str) -> None:
        self._stack.pop()


def _refuse_doctype(*_: object) -> None:
    raise _Refused


def element_paths(text: str) -> set[str]:
    """Return the element paths of a well-formed XML document; raise ValueError otherwise, and for any DOCTYPE."""
    elements = _Elements()
    parser = expat.ParserCreate()
    parser.StartElementHandler = elements.start
    parser.EndElementHandler = elements.end
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(text.strip(), True)
    except _Refused:
        raise ValueError("it has a document type declaration") from None
    except (expat.ExpatError, ValueError) as error:
        raise ValueError(str(error)) from None
    return elements.paths


def _compile_is_xml(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    required = _required_elements(assertion.value)

    def judge(subject: Subject) -> Score:
        try:
            found = element_paths(subject.output)
        except ValueError as error:
            return verdict(False, f"the output is not XML: {error}")
        missing = [path for path in required if path not in found]
        return verdict(not missing, f"the XML lacks {', '.join(missing)}" if missing else "well-formed XML")

    return Check(judge)


def _required_elements(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else ([] if value is None else value)
    if not isinstance(items, list) or not all(isinstance(item, str) and item.strip() for item in items):
        raise AssertionConfigError("is-xml takes nothing, or element paths such as [answer, answer.source]", "value")
    return tuple(item.strip() for item in items)


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
    AssertionType(
        "is-xml",
        "the whole output is one well-formed XML document without a document type declaration; with a value, it has "
        "these elements (dotted paths from the root)",
        "binary",
        1,
        _compile_is_xml,
    ),
)
