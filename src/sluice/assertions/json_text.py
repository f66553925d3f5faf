"""Strict JSON in an output: the whole text, or the values that stand somewhere in it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn


class NotJson(ValueError):
    """The text is not JSON in the sense of RFC 8259 with finite numbers."""


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_finite)


def parse_json(text: str) -> Any:
    """Return the value of a text that is JSON as a whole; raise NotJson otherwise. The last of equal keys wins."""
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise NotJson(str(error).split("\n")[0] or "nested too deeply") from None


def find_objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the outermost JSON objects of a text from left to right."""
    index = text.find("{")
    while index >= 0:
        end = index + 1
        try:
            value, end = _DECODER.raw_decode(text, index)
            yield value
        except (ValueError, RecursionError):
            pass
        index = text.find("{", end)


def find_arrays(text: str) -> Iterator[list[Any]]:
    """Yield the outermost JSON arrays of a text from left to right."""
    index = text.find("[")
    while index >= 0:
        end = index + 1
        try:
            value, end = _DECODER.raw_decode(text, index)
            yield value
        except (ValueError, RecursionError):
            pass
        index = text.find("[", end)
