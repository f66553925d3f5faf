"""YAML as promptfoo reads it: aliases and merge keys are resolved, `yes` is text, every value has its place.

Files of this repository are read more strictly (`catalog.yaml_file`); these files were written for another reader.
"""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

import yaml

from sluice.catalog.yaml_file import MAX_DEPTH, KeyPath, Place, YamlFile, encoding_finding
from sluice.errors import Finding
from sluice.interchange.promptfoo.js_json import MOST_EXACT, shortened

MAX_VALUES = 200_000
"""Values after aliases are resolved; more would be a file that grows when it is read."""

_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_MOST_DIGITS = 400
_KINDS = ("str", "map", "seq", "int", "float", "bool", "null", "timestamp", "value")
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in _KINDS}
"""What the composer makes of plain scalars by YAML 1.1; their texts are read anew here."""


class _Stop(Exception):
    """A finding was made after which reading on makes no sense."""


def read_js_yaml(path: str, data: bytes) -> YamlFile:
    """Parse the bytes of a YAML or JSON file that promptfoo would read; problems become findings."""
    result = YamlFile()
    problem = encoding_finding(path, data.removeprefix(b"\xef\xbb\xbf"))
    if problem:
        result.findings.append(problem)
        return result
    text = data.decode("utf-8-sig")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_depth(text, loader, path, result)
        node = yaml.compose(text, Loader=loader)
        result.data = None if node is None else _Builder(path, result).build(node, ())
    except yaml.reader.ReaderError as error:
        before = text[: text.find(chr(error.character))]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        _add(result, path, place, "yaml-syntax", "a control character", "text", "remove it, or escape it in quotes")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        found = str(getattr(error, "problem", None) or error)
        _add(result, path, place, "yaml-syntax", found, "valid YAML", "mend the syntax here")
    except _Stop:
        result.data = None
    return result


def _refuse_depth(text: str, loader: Any, path: str, result: YamlFile) -> None:
    """Stop at deep nesting before the composer sees it: that calls itself for each level."""
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            found = f"nesting below {MAX_DEPTH} levels"
            _add(result, path, _place(event), "yaml-syntax", found, "flatter data", "flatten the structure")
            raise _Stop


def _add(result: YamlFile, path: str, place: Place, rule: str, found: str, expected: str, fix: str) -> None:
    result.findings.append(Finding(path, *place, rule, found, expected, fix))


class _Builder:
    """Builds plain data from composed nodes."""

    def __init__(self, path: str, result: YamlFile) -> None:
        self._path = path
        self._result = result
        self._values = 0

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self._result.places[path] = _place(node)
        self._values += 1
        if len(path) > MAX_DEPTH or self._values > MAX_VALUES:
            self._refuse(node, "yaml-alias", "data that grows without end", "plain data", "write fewer aliases")
        if node.tag not in _TAGS:
            self._refuse(
                node, "yaml-tag", f"tag {node.tag}", "no tags", "remove the tag; quote the value if it is text"
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node)

    def _refuse(self, node: yaml.Node, rule: str, found: str, expected: str, fix: str) -> NoReturn:
        _add(self._result, self._path, _place(node), rule, found, expected, fix)
        raise _Stop

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, "yaml-key", "a key that is no text", "a plain word", "write a plain word")
            if key_node.value == "<<" and not key_node.style:
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            key = str(key_node.value)
            if key in values:
                fix = "remove or rename one of them"
                self._refuse(key_node, "yaml-duplicate-key", f"a second {key!r}", "each key once", fix)
            values[key] = self.build(value_node, (*path, key))
            self._result.key_places[(*path, key)] = _place(key_node)
        for source in merged:
            self._merge(source, path, values)
        return values

    def _merge(self, source: yaml.Node, path: KeyPath, values: dict[str, Any]) -> None:
        """Add what a mapping behind `<<` has and the mapping itself does not say."""
        if not isinstance(source, yaml.MappingNode):
            self._refuse(source, "yaml-alias", "a merge key of something else", "a mapping", "name a mapping")
        for key, value in self._mapping(source, (*path, "<<")).items():
            if key not in values:
                values[key] = value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        if node.style:
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return text.lower() == "true"
        if _DATE.match(text) or _NOT_FINITE.match(text):
            self._refuse(node, "yaml-ambiguous-scalar", text, "quoted text", f'write "{text}" in quotes')
        value = _number(text)
        if isinstance(value, float) and not math.isfinite(value):
            fix = "write a number, or quote it"
            self._refuse(node, "yaml-number", shortened(text), "a number that JavaScript can hold", fix)
        if isinstance(value, int) and abs(value) > MOST_EXACT:
            self._refuse(
                node,
                "yaml-number",
                shortened(text),
                "a number that JavaScript holds exactly",
                "quote it if it is an id",
            )
        return value


def _number(text: str) -> Any:
    if _INT.match(text):
        return int(text[:_MOST_DIGITS])  # more digits are too large in any case
    if _HEXADECIMAL.match(text):
        return int(text, 16)
    if _OCTAL.match(text):
        return int(text, 8)
    if _FLOAT.match(text):
        value = float(text)
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return text


def _place(node: yaml.Node | yaml.Event) -> Place:
    mark = node.start_mark
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
