"""One suite run on both sides, look by look: opens or resumes its journal, executes, and scores into runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.cache import CompletionCache
from sluice.digest import digest, short
from sluice.errors import CannotJudge
from sluice.journal import Journal
from sluice.providers.base import Completion, Failure, Provider, Request
from sluice.results import CaseInfo, CaseResult, Run, RunHeader, Side
from sluice.runner.closure import Closure
from sluice.runner.engine import Engine
from sluice.runner.execute import Execution, Progress, resume, start
from sluice.runner.plan import Plan, PlannedSide, collect_calls, make_plan
from sluice.runner.scoring import Scorer
from sluice.schema import Budget, Price, Prompt


@dataclass(frozen=True, slots=True)
class SideTask:
    """One side of a suite: its prompt and closure, and the engine that answers."""

    side: Side
    label: str
    commit: str | None
    prompt: Prompt
    closure: Closure
    engine: Engine
    price: Price
    open: Callable[[], Provider]


@dataclass(frozen=True, slots=True)
class Task:
    """One suite to run: both sides (or head alone), the cases and how they are judged."""

    suite: str
    sides: tuple[SideTask, ...]
    cases: tuple[CaseInfo, ...]
    repeats: Mapping[str, int]
    scorer: Scorer
    must_pass: tuple[str, ...]
    seed: int
    budget: Budget
    complete: bool

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two invocations the same run."""
        closures = {task.side: task.closure.digest for task in self.sides}
        options = {"must_pass": list(self.must_pass), "seed": self.seed, "complete": self.complete}
        return {"suite": self.suite, "closures": closures, **options}

    def side(self, side: Side) -> SideTask:
        """Return one side."""
        return next(task for task in self.sides if task.side == side)


class PairedRun:
    """A task in execution. Use as a context manager: the journal is locked while it is open."""

    def __init__(self, task: Task, state: Path, cache: CompletionCache, progress: Progress) -> None:
        self.task = task
        planned = [PlannedSide(one.side, one.prompt, one.closure) for one in task.sides]
        self.calls = collect_calls(planned, task.cases, task.repeats)
        name = short(digest(task.identity))
        self.journal = Journal(state / "runs" / task.suite / name / "journal.jsonl")
        self.execution = self._open(cache, progress)
        self.plan: Plan = self.execution.plan
        self._scored: dict[tuple[Side, str, int], CaseResult] = {}
        progress.planned(task.suite, len(self.calls.requests), len(self.execution.outcomes))

    def __enter__(self) -> PairedRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    def _open(self, cache: CompletionCache, progress: Progress) -> Execution:
        found = resume(self.journal, self.task.identity)
        if found is None:
            known = cache.get(self.calls.requests)
            self._check_budget(len(self.calls.requests) - len(known))
            plan = self._plan(known)
            start(self.journal, self.task.identity, plan, known)
            found = resume(self.journal, self.task.identity)
            assert found is not None
        plan, outcomes, tally, called = found
        return Execution(
            suite=self.task.suite,
            plan=plan,
            calls=self.calls,
            journal=self.journal,
            cache=cache,
            provider=lambda side: self.task.side(side).open(),
            outcomes=outcomes,
            progress=progress,
            minutes=self.task.budget.minutes,
            tally=tally,
            called=called,
        )

    def _check_budget(self, calls: int) -> None:
        limit = self.task.budget.calls
        if limit is not None and calls > limit:
            raise CannotJudge(
                f"{self.task.suite} needs {calls} calls and its budget is {limit}; raise `budget: {{calls: …}}`, "
                "or take cases out"
            )

    def _plan(self, known: Mapping[str, Completion]) -> Plan:
        """Plan with the engines' own batch sizes; where every completion is known, no engine is opened."""
        providers = [] if len(known) == len(self.calls.requests) else [one.open() for one in self.task.sides]

        def lengths(requests: Sequence[Request]) -> list[int]:
            return providers[-1].lengths(requests)

        subsets = [assertion.applies for assertion in self.task.scorer.assertions if assertion.when is not None]
        return make_plan(
            self.task.cases,
            self.calls,
            known,
            subsets=subsets,
            first=self.task.must_pass,
            seed=self.task.seed,
            complete=self.task.complete,
            batch_size=max((provider.batch_size for provider in providers), default=1),
            lengths=lengths,
        )

    def run_look(self, look: int) -> None:
        """Answer every case of a look; failed must-pass cases are asked once more."""
        self.execution.run_look(look)
        if look == 0:
            listed = set(self.task.must_pass)
            self.execution.retry([key for (_, case, _), key in self.calls.keys.items() if case in listed])

    def cases(self, look: int) -> tuple[CaseInfo, ...]:
        """Return the cases of a look, in plan order."""
        infos = {case.id: case for case in self.task.cases}
        return tuple(infos[name] for name in self.plan.order[: self.plan.looks[look]])

    def run(self, side: Side, look: int) -> Run:
        """Score one side as far as a look."""
        return Run(self._header(side), tuple(self._results(side, self.cases(look))))

    def _results(self, side: Side, cases: Sequence[CaseInfo]) -> list[CaseResult]:
        return [self._result(side, case, repeat) for case in cases for repeat in range(self.task.repeats[case.id])]

    def _result(self, side: Side, case: CaseInfo, repeat: int) -> CaseResult:
        place = (side, case.id, repeat)
        if place not in self._scored:
            self._scored[place] = self._score(place, case)
        return self._scored[place]

    def _score(self, place: tuple[Side, str, int], case: CaseInfo) -> CaseResult:
        side, _, repeat = place
        key = self.calls.keys.get(place)
        if key is None:
            return self.task.scorer.score(
                case, repeat, "", self.calls.unrendered[place], called=False, price=self.task.side(side).price
            )
        outcome = self.execution.outcomes.get(key) or Failure("harness", "the call was planned but never answered")
        called = key in self.execution.called and self.calls.sides[key] == side
        return self.task.scorer.score(case, repeat, key, outcome, called=called, price=self.task.side(side).price)

    def _header(self, side: Side) -> RunHeader:
        task = self.task.side(side)
        return RunHeader(
            suite=self.task.suite,
            label=task.label,
            closure=task.closure.digest,
            commit=task.commit,
            engine={"engine": task.engine.name, "model": task.engine.model, "title": task.engine.title},
            plan=self.plan.digest,
            planned=len(self.plan.order),
            metrics=tuple(self.task.scorer.kinds),
        )

    def metric_counts(self, metric: str) -> tuple[int, ...]:
        """Return how many planned cases of a metric each look holds."""
        checks = [one for one in self.task.scorer.assertions if one.metric == metric]
        infos = {case.id: case for case in self.task.cases}
        applies = [any(check.applies(infos[name].row) for check in checks) for name in self.plan.order]
        return tuple(sum(applies[:end]) for end in self.plan.looks)
