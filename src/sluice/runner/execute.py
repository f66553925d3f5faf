"""Executes a plan look by look: calls what is missing, journals each batch, and gives the outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sluice import cache as cache_format
from sluice.cache import CompletionCache
from sluice.errors import CannotJudge
from sluice.journal import Journal
from sluice.providers.base import Completion, Failure, Outcome, Provider, Request
from sluice.results import FORMAT, Side
from sluice.runner.plan import Batch, Calls, Plan

_TRANSIENT = ("provider", "timeout", "rate_limit")
"""Kinds of failure that a later run of the same plan asks again."""


class Progress(Protocol):
    """What watches an execution."""

    def planned(self, suite: str, calls: int, done: int) -> None:
        """Hear how many completions are needed in all, and how many are there already."""

    def advanced(self, suite: str, calls: int) -> None:
        """Hear that some more calls have been answered."""


@dataclass(slots=True)
class Tally:
    """What an execution did in this process and what it found done."""

    calls: int = 0
    journalled: int = 0
    reused: int = 0
    seconds: float = 0.0
    torn: int = 0


@dataclass(slots=True)
class Execution:
    """A plan in flight; `outcomes` grows look by look."""

    suite: str
    plan: Plan
    calls: Calls
    journal: Journal
    cache: CompletionCache
    provider: Callable[[Side], Provider]
    outcomes: dict[str, Outcome]
    progress: Progress
    minutes: float | None
    tally: Tally
    called: set[str]

    def run_look(self, look: int) -> None:
        """Answer every call of one look that has no outcome yet."""
        todo = [(index, batch) for index, batch in enumerate(self.plan.batches) if batch.look == look]
        todo = [(index, batch) for index, batch in todo if any(key not in self.outcomes for key in batch.calls)]
        started = time.monotonic()
        for index, batch, outcomes in self._answers(todo):
            self._store(index, batch, outcomes)
            self.tally.seconds += time.monotonic() - started
            started = time.monotonic()
            if self.minutes is not None and self.tally.seconds > self.minutes * 60:
                raise CannotJudge(
                    f"the budget of {self.minutes:g} minutes for {self.suite} is spent; what was answered is kept: "
                    "run the same command again to go on, or raise `budget: {minutes: …}`"
                )

    def retry(self, keys: Sequence[str]) -> None:
        """Ask once more for completions that failed (must-pass cases; GATE 5)."""
        failed = [key for key in keys if isinstance(self.outcomes.get(key), Failure)]
        if failed:
            side = self.calls.sides[failed[0]]
            batch = Batch(side, 0, 0, tuple(failed))
            for _, outcomes in self.provider(side).run([[self.calls.requests[key] for key in failed]]):
                self._store(-1, batch, outcomes)

    def _answers(self, todo: Sequence[tuple[int, Batch]]) -> Iterator[tuple[int, Batch, list[Outcome]]]:
        if not todo:
            return
        groups: dict[int, tuple[Provider, list[tuple[int, Batch]]]] = {}
        for index, batch in todo:
            provider = self.provider(batch.side)
            groups.setdefault(id(provider), (provider, []))[1].append((index, batch))
        streams = [_stream(provider, batches, self.calls.requests) for provider, batches in groups.values()]
        yield from _alternate(streams)

    def _store(self, index: int, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        answers = dict(zip(batch.calls, outcomes, strict=True))
        self.journal.append([{"batch": index, "outcomes": {key: _encode(value) for key, value in answers.items()}}])
        self.cache.put({key: value for key, value in answers.items() if isinstance(value, Completion)})
        self.outcomes.update(answers)
        self.called.update(answers)
        self.tally.calls += len(answers)
        self.progress.advanced(self.suite, len(answers))


def _stream(
    provider: Provider, batches: Sequence[tuple[int, Batch]], requests: Mapping[str, Request]
) -> Iterator[tuple[int, Batch, list[Outcome]]]:
    asked = [[requests[key] for key in batch.calls] for _, batch in batches]
    for position, outcomes in provider.run(asked):
        index, batch = batches[position]
        yield index, batch, outcomes


def _alternate(streams: list[Iterator[Any]]) -> Iterator[Any]:
    """Take from each stream in turn, so that two servers are asked interleaved."""
    while streams:
        for stream in list(streams):
            try:
                yield next(stream)
            except StopIteration:
                streams.remove(stream)


def resume(journal: Journal, header: dict[str, Any]) -> tuple[Plan, dict[str, Outcome], Tally, set[str]] | None:
    """Return the plan, the outcomes, the tally and the called keys that a journal holds; None to start anew."""
    records = journal.records
    if not records or records[0].get("format") != FORMAT or records[0].get("run") != header:
        return None
    reused = records[1 : 1 + int(records[0]["reused"])]
    if len(reused) < int(records[0]["reused"]) or not all("reused" in record for record in reused):
        return None
    outcomes: dict[str, Outcome] = {one["reused"]: cache_format.decode(one["completion"]) for one in reused}
    tally = Tally(reused=len(reused), torn=journal.torn)
    called: set[str] = set()
    for record in records[1 + len(reused) :]:
        answers = {key: _decode(value) for key, value in record["outcomes"].items()}
        outcomes.update(answers)
        called.update(answers)
        tally.journalled += len(answers)
    kept = {key: value for key, value in outcomes.items() if not _transient(value)}
    return Plan.from_json(records[0]["plan"]), kept, tally, called


def start(journal: Journal, header: dict[str, Any], plan: Plan, known: Mapping[str, Completion]) -> None:
    """Write the header, the plan and the reused completions: everything a resumed run needs."""
    journal.restart()
    first = {"format": FORMAT, "run": header, "plan": plan.to_json(), "reused": len(known)}
    reused = ({"reused": key, "completion": cache_format.encode(value)} for key, value in known.items())
    journal.append([first, *reused])
    journal.reload()


def _transient(outcome: Outcome) -> bool:
    return isinstance(outcome, Failure) and outcome.kind in _TRANSIENT


def _encode(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {"error": outcome.kind, "message": outcome.message, "attempts": outcome.attempts}
    return cache_format.encode(outcome)


def _decode(data: Mapping[str, Any]) -> Outcome:
    if "error" in data:
        return Failure(data["error"], data["message"], data["attempts"])
    return cache_format.decode(data)
