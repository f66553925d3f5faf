"""Assertions about the call instead of the text: latency, time to the first token, cost, finish-reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.assertions.model import AssertionProblem, AssertionType, Check, Score, Subject, shown, verdict
from sluice.assertions.options import no_threshold, no_value, text_template, threshold
from sluice.schema import Assertion


def _compile_latency(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_value(assertion)
    most = threshold(assertion, None, "milliseconds")

    def judge(subject: Subject) -> Score:
        if subject.latency is None:
            raise AssertionProblem("the latency of this answer is not known")
        milliseconds = subject.latency * 1000
        return verdict(milliseconds <= most, f"{milliseconds:.0f} ms; threshold {most:g} ms")

    return Check(judge)


def _compile_cost(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_value(assertion)
    most = threshold(assertion, None, "US dollars")

    def judge(subject: Subject) -> Score:
        if subject.cost is None:
            raise AssertionProblem("the cost of this answer is not known; give the model a price")
        return verdict(subject.cost <= most, f"{subject.cost:.3g} dollars; threshold {most:g}")

    return Check(judge)


def _compile_finish_reason(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    expected = text_template(assertion)

    def judge(subject: Subject) -> Score:
        if not subject.finish_reason:
            return verdict(False, "the provider gave no finish reason")
        passed = subject.finish_reason.lower() == expected.render(subject.row).lower()
        return verdict(passed, f"finish reason {shown(subject.finish_reason)}")

    return Check(judge, expected.fields)


def _compile_ttft(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_value(assertion)
    most = threshold(assertion, None, "milliseconds")

    def judge(subject: Subject) -> Score:
        if subject.first_token is None:
            raise AssertionProblem("when the first token came is not known; the engine does not stream its answers")
        milliseconds = subject.first_token * 1000
        return verdict(milliseconds <= most, f"first token after {milliseconds:.0f} ms; threshold {most:g} ms")

    return Check(judge)


TYPES = (
    AssertionType(
        "ttft",
        "the first token came within `threshold` milliseconds",
        "binary",
        1,
        _compile_ttft,
        wants=("first_token",),
    ),
    AssertionType("latency", "the call took at most `threshold` milliseconds", "binary", 1, _compile_latency),
    AssertionType("cost", "the call cost at most `threshold` US dollars", "binary", 1, _compile_cost),
    AssertionType(
        "finish-reason",
        "the finish reason is the text, both in lower case; an answer without one does not have it",
        "binary",
        1,
        _compile_finish_reason,
    ),
)
