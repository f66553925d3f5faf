"""The stage between completions and scores: what assertions ask judges, asked in batches like any other calls.

An assertion is evaluated against the answers that are there; what it asks beyond them is collected, asked, and the
evaluation is repeated, until nothing is asked any more. Assertions are pure, so every process asks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from sluice.assertions import Ask, AssertionProblem, CompiledAssertion, Question, Reply, Subject
from sluice.assertions.judged import read_answer
from sluice.digest import digest
from sluice.providers.base import Completion, Failure, Outcome, Provider, Request
from sluice.runner.closure import JudgeClosure
from sluice.runner.execute import Execution
from sluice.runner.requests import render_request
from sluice.schema import Price, Prompt

JUDGE = "judge "
"""Before a judge's name, where journals say who was asked."""


@dataclass(frozen=True, slots=True)
class Judge:
    """One judge of a suite: its prompt, its closure, its price, and the provider that answers."""

    prompt: Prompt
    closure: JudgeClosure
    price: Price
    open: Callable[[], Provider]

    @property
    def contract(self) -> Mapping[str, Any]:
        """The JSON Schema that its answers follow; empty where it promises none."""
        return self.prompt.output.schema_ or {}

    def read(self, outcome: Outcome) -> Outcome:
        """Return an answer that breaks the contract as the failure that it is: it is no answer, and asked for again."""
        if isinstance(outcome, Completion) and self.contract:
            try:
                read_answer(Reply(outcome.text, self.contract))
            except AssertionProblem as problem:
                return Failure("judge_parse", str(problem), outcome.attempts)
        return outcome


@dataclass(frozen=True, slots=True)
class Asked:
    """One call to a judge; `depth` counts the questions that its assertion had to have answered before."""

    judge: str
    key: str
    request: Request
    depth: int


class Judging:
    """The judges of one suite. `outcomes` is where answers are found, and grows as they are asked."""

    def __init__(self, suite: str, judges: Mapping[str, Judge], outcomes: Mapping[str, Outcome]) -> None:
        self.suite = suite
        self.judges = judges
        self.asked: dict[str, Asked] = {}
        """Every call so far, by its key."""
        self._outcomes = outcomes

    def ask(self, questions: Sequence[Question]) -> tuple[Reply, ...]:
        """Return the answers to questions that were settled; raise AssertionProblem for one that has none."""
        return _Asker(self).ask(questions)

    def settle(self, execution: Execution, probes: Sequence[Probe], room: Room) -> None:
        """Ask until every probe has its answers; raise CannotJudge where the budget has no room."""
        pending = bool(probes)
        while pending:
            before = len(self.asked)
            for probe in probes:
                # One that waits for answers, or cannot be scored: the scoring proper will say so.
                with suppress(AssertionProblem):
                    probe(_Asker(self).ask)
            waiting = [one.key for one in self.asked.values() if one.key not in self._outcomes]
            execution.outcomes.update(execution.cache.get(waiting))
            missing = [one.depth for one in self.asked.values() if one.key not in self._outcomes]
            if missing:
                self._ask(execution, min(missing), room)
            pending = bool(missing) or len(self.asked) > before

    def _ask(self, execution: Execution, depth: int, room: Room) -> None:
        calls = [one for one in self.asked.values() if one.depth == depth]
        room(sum(one.key not in self._outcomes for one in calls))
        for name, judge in self.judges.items():
            mine = [one for one in calls if one.judge == name]
            if any(one.key not in self._outcomes for one in mine):
                provider = judge.open()
                execution.ask_apart(JUDGE + name, judge.open, _batches(mine, provider.batch_size), judge.read)

    def answered(self, key: str) -> Outcome | None:
        """Return what a judge answered a call with."""
        return self._outcomes.get(key)

    def spent(self, called: Iterable[str]) -> list[tuple[Completion, Price]]:
        """Return the answers among `called` completions that judges gave, with their prices."""
        found = ((self._outcomes.get(key), self.asked[key].judge) for key in called if key in self.asked)
        return [(answer, self.judges[name].price) for answer, name in found if isinstance(answer, Completion)]


Probe: TypeAlias = Callable[[Ask], object]
"""Evaluates an assertion on a subject with someone to ask."""

Room: TypeAlias = Callable[[int], None]
"""Hears how many calls are to be made, and raises CannotJudge where the budget does not allow them."""


@dataclass(slots=True)
class _Asker:
    judging: Judging
    depth: int = field(default=0)

    def ask(self, questions: Sequence[Question]) -> tuple[Reply, ...]:
        calls = [self._call(question) for question in questions]
        self.depth += 1
        answers = [self.judging.answered(call.key) for call in calls]
        failed = next((answer for answer in answers if isinstance(answer, Failure)), None)
        if failed is not None:
            told = failed.message if failed.kind == "judge_parse" else f"the judge was not reached: {failed.message}"
            raise AssertionProblem(told, failed.kind)
        given = [answer for answer in answers if isinstance(answer, Completion)]
        if len(given) < len(answers):
            raise AssertionProblem("the judge has not answered yet")
        return tuple(
            Reply(answer.text, self.judging.judges[question.judge].contract)
            for answer, question in zip(given, questions, strict=True)
        )

    def _call(self, question: Question) -> Asked:
        judge = self.judging.judges[question.judge]
        request = render_request(judge.prompt, question.inputs, question.repeat)
        if isinstance(request, Failure):
            raise AssertionProblem(f"the judge {question.judge} cannot be asked: {request.message}", request.kind)
        # The suite is part of the key: shards of different suites must not answer one request differently.
        key = digest(["judge", self.judging.suite, judge.closure.model, request.digest()])
        return self.judging.asked.setdefault(key, Asked(question.judge, key, request, self.depth))


def probe_of(assertion: CompiledAssertion, subject: Subject) -> Probe:
    """Return what evaluates an assertion on a subject."""
    return lambda ask: assertion.score(replace(subject, ask=ask))


def _batches(calls: Sequence[Asked], size: int) -> list[list[tuple[str, Request]]]:
    """Cut calls into batches of prompts of similar length, the same ones in every process."""

    def length(one: Asked) -> int:
        return sum(len(message.content) for message in one.request.messages)

    ordered = [(one.key, one.request) for one in sorted(calls, key=lambda one: (length(one), one.key))]
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]
