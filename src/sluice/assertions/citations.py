"""Whether an output cites what it was given: the ids in its citations against the ids of the passages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sluice.assertions.model import (
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Score,
    Subject,
    shown,
)
from sluice.assertions.options import settings, threshold
from sluice.assertions.passages import Passages, field_name, grades_of, passage_id
from sluice.assertions.patterns import TIME_LIMIT, compile_pattern
from sluice.assertions.values import Data
from sluice.schema import Assertion

_BRACKETS = r"\[([^\[\]]+)\](?!\()"
"""Not the text of a Markdown link."""

_RANK = "#"
_SEPARATORS = re.compile(r"\s*[,;]\s*")


def _reader(given: Mapping[str, Any]) -> Callable[[str], list[str]]:
    """Return what lists the ids that an output cites, each once, in order."""
    text = given.get("pattern", _BRACKETS)
    if not isinstance(text, str):
        raise AssertionConfigError(f"the pattern is {shown(str(text))}, no text", "value")
    pattern = compile_pattern(text)
    if pattern.groups != 1:
        raise AssertionConfigError(f"the pattern has {pattern.groups} groups; one must hold the id", "value")

    def cited(output: str) -> list[str]:
        try:
            found = pattern.findall(output, timeout=TIME_LIMIT)
        except TimeoutError:
            raise AssertionProblem(f"the pattern took more than {TIME_LIMIT:g} s; simplify it") from None
        names = (name for text in found for name in _SEPARATORS.split(text.strip()))
        return list(dict.fromkeys(name for name in names if name))

    return cited


def _ids(passages: list[Any], key: str) -> set[str]:
    if key == _RANK:
        return set(map(str, range(1, len(passages) + 1)))
    return {passage_id(passage, key) for passage in passages}


def _compile_given(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    least = threshold(assertion, 1.0, "the least share that passes", high=1)
    given = settings(assertion, ("passages", "id", "pattern"), None)
    passages, key, cited = Passages.of(given), field_name(given, "id", "id"), _reader(given)

    def judge(subject: Subject) -> Score:
        known = _ids(passages.read(subject.row), key)
        names = cited(subject.output)
        unknown = [name for name in names if name not in known]
        if not names:
            return Score(0.0, least <= 0, "the output cites nothing")
        value = (len(names) - len(unknown)) / len(names)
        first = f", first not {shown(unknown[0])}" if unknown else ""
        told = f"{len(names) - len(unknown)} of {len(names)} citations name a passage{first}"
        return Score(value, value >= least, f"{told}; threshold {least:g}")

    return Check(judge, passages.fields)


def _compile_relevant(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    least = threshold(assertion, 1.0, "the least share that passes", high=1)
    given = settings(assertion, ("relevant", "pattern"), "relevant")
    relevant, cited = Data.of(given["relevant"]), _reader(given)

    def judge(subject: Subject) -> Score:
        wanted = list(grades_of(relevant.build(subject.row)))
        names = set(cited(subject.output))
        missing = [name for name in wanted if name not in names]
        value = (len(wanted) - len(missing)) / len(wanted)
        first = f", first not {shown(missing[0])}" if missing else ""
        told = f"{len(wanted) - len(missing)} of {len(wanted)} relevant passages are cited{first}"
        return Score(value, value >= least, f"{told}; threshold {least:g}")

    return Check(judge, relevant.fields)


_COMMON = (
    "A citation is text in square brackets that no link follows, or what the one group of `pattern` matches; commas or "
    "semicolons stand between several ids; an id counts once. Passes from `threshold` (default 1)"
)

TYPES = (
    AssertionType(
        "cites-passages",
        "the share of the ids cited in the output that are ids of the passages; an output that cites nothing scores 0. "
        "The value, if any, is a mapping: `passages` (default `{{ passages }}`), `id`, the field of a passage (default "
        "`id`; `#` for its rank, from 1), and `pattern`. "
        f"{_COMMON}",
        "continuous",
        1,
        _compile_given,
    ),
    AssertionType(
        "cites-relevant",
        "the share of the relevant ids that the output cites. The value is `relevant` (as for recall-at-k), or a "
        f"mapping of `relevant` and `pattern`. {_COMMON}",
        "continuous",
        1,
        _compile_relevant,
    ),
)
