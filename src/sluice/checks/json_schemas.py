"""Compiled JSON Schemas (draft 2020-12 unless they say otherwise) that never fetch anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import jsonschema_rs

Path: TypeAlias = tuple[str | int, ...]

_WHOLE_VALUE = {"required", "additionalProperties", "unevaluatedProperties", "dependentRequired", "propertyNames"}
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """What is wrong with a schema itself, and where in it. `remote` marks a reference that leaves the file."""

    path: Path
    message: str
    remote: bool = False


@dataclass(frozen=True, slots=True)
class Misfit:
    """One way in which a value does not follow its schema. `whole`: it names keys of an object, not a value."""

    path: list[str | int]
    found: str
    expected: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A usable schema: a fast yes or no, and reasons on request."""

    schema: Any
    validator: Any
    list_validator: Any = None
    """The same schema for every item of a list, or None where a reference would lead elsewhere inside it."""

    def all_valid(self, values: list[Any]) -> bool:
        """Return whether every value follows the schema."""
        if self.list_validator is None:
            return all(map(self.validator.is_valid, values))
        return bool(self.list_validator.is_valid(values))

    def misfits(self, value: Any) -> Iterator[Misfit]:
        """Yield what does not fit, each with its path inside the value."""
        for error in self.validator.iter_errors(value):
            yield _misfit(error, self.schema)


def compile_schema(schema: dict[str, Any]) -> CompiledSchema | SchemaProblem:
    """Compile a schema; return the problem instead where it is not valid or refers to another file."""
    remote = next(_remote_references(schema, ()), None)
    if remote:
        return remote
    try:
        return CompiledSchema(schema, jsonschema_rs.validator_for(schema, retriever=_refuse), _of_lists(schema))
    except jsonschema_rs.ValidationError as error:
        return SchemaProblem(tuple(error.instance_path), shortened(str(error.message)))
    except (ValueError, RecursionError, jsonschema_rs.ReferencingError) as error:
        return SchemaProblem((), shortened(str(error).partition("\n")[0]))


def _of_lists(schema: Any) -> Any:
    """One call for many values is faster than a call for each."""
    if _has_dollar_keys(schema):
        return None
    return jsonschema_rs.validator_for({"type": "array", "items": schema}, retriever=_refuse)


def _has_dollar_keys(node: Any) -> bool:
    if isinstance(node, Mapping):
        return any(str(key).startswith("$") for key in node) or any(map(_has_dollar_keys, node.values()))
    return isinstance(node, list) and any(map(_has_dollar_keys, node))


def _refuse(address: str) -> NoReturn:
    raise ValueError(f"{address} is outside this file")


def _remote_references(node: Any, path: Path) -> Iterator[SchemaProblem]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in _REFERENCES and isinstance(value, str) and not value.startswith("#"):
                yield SchemaProblem((*path, key), value, remote=True)
            yield from _remote_references(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _remote_references(value, (*path, index))


def _misfit(error: Any, schema: Any) -> Misfit:
    path = list(error.instance_path)
    keyword = str(error.schema_path[-1]) if error.schema_path else "false"
    wanted = _at(schema, list(error.schema_path))
    expected = shortened(f"{keyword}: {json.dumps(wanted, ensure_ascii=False)}")
    if keyword in _WHOLE_VALUE:
        return Misfit(path, shortened(str(error.message), 120), expected, whole=True)
    name = ".".join(map(str, path)) or "the value"
    return Misfit(path, f"{name} = {shortened(json.dumps(error.instance, ensure_ascii=False))}", expected)


def _at(node: Any, path: list[str | int]) -> Any:
    for part in path:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def shortened(text: str, most: int = 60) -> str:
    """Cut a text for a message."""
    return text if len(text) <= most else text[: most - 1] + "…"
