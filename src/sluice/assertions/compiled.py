"""Compiles an assertion of a suite file into something that scores answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from sluice.assertions.model import AssertionConfigError, Judge, Kind, Score, Subject
from sluice.assertions.registry import find_type
from sluice.assertions.sets import SET, set_judge
from sluice.assertions.transforms import compile_steps
from sluice.assertions.when import When, parse_when
from sluice.schema import Assertion


@dataclass(frozen=True, slots=True)
class CompiledAssertion:
    """An assertion ready to score; `fields` are the row fields that its value and `when` read."""

    metric: str
    type: str
    kind: Kind
    weight: float
    semantics: int
    fields: frozenset[str]
    when: When | None
    judge: Judge
    parts: tuple[CompiledAssertion, ...] = ()

    def applies(self, row: Mapping[str, Any]) -> bool:
        """Return whether `when` holds for a case."""
        return self.when is None or self.when(row)

    def score(self, subject: Subject) -> Score | None:
        """Return the score, or None where `when` does not hold; raise AssertionProblem where it could not run."""
        if self.when is not None and not self.when.predicate(subject.row):
            return None
        return self.judge(subject)


def compile_assertion(assertion: Assertion, *, suite_code: ModuleType | None = None) -> CompiledAssertion:
    """Compile one assertion; raise AssertionConfigError naming the key at fault.

    `suite_code` is the suite's own module, where it has one; only `python` assertions use it.
    """
    when = None if assertion.when is None else parse_when(assertion.when)
    if assertion.type == SET:
        return _compile_set(assertion, when, suite_code)
    if assertion.assertions:
        raise AssertionConfigError(f"{assertion.type} has no assertions of its own; only {SET} has", "assertions")
    kind_of_check = find_type(assertion.type)
    check = kind_of_check.compile(assertion, {} if suite_code is None else vars(suite_code))
    return CompiledAssertion(
        metric=assertion.metric,
        type=assertion.type,
        kind=check.kind or kind_of_check.kind,
        weight=assertion.weight,
        semantics=kind_of_check.semantics,
        fields=check.fields | (when.fields if when else frozenset()),
        when=when,
        judge=_transformed(check.judge, assertion),
    )


def _transformed(judge: Judge, assertion: Assertion) -> Judge:
    if not assertion.transform:
        return judge
    transform = compile_steps(assertion.transform)
    return lambda subject: judge(replace(subject, output=transform(subject.output)))


def _compile_set(assertion: Assertion, when: When | None, suite_code: ModuleType | None) -> CompiledAssertion:
    if any(part.type == SET for part in assertion.assertions):
        raise AssertionConfigError(f"an {SET} holds single assertions, no other {SET}", "assertions")
    if assertion.transform:
        raise AssertionConfigError(f"an {SET} judges nothing itself; give its assertions the transform", "transform")
    parts = tuple(compile_assertion(part, suite_code=suite_code) for part in assertion.assertions)
    judge = set_judge(assertion, [(part.metric, part.weight, part.score) for part in parts])
    return CompiledAssertion(
        metric=assertion.metric,
        type=assertion.type,
        kind="continuous",
        weight=assertion.weight,
        semantics=1,
        fields=frozenset().union(when.fields if when else (), *(part.fields for part in parts)),
        when=when,
        judge=judge,
        parts=parts,
    )
