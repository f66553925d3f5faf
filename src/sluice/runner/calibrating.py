"""Runs a judge on cases that people labelled, journalled and cached like any other run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.assertions import Ask, AssertionProblem, Question
from sluice.assertions.judged import fenced, read_grade, read_winner
from sluice.cache import CompletionCache
from sluice.catalog import Dataset
from sluice.digest import digest, short
from sluice.errors import CannotJudge
from sluice.journal import Journal
from sluice.providers.base import Provider
from sluice.results import Side
from sluice.runner.execute import Execution, Progress, resume, start
from sluice.runner.judging import Judge, Judging
from sluice.runner.plan import Calls, Plan
from sluice.runner.spending import Spending
from sluice.schema import Budget, Calibration, CalibrationFile, Said

_NO_PLAN = Plan((), (), (), 0)
_NO_CALLS = Calls({}, {}, {}, {}, {})
_AS_GIVEN = {"first": "first", "second": "second"}
_SWAPPED = {"first": "second", "second": "first"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A judge, and the labelled cases to run it on; `repeats` answers are asked for each."""

    dataset: Dataset
    judge: Judge
    repeats: int

    @property
    def name(self) -> str:
        """What the run is called where runs are kept."""
        return f"{self.judge.closure.name}.calibration"

    @property
    def compares(self) -> bool:
        """Whether the judge says which of two outputs is better."""
        return "winner" in (self.judge.prompt.output.schema_ or {}).get("properties", {})

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two invocations the same run."""
        rows = self.dataset.content_digest
        return {"suite": self.name, "judge": self.judge.closure.digest, "rows": rows, "repeats": self.repeats}

    def questions(self, row: Mapping[str, Any]) -> list[Question]:
        """Return what the judge is asked about a row; one that compares is asked in both orders."""
        if not self.compares:
            return self._repeated({**row, "output": fenced("output", str(row.get("output", "")))})
        first, second = (str(row.get(name, "")) for name in ("first", "second"))
        return [*self._repeated(_two(row, first, second)), *self._repeated(_two(row, second, first))]

    def _repeated(self, inputs: Mapping[str, Any]) -> list[Question]:
        return [Question(self.judge.closure.name, inputs, repeat) for repeat in range(self.repeats)]

    def said(self, row: Mapping[str, Any], ask: Ask) -> tuple[Said, ...]:
        """Return the judge's answers about a row; raise AssertionProblem where one is missing or unreadable."""
        replies = ask(self.questions(row))
        if not self.compares:
            grades = map(read_grade, replies)
            return tuple(Said(score=grade.score, passed=grade.stated) for grade in grades)
        places = [_AS_GIVEN] * self.repeats + [_SWAPPED] * self.repeats
        winners = (read_winner(reply, place)[0] for reply, place in zip(replies, places, strict=True))
        return tuple(Said.model_validate({"winner": winner}) for winner in winners)


def _two(row: Mapping[str, Any], first: str, second: str) -> dict[str, Any]:
    return {**row, "first": fenced("first", first), "second": fenced("second", second)}


def calibrate(task: Labelled, state: Path, cache: CompletionCache, progress: Progress) -> Calibration:
    """Ask the judge about every labelled case; raise CannotJudge where calls failed, keeping what was answered."""
    path = state / "runs" / task.name / short(digest(task.identity)) / "journal.jsonl"
    with Journal(path) as journal:
        execution = _execution(task, journal, cache, progress)
        judging = Judging(task.name, {task.judge.closure.name: task.judge}, execution.outcomes)
        probes = [_probe(task, row) for row in task.dataset.rows]
        progress.planned(task.name, len(probes) * len(task.questions({})), len(execution.outcomes))
        judging.settle(execution, probes, lambda calls: None)
        answers = {task.dataset.case_id(row): _answers(task, row, judging) for row in task.dataset.rows}
    closure = task.judge.closure
    return Calibration(
        digest=closure.digest,
        parts=dict(closure.parts),
        engine=closure.engine.title,
        repeats=task.repeats,
        answers=answers,
    )


def _probe(task: Labelled, row: Mapping[str, Any]) -> Callable[[Ask], object]:
    return lambda ask: task.said(row, ask)


def _answers(task: Labelled, row: Mapping[str, Any], judging: Judging) -> tuple[Said, ...] | None:
    """Return the answers about a row, None for what cannot be read; a call that failed says nothing of the judge."""
    try:
        return task.said(row, judging.ask)
    except AssertionProblem as problem:
        if problem.kind == "judge_parse":
            return None
        raise CannotJudge(
            f"the judge was not asked about every case ({problem}); what was answered is kept: run the command again"
        ) from None


def _execution(task: Labelled, journal: Journal, cache: CompletionCache, progress: Progress) -> Execution:
    found = resume(journal, task.identity) or start(journal, task.identity, _NO_PLAN, {})
    return Execution(
        suite=task.name,
        plan=_NO_PLAN,
        calls=_NO_CALLS,
        journal=journal,
        cache=cache,
        provider=_no_side,
        outcomes=found.outcomes,
        progress=progress,
        spending=Spending(task.name, Budget(), lambda who, completion: None),
        tally=found.tally,
        called=found.called,
        reused=frozenset(),
        servers=found.servers,
    )


def _no_side(side: Side) -> Provider:
    raise CannotJudge(f"a calibration has no {side}")


def written(task: Labelled, fresh: Calibration) -> CalibrationFile:
    """Return the file with a calibration in it; others stay where their prompt and rows are still these."""
    before, rows = task.dataset.calibration, task.dataset.content_digest
    kept: Sequence[Calibration] = before.calibrations if before is not None and before.rows == rows else ()
    others = [one for one in kept if one.digest != fresh.digest and _same_prompt(one, fresh)]
    ordered = sorted([*others, fresh], key=lambda one: one.digest)
    return CalibrationFile(format=1, judge=task.judge.closure.name, rows=rows, calibrations=tuple(ordered))


def _same_prompt(one: Calibration, other: Calibration) -> bool:
    parts = ("messages", "parameters", "inputs", "output", "semantics")
    return all(one.parts.get(part) == other.parts.get(part) for part in parts)
