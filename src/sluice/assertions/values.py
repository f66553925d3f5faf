"""Values of assertions that may insert a case's fields: plain text, regex patterns, and nested data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sluice.assertions.model import AssertionConfigError, AssertionProblem
from sluice.template import CompiledTemplate, TemplateProblem, compile_template

Row: TypeAlias = Mapping[str, Any]

_FIELD = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}", re.ASCII)
_SYNTAX = ("{{", "{%", "{#")


class Template:
    """A text with row fields in it. `fields` names them; `constant` is the text where there are none."""

    __slots__ = ("_compiled", "_parts", "constant", "fields", "plain_field")

    def __init__(self, text: str, key: str = "value") -> None:
        self._compiled = _compile(text, key)
        self.fields: frozenset[str] = self._compiled.fields
        self.constant: str | None = text if not any(mark in text for mark in _SYNTAX) else None
        self._parts = _split(text, self.fields) if self.constant is None else None
        whole = _FIELD.fullmatch(text.strip())
        self.plain_field: str | None = whole[1] if whole and whole[1] in self.fields else None

    @property
    def only_plain_fields(self) -> bool:
        """Whether fields stand as `{{ name }}`, without filters, attributes or blocks."""
        return self.constant is not None or self._parts is not None

    def render(self, row: Row) -> str:
        """Return the text for a row; raise AssertionProblem where a field is missing."""
        if self.constant is not None:
            return self.constant
        if self._parts is not None:
            joined = _join(self._parts, row)
            if joined is not None:
                return joined
        return self._render_slowly(row)

    def render_escaped(self, row: Row) -> str:
        """Return the text with every row value escaped for use in a regex."""
        if self._parts is None:
            return self.render(row)
        return "".join(literal + (re.escape(_field_text(name, row)) if name else "") for literal, name in self._parts)

    def _render_slowly(self, row: Row) -> str:
        try:
            return self._compiled.render(row)
        except TemplateProblem as error:
            raise AssertionProblem(f"the value cannot be rendered for this case: {error}") from None


def _compile(text: str, key: str) -> CompiledTemplate:
    try:
        return compile_template(text)
    except TemplateProblem as error:
        raise AssertionConfigError(f"the template {text!r} is not valid: {error}", key) from None


def _split(text: str, fields: frozenset[str]) -> tuple[tuple[str, str], ...] | None:
    """Return (literal, field) pairs, or None where the template needs the full renderer.

    The renderer drops a last line feed and normalises line ends, so such texts go through it.
    """
    pieces = _FIELD.split(text)
    literals, names = pieces[0::2], pieces[1::2]
    complex_text = any(mark in literal for literal in literals for mark in (*_SYNTAX, "}}"))
    if complex_text or set(names) != fields or text.endswith("\n") or "\r" in text:
        return None
    return tuple(zip(literals, [*names, ""], strict=True))


def _join(parts: tuple[tuple[str, str], ...], row: Row) -> str | None:
    """Return the joined text where every field is text already; else None."""
    pieces: list[str] = []
    for literal, name in parts:
        pieces.append(literal)
        if name:
            value = row.get(name)
            if type(value) is not str:
                return None
            pieces.append(value)
    return "".join(pieces)


def _field_text(name: str, row: Row) -> str:
    value = row_value(name, row)
    # The same text that the renderer would insert.
    return value if isinstance(value, str) else str(value)


def row_value(name: str, row: Row) -> Any:
    """Return a field as it is; raise AssertionProblem where the case has none."""
    try:
        return row[name]
    except KeyError:
        raise AssertionProblem(f"the case has no field {name!r}, which the value inserts") from None


@dataclass(frozen=True, slots=True)
class Data:
    """JSON data with templated strings inside; a string that is exactly one field keeps the field's JSON type."""

    build: Callable[[Row], Any]
    fields: frozenset[str]

    @classmethod
    def of(cls, value: Any, key: str = "value") -> Data:
        """Compile a value of a suite file; raise AssertionConfigError for a bad template."""
        fields: set[str] = set()
        build = _builder(value, key, fields)
        return cls(build if fields else lambda row: value, frozenset(fields))


def _builder(value: Any, key: str, fields: set[str]) -> Callable[[Row], Any]:
    if isinstance(value, str):
        template = Template(value, key)
        fields |= template.fields
        name = template.plain_field
        return template.render if name is None else lambda row: row_value(name, row)
    if isinstance(value, list | tuple):
        items = [_builder(item, key, fields) for item in value]
        return lambda row: [item(row) for item in items]
    if isinstance(value, dict):
        pairs = {name: _builder(item, key, fields) for name, item in value.items()}
        return lambda row: {name: item(row) for name, item in pairs.items()}
    return lambda row: value
