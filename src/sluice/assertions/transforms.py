"""Steps that an output takes before it is judged: trim, lower, upper, and a value read from its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from sluice.assertions.json_text import NotJson, parse_json
from sluice.assertions.model import AssertionProblem, shown
from sluice.assertions.words import BLANKS
from sluice.schema.suite import JsonValue, TransformStep

_AROUND = re.compile(f"^[{BLANKS}]+|[{BLANKS}]+\\Z")
_TEXT_STEPS: dict[str, Callable[[str], str]] = {
    "trim": lambda text: _AROUND.sub("", text),
    "lower": str.lower,
    "upper": str.upper,
}


def compile_steps(steps: Sequence[TransformStep]) -> Callable[[str], str]:
    """Return what takes an output through all steps; it raises AssertionProblem where a JSON value is not there."""
    functions = [_reader(step.path) if isinstance(step, JsonValue) else _TEXT_STEPS[step] for step in steps]

    def transform(output: str) -> str:
        for function in functions:
            output = function(output)
        return output

    return transform


def _reader(path: Sequence[str | int]) -> Callable[[str], str]:
    def read(output: str) -> str:
        try:
            value = parse_json(output)
        except NotJson as error:
            raise AssertionProblem(f"the output is not JSON, which the transform reads: {error}") from None
        for part in path:
            value = _below(value, part)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    return read


def _below(value: Any, part: str | int) -> Any:
    if isinstance(value, dict) and str(part) in value:
        return value[str(part)]
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    raise AssertionProblem(f"the JSON of the output has no {shown(str(part))}, which the transform reads")
