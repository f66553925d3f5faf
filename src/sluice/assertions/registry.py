"""The table of all assertion types, each with its opposite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sluice.assertions import (
    citations,
    contains,
    deepeval,
    grounding,
    markup,
    measurements,
    patterns,
    perplexity,
    private_data,
    ranking,
    references,
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
from sluice.providers.base import Wanted
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

        return replace(check, judge=opposite)

    value = "1 minus its value" if base.opposite_inverts else "its value, so only pass and fail count"
    title = f"the opposite of {base.name}: passes where that fails, and the value is {value}"
    kind = base.kind if base.opposite_inverts else "binary"
    return AssertionType(NEGATION + base.name, title, kind, base.semantics, compile_opposite, wants=base.wants)


_PROMPTFOO = (
    text, contains, patterns, structured, xml_text, markup, sql, tool_calls, similarity, refusal, measurements,
    perplexity,
)  # fmt: skip
_OWN = (ranking, grounding, citations, references, private_data, suite_code, deepeval)
_BASES: tuple[AssertionType, ...] = tuple(item for module in (*_PROMPTFOO, *_OWN) for item in module.TYPES)

OWN_TYPES = frozenset(item.name for module in _OWN for item in module.TYPES)
"""Base types that promptfoo does not have, or has in another sense."""

REGISTRY: Mapping[str, AssertionType] = {item.name: item for base in _BASES for item in (base, _opposite(base))}
"""Type name -> type."""

_JUDGED = {item.name: item for item in deepeval.JUDGED_TYPES}


def find_type(name: str) -> AssertionType:
    """Return a type by name; raise AssertionConfigError with the nearest known name."""
    found = REGISTRY.get(name) or _JUDGED.get(name.removeprefix(NEGATION))
    if found is None:
        raise AssertionConfigError(f"no assertion type {name!r}; {nearest(name, REGISTRY)}", "type")
    return found


def wanted(assertions: Iterable[Assertion]) -> tuple[Wanted, ...]:
    """Return what answers must bring beside their text, so that these assertions can judge them."""
    found: set[Wanted] = set()
    for one in assertions:
        found.update(wanted(one.assertions), REGISTRY[one.type].wants if one.type in REGISTRY else ())
    return tuple(sorted(found))
