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
from sluice.retrieval import Retriever
from sluice.runner.closure import Closure
from sluice.runner.engine import Engine
from sluice.runner.execute import Execution, Progress, Resumed, resume, start
from sluice.runner.latency import TimedPair, pairs_to_time
from sluice.runner.plan import Part, Plan, PlannedSide, collect_calls, make_plan
from sluice.runner.resample import add_samples, reused_cases, sample_batches
from sluice.runner.scoring import Scorer, cost_of
from sluice.runner.spending import Spending
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
    retriever: Retriever | None = None


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
    ask: bool = True
    """Whether a model may be called for what the journal does not hold."""
    retry_errors: bool = False
    """Whether every error of the stored run is asked again, not only those that may pass by themselves."""

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two invocations the same run."""
        closures = {task.side: task.closure.digest for task in self.sides}
        options = {"must_pass": list(self.must_pass), "seed": self.seed, "complete": self.complete}
        return {"suite": self.suite, "closures": closures, **options}

    def journal(self, state: Path) -> Path:
        """Return where this run is written."""
        return state / "runs" / self.suite / short(digest(self.identity)) / "journal.jsonl"

    def side(self, side: Side) -> SideTask:
        """Return one side."""
        return next(task for task in self.sides if task.side == side)


class PairedRun:
    """A task in execution. Use as a context manager: the journal is locked while it is open."""

    def __init__(
        self, task: Task, state: Path, cache: CompletionCache, progress: Progress, part: Part | None = None
    ) -> None:
        self.task = task
        wants = task.scorer.wants
        planned = [PlannedSide(one.side, one.prompt, one.closure, one.retriever, wants) for one in task.sides]
        self.calls = collect_calls(planned, task.cases, task.repeats)
        self.journal = Journal(task.journal(state))
        self.execution = self._open(cache, progress)
        self.plan: Plan = self.execution.plan
        self.progress = progress
        self.resampled: dict[str, int] = {}
        """Cases whose base was sampled once more -> the number of its new samples."""
        self._scored: dict[tuple[Side, str, int], CaseResult] = {}
        self._held = self.plan.in_part(part) if part else ()
        self.own: frozenset[str] = self._own()
        """The calls that this process is to answer, if it is not all of them; nothing of what was known before."""
        wanted = self.own if part else self.calls.requests.keys()
        progress.planned(task.suite, len(wanted), sum(key in self.execution.outcomes for key in wanted))

    def _own(self) -> frozenset[str]:
        batches = zip(self.plan.batches, self._held, strict=False)
        return frozenset(key for batch, held in batches if held for key in batch.calls)

    def __enter__(self) -> PairedRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    def _open(self, cache: CompletionCache, progress: Progress) -> Execution:
        retry = self.task.retry_errors
        found = resume(self.journal, self.task.identity, ask=self.task.ask, retry_errors=retry)
        if found is None:
            known = cache.get(self.calls.requests)
            plan = self._plan(known)
            first = sum(len(batch.calls) for batch in plan.batches if batch.look == 0)
            self._check_budget(len(self.calls.requests) - len(known) if self.task.complete else first)
            found = start(self.journal, self.task.identity, plan, known)
        return Execution(
            suite=self.task.suite,
            plan=found.plan,
            calls=self.calls,
            journal=self.journal,
            cache=cache,
            provider=lambda side: self.task.side(side).open(),
            outcomes=found.outcomes,
            progress=progress,
            spending=self._spending(found),
            tally=found.tally,
            called=found.called,
            reused=frozenset(found.outcomes) - found.called,
            servers=found.servers,
            timed=found.timed,
        )

    def _spending(self, found: Resumed) -> Spending:
        """Return the budget, with what earlier processes spent of it."""
        spending = Spending(
            self.task.suite,
            self.task.budget,
            lambda side, completion: cost_of(completion, self.task.side(side).price),
        )
        for key in found.called & self.calls.sides.keys():
            spending.note(self.calls.sides[key], [found.outcomes[key]] if key in found.outcomes else [])
        return spending

    def _check_budget(self, calls: int) -> None:
        """Refuse a complete run that the budget does not allow; one with looks goes as far as it reaches."""
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
        if look == 0 and self.task.ask:
            self.execution.retry(self._must_pass())

    def run_part(self) -> None:
        """Answer this process's part of all looks; its failed must-pass cases are asked once more."""
        self.execution.run_batches(self._held)
        self.execution.retry([key for key in self._must_pass() if key in self.own])

    def _must_pass(self) -> list[str]:
        listed = set(self.task.must_pass)
        return [key for (_, case, _), key in self.calls.keys.items() if case in listed]

    def resample_base(self, look: int) -> bool:
        """Sample a reused base once more as far as a look (GATE 14); return whether there was anything to sample.

        The new answers are pooled with the reused ones. A greedy base would only give copies.
        """
        base, head = self.task.sides[0], self.task.side("head")
        if base is head or not base.prompt.parameters.stochastic:
            return False
        fresh = [case.id for case in self.cases(look) if case.id not in self.resampled]
        if self.execution.spending.stopped:
            return False
        cases = reused_cases(self.calls, fresh, self.task.repeats, self.execution.reused)
        if not cases:
            return False
        added = add_samples(self.calls, cases, self.task.repeats, base.closure, head.closure)
        self._check_budget(len(added.calls.requests) - len(self.execution.reused))
        self.calls = added.calls
        self.resampled.update({case: self.task.repeats[case] for case in cases})
        self.progress.extended(self.task.suite, len(added.keys), "base is sampled again")
        missing = any(key not in self.execution.outcomes for key in added.keys)
        size = base.open().batch_size if missing else 1
        self.execution.sample(self.calls, sample_batches(added.keys, self.calls.requests, look, size))
        return True

    def time_pairs(self) -> tuple[TimedPair, ...]:
        """Call fresh pairs for their latency, where the budget has room (GATE 11); return what was measured."""
        pairs = pairs_to_time(self.calls, self.plan.order)
        limit = self.task.budget.calls
        needed = len(self.calls.requests) - len(self.execution.reused) + 2 * len(pairs)
        if limit is None or needed <= limit:
            if pairs and not self.execution.timed:
                self.progress.extended(self.task.suite, 2 * len(pairs), "for latency alone")
            self.execution.time_pairs(pairs)
        return self.execution.timed

    def cases(self, look: int) -> tuple[CaseInfo, ...]:
        """Return the cases of a look, in plan order."""
        infos = {case.id: case for case in self.task.cases}
        return tuple(infos[name] for name in self.plan.order[: self.plan.looks[look]])

    def answered(self) -> tuple[CaseInfo, ...]:
        """Return the cases that have an outcome on both sides, in plan order: all that a run that was stopped has."""
        missing = {case for (_, case, _), key in self.calls.keys.items() if key not in self.execution.outcomes}
        infos = {case.id: case for case in self.task.cases}
        return tuple(infos[name] for name in self.plan.order if name not in missing)

    def run(self, side: Side, cases: Sequence[CaseInfo]) -> Run:
        """Score one side of these cases."""
        return Run(self._header(side), tuple(self._results(side, cases)))

    def _results(self, side: Side, cases: Sequence[CaseInfo]) -> list[CaseResult]:
        return [self._result(side, case, repeat) for case in cases for repeat in range(self._samples(side, case.id))]

    def _samples(self, side: Side, case: str) -> int:
        return self.task.repeats[case] + (self.resampled.get(case, 0) if side == "base" else 0)

    def _result(self, side: Side, case: CaseInfo, repeat: int) -> CaseResult:
        place = (side, case.id, repeat)
        if place not in self._scored:
            self._scored[place] = self._score(place, case)
        return self._scored[place]

    def _score(self, place: tuple[Side, str, int], case: CaseInfo) -> CaseResult:
        side, _, repeat = place
        case = self.calls.cases.get((side, case.id), case)
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
        engine = {"engine": task.engine.name, "model": task.engine.model, "title": task.engine.title}
        return RunHeader(
            suite=self.task.suite,
            label=task.label,
            closure=task.closure.digest,
            commit=task.commit,
            engine={**engine, "servers": self._servers(task)},
            plan=self.plan.digest,
            planned=len(self.plan.order),
            metrics=tuple(self.task.scorer.kinds),
        )

    def _servers(self, task: SideTask) -> list[dict[str, Any]]:
        """Return who answered a side in this run; equal models share a server and completions."""
        asked = [one.side for one in self.task.sides if one.closure.model == task.closure.model]
        found = [identity for side in asked for identity in self.execution.servers.get(side, ())]
        return [identity for index, identity in enumerate(found) if identity not in found[:index]]

    def metric_counts(self, metric: str) -> tuple[int, ...]:
        """Return how many planned cases of a metric each look holds."""
        measured = self.task.scorer.measures(metric)
        infos = {case.id: case for case in self.task.cases}
        applies = [measured(infos[name].row) for name in self.plan.order]
        return tuple(sum(applies[:end]) for end in self.plan.looks)
