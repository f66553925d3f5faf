"""Comparisons of the whole text: equals, starts-with, word-count."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sluice.assertions.json_text import NotJson, parse_json
from sluice.assertions.model import (
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Score,
    Subject,
    shown,
    verdict,
)
from sluice.assertions.options import no_threshold, not_empty, scalar_text, text_template
from sluice.assertions.values import Data, Row, Template
from sluice.assertions.words import words
from sluice.digest import canonical_json
from sluice.schema import Assertion

# equals


def _compile_equals(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    value = assertion.value
    if value is None:
        raise AssertionConfigError("equals needs a value: a text, or JSON data", "value")
    if isinstance(value, dict | list):
        return _equals_json(value)
    expected = Template(scalar_text(value))

    def judge(subject: Subject) -> Score:
        text = expected.render(subject.row)
        passed = subject.output == text
        return verdict(passed, f"the output {'equals' if passed else 'differs from'} {shown(text)}")

    return Check(judge, expected.fields)


def _equals_json(value: Any) -> Check:
    expected = Data.of(value)
    constant = None if expected.fields else canonical_json(value)

    def judge(subject: Subject) -> Score:
        wanted = constant or canonical_json(expected.build(subject.row))
        try:
            found = canonical_json(parse_json(subject.output))
        except NotJson as error:
            return verdict(False, f"the output is not JSON: {error}")
        passed = found == wanted
        return verdict(passed, f"the JSON {'equals' if passed else 'differs from'} {shown(wanted.decode())}")

    return Check(judge, expected.fields)


# starts-with


def _compile_starts_with(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    expected = text_template(assertion)

    def judge(subject: Subject) -> Score:
        text = not_empty(expected.render(subject.row))
        passed = subject.output.startswith(text)
        return verdict(passed, f"the output {'starts' if passed else 'does not start'} with {shown(text)}")

    return Check(judge, expected.fields)


# word-count


def _compile_word_count(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    bounds, fields = _word_bounds(assertion.value)

    def judge(subject: Subject) -> Score:
        low, high = bounds(subject.row)
        count = len(words(subject.output))
        passed = (low is None or count >= low) and (high is None or count <= high)
        return verdict(passed, f"{count} words; wanted {_bounds_text(low, high)}")

    return Check(judge, fields)


_Bounds = tuple[int | None, int | None]


def _word_bounds(value: Any) -> tuple[Callable[[Row], _Bounds], frozenset[str]]:
    if isinstance(value, dict):
        bounds = _range(value)
        return lambda row: bounds, frozenset()
    if isinstance(value, str) and not value.strip().isdecimal():
        return _templated_count(value)
    exact = _count(int(value) if isinstance(value, str) else value)
    return lambda row: (exact, exact), frozenset()


def _range(value: dict[str, Any]) -> _Bounds:
    if not value or set(value) - {"min", "max"}:
        raise AssertionConfigError("word-count takes a number, or a mapping with min, max or both", "value")
    low, high = (_count(value[name]) if name in value else None for name in ("min", "max"))
    if low is not None and high is not None and low > high:
        raise AssertionConfigError(f"min {low} is above max {high}: no output could pass", "value")
    return low, high


def _count(value: Any) -> int:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    if not whole or value < 0:
        raise AssertionConfigError(f"{json.dumps(value)} is no number of words; write 0 or more", "value")
    return int(value)


def _templated_count(value: str) -> tuple[Callable[[Row], _Bounds], frozenset[str]]:
    template = Template(value)
    if not template.fields:
        raise AssertionConfigError(f"{shown(value)} is no number of words; write 0 or more", "value")

    def bounds(row: Row) -> _Bounds:
        text = template.render(row).strip()
        if not text.isdecimal():
            raise AssertionProblem(f"the value is {shown(text)} for this case, not a number of words")
        return int(text), int(text)

    return bounds, template.fields


def _bounds_text(low: int | None, high: int | None) -> str:
    if low == high:
        return f"exactly {low}"
    return f"{'' if low is None else f'at least {low}'}{' and ' if low is not None and high is not None else ''}" + (
        "" if high is None else f"at most {high}"
    )


TYPES = (
    AssertionType(
        "equals",
        "the whole output is the text, character by character; a mapping or list is compared with the output "
        "as JSON, deeply (key order is free, true is not 1, 1 is 1.0); numbers and booleans as their JSON text",
        "binary",
        1,
        _compile_equals,
    ),
    AssertionType("starts-with", "the output begins with the text", "binary", 1, _compile_starts_with),
    AssertionType(
        "word-count",
        "the number of runs without white space is the value, or within {min, max} (both inclusive)",
        "binary",
        1,
        _compile_word_count,
    ),
)
