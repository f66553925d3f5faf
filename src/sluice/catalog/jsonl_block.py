"""Reads many lines of JSON at once where nothing about them is unusual; otherwise it declines, and says nothing.

What it takes, it takes as the reader that explains (`jsonl_file`) would. The parser is pydantic's: about twice as
fast as the standard library's, and it refuses NaN and lone surrogates by itself. Keys that stand twice in an object
leave no trace in what it returns; they are ruled out by counting: colons in the text, keys in the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from typing import Any

from pydantic_core import from_json

_parse = partial(from_json, allow_inf_nan=False, cache_strings="keys")


@dataclass(frozen=True)
class Block:
    """Rows that follow one another in a file: `rows[i]` stands in line `lines[i]`, counted from 1."""

    lines: Sequence[int]
    rows: list[dict[str, Any]]

    @cached_property
    def shapes(self) -> frozenset[tuple[str, ...]]:
        """The distinct lists of keys that the rows have."""
        return frozenset(map(tuple, self.rows))


def plain_rows(raw: bytes) -> list[dict[str, Any]] | None:
    """Return the rows of lines that are one plain object each, or None where any line is not."""
    if b"\r" in raw:
        return None
    try:
        rows = list(map(_parse, raw.split(b"\n")))
        keys = _keys(rows)
    except ValueError:
        return None
    unique = keys == raw.count(b":") or keys == _most_pairs(raw)
    return rows if unique and set(map(type, rows)) == {dict} else None


def _keys(values: Sequence[Any]) -> int:
    """Return how many keys all objects in some values have; raise ValueError where a number is not finite."""
    kinds, found = set(map(type, values)), 0
    if float in kinds and not all(map(math.isfinite, _only(float, values, kinds))):
        raise ValueError("a number out of range")
    if dict in kinds:
        objects = _only(dict, values, kinds)
        found += sum(map(len, objects)) + sum(map(_keys, _columns(objects)))
    if list in kinds:
        found += _keys(list(chain.from_iterable(_only(list, values, kinds))))
    return found


def _only(kind: type, values: Sequence[Any], kinds: set[type]) -> Sequence[Any]:
    return values if len(kinds) == 1 else [value for value in values if type(value) is kind]


def _columns(objects: Sequence[dict[str, Any]]) -> Iterable[Sequence[Any]]:
    """Return the values of all objects, key by key where they have equally many: a column is mostly of one kind."""
    if len(set(map(len, objects))) == 1:
        return zip(*map(dict.values, objects), strict=True)
    return [list(chain.from_iterable(map(dict.values, objects)))]


def _most_pairs(raw: bytes) -> int | None:
    """Return how many pairs of key and value there can be at most: colons behind a quotation mark.

    A quotation mark behind one backslash ends no key. None where blanks or backslashes make the count uncertain.
    """
    apart, escapes = b" :" in raw, b"\\" in raw
    if b"\t" in raw or (apart and b"  :" in raw) or (escapes and rb'\\"' in raw):
        return None
    ends = (b'":', b'" :') if apart else (b'":',)
    return sum(raw.count(end) - (raw.count(b"\\" + end) if escapes else 0) for end in ends)
