"""JSON Schema for assertions: checked when the suite is read, rendered per case where it inserts fields."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NoReturn

import jsonschema_rs

from sluice.assertions.model import AssertionConfigError, AssertionProblem
from sluice.assertions.values import Data, Row
from sluice.digest import canonical_json
from sluice.errors import nearest

_BACKTRACKS = 100_000
_CACHE_SIZE = 512

_ONE_SCHEMA = (
    "additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
    "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_SCHEMA_LISTS = ("allOf", "anyOf", "items", "oneOf", "prefixItems")
_SCHEMA_MAPS = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
_PLAIN = (
    "$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$ref", "$schema", "$vocabulary", "const",
    "contentEncoding", "contentMediaType", "default", "dependencies", "dependentRequired", "deprecated", "description",
    "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength",
    "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf",
    "pattern", "readOnly", "required", "title", "type", "uniqueItems", "writeOnly",
)  # fmt: skip
_KEYWORDS = frozenset((*_ONE_SCHEMA, *_SCHEMA_LISTS, *_SCHEMA_MAPS, *_PLAIN))
_TEMPLATED = ("const", "enum")


class RowSchema:
    """A schema whose `const` and `enum` may insert fields of the case; draft 2020-12 unless it names another."""

    __slots__ = ("_cache", "_data", "_names", "_static", "fields")

    def __init__(self, schema: Any) -> None:
        if not isinstance(schema, dict):
            raise AssertionConfigError("the value is a JSON Schema: a mapping such as {type: object}", "value")
        _check_keywords(schema)
        self._data = Data.of(schema)
        self.fields = self._data.fields
        self._names = tuple(sorted(self.fields))
        self._static = _validator(schema)
        self._cache: dict[str, jsonschema_rs.Validator] = {}

    def problem(self, value: Any, row: Row) -> str | None:
        """Return why a JSON value does not follow the schema, or None where it does."""
        validator = self._for(row)
        try:
            if validator.is_valid(value):
                return None
            error = next(iter(validator.iter_errors(value)))
        except (ValueError, OverflowError) as problem:
            # A lone surrogate or an integer beyond every number type: no exchangeable JSON.
            return f"it cannot be read as JSON data: {problem}"
        place = "/".join(str(part) for part in error.instance_path)
        return f"{error.message[:120]}{f' at {place}' if place else ''}"

    def _for(self, row: Row) -> jsonschema_rs.Validator:
        if not self._names:
            return self._static
        # repr keeps 1, 1.0, true and "1" apart, which equality would not.
        key = repr([row.get(name) for name in self._names])
        found = self._cache.get(key)
        if found is None:
            found = _row_validator(self._data.build(row))
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.pop(next(iter(self._cache)))
            self._cache[key] = found
        return found


def contract_problem(schema: Mapping[str, Any], value: Any) -> str | None:
    """Return why a value does not follow a prompt's output contract, whose own validity is a rule, or None."""
    try:
        error = next(_contract(canonical_json(schema)).iter_errors(value), None)
    except (ValueError, OverflowError) as problem:
        return f"cannot be read as JSON data: {problem}"
    return None if error is None else f"breaks its contract: {error.message[:120]}"


@lru_cache(maxsize=64)
def _contract(schema: bytes) -> jsonschema_rs.Validator:
    return _validator(json.loads(schema))


def _row_validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    try:
        return _validator(schema)
    except AssertionConfigError as error:
        raise AssertionProblem(f"for this case {error}") from None


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(
            schema,
            validate_formats=True,
            ignore_unknown_formats=False,
            retriever=_refuse_reference,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS),
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        message = str(error).split("\n")[0]
        raise AssertionConfigError(f"the JSON Schema is not valid: {message}", "value") from None


def _refuse_reference(uri: str) -> NoReturn:
    raise ValueError(f"{uri} lies outside the schema; only references within it (#/…) are followed")


def _check_keywords(schema: dict[str, Any]) -> None:
    for name, value in schema.items():
        if name not in _KEYWORDS and not name.startswith("x-"):
            raise AssertionConfigError(
                f"the JSON Schema has an unknown keyword {name!r}; {nearest(name, _KEYWORDS)}", "value"
            )
        if name in _PLAIN and name not in _TEMPLATED and Data.of(value).fields:
            raise AssertionConfigError(f"fields may be inserted in const and enum only, not in {name}", "value")
    for inner in _inner(schema):
        _check_keywords(inner)


def _inner(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in schema.items():
        if name in _SCHEMA_MAPS and isinstance(value, dict):
            candidates = list(value.values())
        elif name in _SCHEMA_LISTS and isinstance(value, list):
            candidates = value
        elif name in _ONE_SCHEMA:
            candidates = [value]
        else:
            continue
        yield from (candidate for candidate in candidates if isinstance(candidate, dict))
