"""JSON as promptfoo reads it, without what cannot be kept: numbers JavaScript rounds, halves of characters, depth."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MOST_NESTED = 100
MOST_EXACT = 2**53 - 1
"""The largest whole number up to which JavaScript holds every one."""

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")
_MOST_SHOWN = 30


class NotKept(ValueError):
    """Valid JSON that has no counterpart here; the text says what it is."""


def read_json(text: str) -> Any:
    """Parse JSON; raise NotKept for what cannot be kept, and ValueError for what is not JSON."""
    _refuse_depth(text)
    value = json.loads(text, parse_constant=_constant, parse_int=_whole, parse_float=_finite)
    _refuse_halves(value)
    return value


def _refuse_depth(text: str) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > MOST_NESTED:
            raise NotKept(f"data nested more than {MOST_NESTED} deep")


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")


def _whole(text: str) -> int:
    if len(text) > len(str(MOST_EXACT)) + 1 or abs(int(text)) > MOST_EXACT:
        raise NotKept(f"the number {shortened(text)}, which JavaScript does not hold exactly")
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise NotKept(f"the number {shortened(text)}, which is Infinity in JavaScript")
    return value


def _refuse_halves(value: Any) -> None:
    if isinstance(value, str) and _HALF.search(value):
        raise NotKept("half of a surrogate pair (\\ud800 to \\udfff alone), which no file can hold")
    for part in (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_halves(part)


def shortened(text: str) -> str:
    """Return a number's text, its middle left out where it is long."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:20]}… ({len(text)} digits)"
