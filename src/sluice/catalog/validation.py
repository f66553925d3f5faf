"""Turns parsed YAML into a file model, and pydantic's complaints into findings with their places."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from sluice.catalog.yaml_file import KeyPath, YamlFile
from sluice.errors import Finding, nearest
from sluice.schema import FileModel

FileT = TypeVar("FileT", bound=FileModel)


def validate(path: str, source: YamlFile, kind: type[FileT], findings: list[Finding]) -> FileT | None:
    """Return the file model, or None after adding one finding for each problem."""
    if not isinstance(source.data, dict):
        findings.append(
            Finding(path, 1, 1, "schema-value", "no mapping", "keys and values", "write `description: …` first")
        )
        return None
    try:
        # JSON mode: strict about types, but lists are accepted for tuples.
        return kind.model_validate_json(json.dumps(source.data))
    except ValidationError as error:
        problems = {_finding(path, source, kind, dict(problem)) for problem in error.errors(include_url=False)}
        findings.extend(problems)
        return None


def _finding(path: str, source: YamlFile, kind: type[FileModel], problem: dict[str, Any]) -> Finding:
    where = _real_path(source.data, problem["loc"])
    if problem["type"] == "extra_forbidden":
        line, column = source.key_place(where)
        expected = f"a known key; {nearest(str(where[-1]), _known_keys(kind, where[:-1]))}"
        return Finding(
            path,
            line,
            column,
            "schema-unknown-key",
            f"key {where[-1]!r}",
            expected,
            "rename or remove the key",
        )
    if problem["type"] == "missing":
        key = str(problem["loc"][-1])
        line, column = source.place(where)
        return Finding(path, line, column, "schema-missing-key", f"no {key!r}", f"the key {key!r}", "add it")
    line, column = source.place(where)
    found = f"{_shown(problem.get('input'))} for {'.'.join(map(str, where)) or 'the file'}"
    expected = str(problem["msg"]).removeprefix("Value error, ")
    return Finding(path, line, column, "schema-value", found, expected[0].lower() + expected[1:], "correct the value")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _real_path(data: Any, location: tuple[str | int, ...]) -> KeyPath:
    """Keep the parts of pydantic's location that are in the file: union members and `[key]` marks are not."""
    path: list[str | int] = []
    for part in location:
        in_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if in_list or (isinstance(data, dict) and part in data):
            data = data[part]
            path.append(part)
    return tuple(path)


def _known_keys(kind: type[FileModel], where: KeyPath) -> list[str]:
    """Return the property names that the JSON Schema of a kind declares at a place."""
    schema = kind.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    nodes = [schema]
    for part in where:
        nodes = [child for node in nodes for child in _children(node, part, definitions)]
    return sorted({key for node in nodes for key in node.get("properties", {})})


def _children(node: dict[str, Any], part: str | int, definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(part, int):
        child = node.get("items", {})
    else:
        named = node.get("properties", {}).get(part)
        child = named or next(iter(node.get("patternProperties", {}).values()), node.get("additionalProperties"))
    return _resolved(child if isinstance(child, dict) else {}, definitions)


def _resolved(node: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in node:
        return _resolved(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
    branches = node.get("anyOf") or node.get("oneOf") or node.get("allOf")
    return [leaf for branch in branches for leaf in _resolved(branch, definitions)] if branches else [node]
