"""Assertions that ask a judge: `llm-rubric`, `g-eval` and `pairwise`. A judge is a prompt of this repository."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.assertions.json_schemas import contract_problem
from sluice.assertions.json_text import NotJson, find_objects, parse_json
from sluice.assertions.model import (
    Asking,
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Question,
    Reply,
    Score,
    Subject,
    shown,
    verdict,
)
from sluice.assertions.options import no_threshold, text_template, threshold
from sluice.assertions.values import Template
from sluice.schema import PAIRWISE, Assertion

GRADES = ("score", "pass")
"""Of these a judge's answer must have one."""
_HALF = 0.5
_G_EVAL_LEAST = 0.7
_MARK_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Grade:
    """One answer of a judge: its score from 0 to 1, whether it says pass (None: it says a score only), and why."""

    score: float
    stated: bool | None
    reason: str

    def passed(self, least: float | None) -> bool:
        """Return whether it passes: what it says, and its score where a threshold asks for one."""
        if least is None and self.stated is not None:
            return self.stated
        return self.stated is not False and self.score >= (_HALF if least is None else least)


def fenced(name: str, text: str) -> str:
    """Return a model's text between marks that it cannot contain itself, for use in a judge's prompt."""
    mark = f"{name}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:_MARK_DIGITS]}"
    return f"<{mark}>\n{text}\n</{mark}>"


def read_grade(reply: Reply) -> Grade:
    """Read a judge's answer; one that does not follow its contract is an error, never a zero."""
    answer = read_answer(reply)
    stated, score = answer.get("pass"), answer.get("score")
    if not isinstance(stated, bool | None) or (stated is None and score is None):
        raise _unreadable(reply, f"needs {' or '.join(GRADES)}")
    value = float(bool(stated)) if score is None else _scaled(reply, score)
    return Grade(value, stated, str(answer.get("reason") or ""))


def read_answer(reply: Reply) -> dict[str, Any]:
    """Return the one JSON object of an answer; with several nobody could say which of them it means.

    Raises AssertionProblem, as judge_parse, for an answer that breaks its contract.
    """
    try:
        whole = parse_json(reply.text)
        found = [whole] if isinstance(whole, dict) else []
    except NotJson:
        found = list(find_objects(reply.text))
    if len(found) != 1:
        raise _unreadable(reply, f"holds {len(found) or 'no'} JSON object{'s' if len(found) > 1 else ''}")
    problem = contract_problem(reply.contract, found[0])
    if problem:
        raise _unreadable(reply, problem)
    return found[0]


def _scaled(reply: Reply, score: Any) -> float:
    """Return a score on the scale from 0 to 1, as the contract's minimum and maximum say."""
    declared = reply.contract.get("properties", {}).get("score", {})
    low, high = declared.get("minimum", 0), declared.get("maximum", 1)
    if isinstance(score, bool) or not isinstance(score, int | float) or not low <= score <= high:
        raise _unreadable(reply, f"score {score!r} is no number from {low:g} to {high:g}")
    return float((score - low) / (high - low))


def _unreadable(reply: Reply, why: str) -> AssertionProblem:
    return AssertionProblem(f"the judge's answer cannot be read: it {why}: {shown(reply.text)}", "judge_parse")


def _ask(subject: Subject, questions: Sequence[Question]) -> tuple[Reply, ...]:
    if subject.ask is None:
        raise AssertionProblem("this asks a judge, and there is none here")
    return subject.ask(questions)


def _repeated(judge: str, inputs: Mapping[str, Any], repeats: int) -> list[Question]:
    return [Question(judge, inputs, repeat) for repeat in range(repeats)]


def _compile_rubric(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    if assertion.steps:
        raise AssertionConfigError(f"{assertion.type} takes no steps; they belong to g-eval", "steps")
    return _graded(assertion, text_template(assertion), None, "rubric")


def _compile_g_eval(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    if not assertion.steps:
        raise AssertionConfigError(
            "g-eval needs steps: the list of what the judge does; steps that a model makes up would differ each time",
            "steps",
        )
    criteria = None if assertion.value is None else text_template(assertion)
    return _graded(assertion, criteria, _G_EVAL_LEAST, "steps")


def _graded(assertion: Assertion, rubric: Template | None, default: float | None, needed: str) -> Check:
    judge, steps = _judge_of(assertion), [Template(step, "steps") for step in assertion.steps]
    least = default
    if assertion.threshold is not None:
        least = threshold(assertion, None, "the least score that passes", high=1)

    def inputs(subject: Subject) -> dict[str, Any]:
        given: dict[str, Any] = {**subject.row, "output": fenced("output", subject.output)}
        if rubric is not None:
            given["rubric"] = rubric.render(subject.row)
        if steps:
            given["steps"] = [step.render(subject.row) for step in steps]
        return given

    def score(subject: Subject) -> Score:
        questions = _repeated(judge, inputs(subject), assertion.repeats)
        return _folded([read_grade(reply) for reply in _ask(subject, questions)], least)

    gives = {"output", *(["rubric"] if rubric else []), *(["steps"] if steps else [])}
    fields = frozenset[str]().union(*(one.fields for one in (*steps, *([rubric] if rubric else []))))
    asking = Asking(judge, assertion.repeats, frozenset(gives), frozenset({"output", needed}), GRADES, least)
    return Check(score, fields, asking=asking)


def _judge_of(assertion: Assertion) -> str:
    if assertion.judge is None:
        raise AssertionConfigError(f"{assertion.type} needs a judge: the name of a prompt that grades", "judge")
    return assertion.judge


def _folded(grades: Sequence[Grade], least: float | None) -> Score:
    """Fold the repeats of a judge: the mean score, the majority's word, and how many share it."""
    words = [grade.passed(least) for grade in grades]
    passed = 2 * sum(words) > len(words)
    agree = sum(word == passed for word in words)
    told = next((grade.reason for grade, word in zip(grades, words, strict=True) if word == passed), "")
    reason = f"the judge: {told}" if told else f"the judge says {'pass' if passed else 'fail'}"
    if len(grades) > 1:
        reason += f" ({agree} of {len(grades)} agree)"
    return Score(statistics.fmean(grade.score for grade in grades), passed, reason, told=True)


def _compile_pairwise(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    if assertion.steps:
        raise AssertionConfigError("pairwise takes no steps; write what is better into the value", "steps")
    if assertion.transform:
        raise AssertionConfigError("pairwise compares outputs as they are and takes no transform", "transform")
    judge, rubric = _judge_of(assertion), text_template(assertion)

    def asked(subject: Subject, first: str, second: str) -> list[Question]:
        inputs = {**subject.row, "rubric": rubric.render(subject.row)}
        inputs |= {"first": fenced("first", first), "second": fenced("second", second)}
        return _repeated(judge, inputs, assertion.repeats)

    def score(subject: Subject) -> Score:
        both = subject.versus
        if both is None:
            raise AssertionProblem("pairwise compares two outputs, and there is one")
        if both.base == both.head:
            return verdict(True, "both sides answer the same")
        forward, back = asked(subject, both.base, both.head), asked(subject, both.head, both.base)
        replies = _ask(subject, [*forward, *back])
        half = len(forward)
        return _preferred(replies[:half], replies[half:], both.scored)

    asking = Asking(
        judge,
        assertion.repeats,
        gives=frozenset({"first", "second", "rubric"}),
        needs=frozenset({"first", "second", "rubric"}),
        answers=("winner",),
        rounds=2,
        versus=True,
    )
    return Check(score, rubric.fields, asking=asking)


_BASE_FIRST = {"first": "base", "second": "head"}
_HEAD_FIRST = {"first": "head", "second": "base"}


def _preferred(forward: Sequence[Reply], back: Sequence[Reply], scored: str) -> Score:
    """Score one side: it fails where the judge prefers the other whichever stands first."""
    named = [read_winner(reply, _BASE_FIRST) for reply in forward], [read_winner(reply, _HEAD_FIRST) for reply in back]
    in_order, swapped = (majority([side for side, _ in words]) for words in named)
    reason = next((told for words in named for side, told in words if side == in_order and told), "")
    because = f": {reason}" if reason else ""
    if in_order != swapped:
        return verdict(True, "a tie: the judge prefers another side when the order is swapped")
    if in_order == "tie":
        return verdict(True, f"a tie{because}")
    agree = sum(side == in_order for words in named for side, _ in words)
    votes = f" ({agree} of {2 * len(forward)} answers)" if len(forward) > 1 else ""
    return verdict(in_order == scored, f"the judge prefers {in_order}, whichever stands first{votes}{because}")


def read_winner(reply: Reply, places: Mapping[str, str]) -> tuple[str, str]:
    """Return who is preferred, as `places` names who stands where, and why; or that it is a tie."""
    answer = read_answer(reply)
    word = answer.get("winner")
    if word not in (*places, "tie"):
        raise _unreadable(reply, f"names {word!r} as the winner, not first, second or tie")
    return places.get(str(word), "tie"), str(answer.get("reason") or "")


def majority(words: Sequence[str]) -> str:
    """Return the word of more than half, else a tie."""
    return next((word for word in dict.fromkeys(words) if 2 * words.count(word) > len(words)), "tie")


TYPES = (
    AssertionType(
        "llm-rubric",
        "a judge (a prompt of this repository) grades the output by the rubric in `value`; it passes where the judge "
        "says pass and its score reaches `threshold` (without one: 0.5 where the judge only scores)",
        "binary",
        1,
        _compile_rubric,
    ),
    AssertionType(
        "g-eval",
        "a judge grades the output by explicit `steps`, with the criteria in `value` if any; it passes where its score "
        "reaches `threshold` (0.7) and it does not say fail",
        "binary",
        1,
        _compile_g_eval,
    ),
    AssertionType(
        PAIRWISE,
        "a judge says which of base's and head's outputs is better by the rubric in `value`, asked in both orders; "
        "a side fails where the other is preferred in both, anything else is a tie",
        "binary",
        1,
        _compile_pairwise,
    ),
)
