"""Where inside a YAML scalar or a JSON row a problem is, so that an editor can jump to it."""

from __future__ import annotations

import re
from json.decoder import JSONDecoder, scanstring  # type: ignore[attr-defined]
from typing import Any

from sluice.catalog import Entry, Tree
from sluice.catalog.yaml_file import KeyPath, Place

_BLANK = re.compile(r"[ \t\r\n]*")
_value_at = JSONDecoder().raw_decode


def template_place(
    tree: Tree, entry: Entry[Any], where: KeyPath, template_line: int = 1, word: str | None = None
) -> Place:
    """Return line and column in the file of a line of a template (counted from 1, outer blanks stripped).

    With `word`, the place of that word there, or of its first occurrence below where lines were folded.
    """
    line, column = entry.source.place(where)
    lines = tree.read(entry.path).decode("utf-8").split("\n")
    text = _scalar(entry, where)
    if lines[line - 1][column - 1 : column] == "|":
        skipped = text[: len(text) - len(text.lstrip())].count("\n")
        line, column = line + skipped + template_line, 1
        content = lines[line - 1] if line <= len(lines) else ""
        column += len(content) - len(content.lstrip())
    return _find(lines, line, column, word) if word else (line, column)


def _scalar(entry: Entry[Any], where: KeyPath) -> str:
    value = entry.source.data
    for part in where:
        value = value[part]
    return str(value)


def _find(lines: list[str], line: int, column: int, word: str) -> Place:
    pattern = re.compile(rf"(?<![\w.]){re.escape(word)}\b")
    for number in range(line, min(line + 400, len(lines)) + 1):
        match = pattern.search(lines[number - 1], column - 1 if number == line else 0)
        if match:
            return number, match.start() + 1
    return line, column


def inside_scalar(tree: Tree, entry: Entry[Any], where: KeyPath, position: int) -> Place:
    """Return the place of a character (from 1) of a one-line scalar."""
    line, column = entry.source.place(where)
    start = tree.read(entry.path).decode("utf-8").split("\n")[line - 1][column - 1 : column]
    return line, column + position - 1 + (start in ("'", '"'))


def row_column(text: str, path: list[str | int]) -> int:
    """Return the column (characters, from 1) of a value in one line of JSON, or of its nearest known parent."""
    position = _after_blanks(text, 0)
    for part in path:
        following = _member(text, position, part)
        if following is None:
            break
        position = following
    return position + 1


def _after_blanks(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _member(text: str, position: int, part: str | int) -> int | None:
    """Return where a member of the object or array at `position` begins."""
    opening, index = text[position : position + 1], 0
    if opening != ("{" if isinstance(part, str) else "["):
        return None
    position = _after_blanks(text, position + 1)
    while text[position] not in "}]":
        key: str | int = index
        if opening == "{":
            key, position = scanstring(text, position + 1)
            position = _after_blanks(text, _after_blanks(text, position) + 1)
        if key == part:
            return position
        _, position = _value_at(text, position)
        position = _after_blanks(text, position)
        if text[position] == ",":
            position = _after_blanks(text, position + 1)
        index += 1
    return None
