"""The table of all assertion types, each with its opposite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.assertions import (
    contains,
    deepeval,
    markup,
    measurements,
    patterns,
    refusal,
    similarity,
    sql,
    structured,
    suite_code,
    text,
    tool_calls,
    xml_text,
)
from sluice.assertions.model import AssertionConfigError, AssertionType, Check, Score, Subject
from sluice.errors import nearest
from sluice.schema import Assertion

NEGATION = "not-"


def _opposite(base: AssertionType) -> AssertionType:
    def compile_opposite(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        check = base.compile(assertion, functions)
        judge = check.judge

        def opposite(subject: Subject) -> Score:
            score = judge(subject)
            value = 1.0 - score.value if base.opposite_inverts else score.value
            return Score(value, not score.passed, score.reason)

        return Check(opposite, check.fields, check.kind)

    value = "1 minus its value" if base.opposite_inverts else "its value, so only pass and fail count"
    title = f"the opposite of {base.name}: passes where that fails, and the value is {value}"
    kind = base.kind if base.opposite_inverts else "binary"
    return AssertionType(NEGATION + base.name, title, kind, base.semantics, compile_opposite, wants=base.wants)


_MODULES = (
    text, contains, patterns, structured, xml_text, markup, sql, tool_calls, similarity, refusal, measurements,
    suite_code, deepeval,
)  # fmt: skip
_BASES: tuple[AssertionType, ...] = tuple(item for module in _MODULES for item in module.TYPES)

REGISTRY: Mapping[str, AssertionType] = {item.name: item for base in _BASES for item in (base, _opposite(base))}
"""Type name -> type."""

_JUDGED = {item.name: item for item in deepeval.JUDGED_TYPES}


def find_type(name: str) -> AssertionType:
    """Return a type by name; raise AssertionConfigError with the nearest known name."""
    found = REGISTRY.get(name) or _JUDGED.get(name.removeprefix(NEGATION))
    if found is None:
        raise AssertionConfigError(f"no assertion type {name!r}; {nearest(name, REGISTRY)}", "type")
    return found
