"""Executes a plan look by look: calls what is missing, journals each batch, and gives the outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from sluice import cache as cache_format
from sluice.cache import CompletionCache
from sluice.journal import Journal, parse
from sluice.providers.base import Completion, Failure, Outcome, Provider, Request
from sluice.providers.served import ServerChanged
from sluice.results import FORMAT, Side
from sluice.runner.latency import TimedPair, interleaved, timed_pair
from sluice.runner.plan import Batch, Calls, Plan
from sluice.runner.spending import Spending

_TRANSIENT = ("provider", "timeout", "rate_limit", "judge_parse")
"""Kinds of failure that a later run of the same plan asks again."""
_UNPLANNED = -1
"""The batch number, in the journal, of what the plan did not hold: retries and new samples."""


AnsweredBatch: TypeAlias = tuple[int, Batch, list[Outcome]]


def _as_it_is(outcome: Outcome) -> Outcome:
    return outcome


class Progress(Protocol):
    """What watches an execution."""

    def planned(self, suite: str, calls: int, done: int) -> None:
        """Hear how many completions are needed in all, and how many are there already."""

    def advanced(self, suite: str, calls: int) -> None:
        """Hear that some more calls have been answered."""

    def extended(self, suite: str, calls: int, why: str) -> None:
        """Hear that calls were added to the plan, and why."""


@dataclass(slots=True)
class Tally:
    """What an execution did in this process, and what it found done by earlier ones in the journal."""

    calls: int = 0
    journalled: int = 0
    reused: int = 0
    seconds: float = 0.0
    seconds_before: float = 0.0
    torn: int = 0
    retries: int = 0
    """Attempts beyond the first of every call, and calls made again, in the whole journal."""
    asked_again: frozenset[str] = frozenset()
    """Completions whose stored error was dropped, because every error was to be asked again."""


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
    spending: Spending
    tally: Tally
    called: set[str]
    reused: frozenset[str]
    """Completions that the cache held when the run began."""
    servers: dict[str, list[dict[str, Any]]]
    """What each side's answers, and a judge's, were asked of: the servers' identities in the order of first calls."""
    timed: tuple[TimedPair, ...] = ()
    """Pairs that were called for latency alone."""

    def run_look(self, look: int) -> None:
        """Answer every call of one look that has no outcome yet."""
        self._answer([(index, batch) for index, batch in enumerate(self.plan.batches) if batch.look == look])

    def run_batches(self, wanted: Sequence[bool]) -> None:
        """Answer every call of these batches that has no outcome yet, whatever their look."""
        self._answer([(index, self.plan.batches[index]) for index, held in enumerate(wanted) if held])

    def sample(self, calls: Calls, batches: Sequence[Batch]) -> None:
        """Answer calls that were added after the plan; the same pair of closures may have them in the cache."""
        self.calls = calls
        keys = [key for batch in batches for key in batch.calls if key not in self.outcomes]
        self.outcomes.update(self.cache.get(keys))
        self._answer([(_UNPLANNED, batch) for batch in batches])

    def time_pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Call these pairs for their times alone; the cache is neither read nor written (GATE 2).

        They are journalled as a whole, so that a run that is killed meanwhile measures them anew.
        """
        if self.timed or not pairs:
            return
        started = time.monotonic()
        calls = list(enumerate(interleaved(pairs, look=0)))
        answered = chain.from_iterable(self._answers(calls))
        answers = {(batch.side, batch.calls[0]): outcomes[0] for _, batch, outcomes in answered}
        found = (timed_pair(answers["base", base], answers["head", head]) for base, head in pairs)
        self.timed = tuple(pair for pair in found if pair is not None)
        seconds = time.monotonic() - started
        times = [[pair.base, pair.head] for pair in self.timed]
        self.journal.append([{"timed": times, "calls": len(calls), "seconds": seconds}])
        self.tally.calls += len(calls)
        self.tally.seconds += seconds

    def _answer(self, batches: Sequence[tuple[int, Batch]]) -> None:
        todo = [(index, batch) for index, batch in batches if any(key not in self.outcomes for key in batch.calls)]
        if not todo:
            return
        self.spending.require(self.tally.seconds)
        needed = sum(len(batch.calls) for _, batch in todo)
        self.spending.require_calls(self.tally.calls + self.tally.journalled, needed)
        with self._taking_back([key for _, batch in todo for key in batch.calls]):
            self._answer_all(todo)

    def _answer_all(self, todo: Sequence[tuple[int, Batch]]) -> None:
        started = time.monotonic()
        for answered in self._answers(todo):
            now = time.monotonic()
            self._store(answered, now - started)
            started = now
            self.spending.require(self.tally.seconds)

    def ask_apart(
        self,
        who: str,
        provider: Callable[[], Provider],
        batches: Sequence[Sequence[tuple[str, Request]]],
        read: Callable[[Outcome], Outcome],
    ) -> None:
        """Answer the calls of these batches that have no outcome yet: calls of a judge, which belong to no side.

        `read` turns an answer that nobody can read into a failure, so that it is never kept as an answer.
        """
        todo = [tuple(key for key, _ in batch if key not in self.outcomes) for batch in batches]
        requests = dict(chain.from_iterable(batches))
        missing = [(_UNPLANNED, Batch("head", 0, 0, keys)) for keys in todo if keys]
        if not missing:
            return
        self.spending.require(self.tally.seconds)
        self.spending.require_calls(self.tally.calls + self.tally.journalled, sum(map(len, todo)))
        started = time.monotonic()
        with self._taking_back([key for keys in todo for key in keys]):
            for answered in _stream(self._announced(who, provider()), missing, requests):
                now = time.monotonic()
                self._store(answered, now - started, payer=who, read=read)
                started = now
                self.spending.require(self.tally.seconds)

    def retry(self, keys: Sequence[str]) -> None:
        """Ask once more for completions that failed (must-pass cases; GATE 5)."""
        failed: dict[Side, list[str]] = {}
        for key in dict.fromkeys(keys):
            if isinstance(self.outcomes.get(key), Failure):
                failed.setdefault(self.calls.sides[key], []).append(key)
        for side, asked in failed.items():
            started = time.monotonic()
            with self._taking_back(asked):
                batches = [(_UNPLANNED, Batch(side, 0, 0, tuple(asked)))]
                for answered in _stream(self._server(side), batches, self.calls.requests):
                    self._store(answered, time.monotonic() - started)

    @contextmanager
    def _taking_back(self, keys: Sequence[str]) -> Iterator[None]:
        """Withdraw what was answered meanwhile where it turns out that nobody knows which model answered it."""
        before = {key for key in keys if isinstance(self.outcomes.get(key), Completion)}
        try:
            yield
        except ServerChanged as error:
            doubted = [key for key in keys if key in self.outcomes and key not in before]
            if error.doubted and doubted:
                self.journal.append([{"withdrawn": doubted}])
                self.cache.remove(doubted)
            raise

    def _answers(self, todo: Sequence[tuple[int, Batch]]) -> Iterator[list[AnsweredBatch]]:
        if not todo:
            return
        groups: dict[int, tuple[Provider, list[tuple[int, Batch]]]] = {}
        servers = {side: self._server(side) for side in dict.fromkeys(batch.side for _, batch in todo)}
        for index, batch in todo:
            provider = servers[batch.side]
            groups.setdefault(id(provider), (provider, []))[1].append((index, batch))
        streams = [_stream(provider, batches, self.calls.requests) for provider, batches in groups.values()]
        yield from _alternate(streams)

    def _server(self, side: Side) -> Provider:
        """Open a side's provider for calls."""
        return self._announced(side, self.provider(side))

    def _announced(self, who: str, provider: Provider) -> Provider:
        """The journal keeps what a server that is asked says of itself."""
        identity, known = asdict(provider.identity()), self.servers.setdefault(who, [])
        if identity not in known:
            self.journal.append([{"server": who, "identity": identity}])
            known.append(identity)
        return provider

    def _store(
        self,
        answered: Sequence[AnsweredBatch],
        seconds: float,
        *,
        payer: str | None = None,
        read: Callable[[Outcome], Outcome] = _as_it_is,
    ) -> None:
        """Keep what completed together by one write to disk; the first record holds the seconds of all."""
        answers: dict[str, Outcome] = {}
        records: list[dict[str, Any]] = []
        for index, batch, outcomes in answered:
            found = dict(zip(batch.calls, map(read, outcomes), strict=True))
            answers.update(found)
            self.spending.note(payer or batch.side, outcomes)
            encoded = {key: _encode(value) for key, value in found.items()}
            records.append({"batch": index, "outcomes": encoded, "seconds": 0.0 if records else seconds})
        self.journal.append(records)
        self.cache.put({key: value for key, value in answers.items() if isinstance(value, Completion)})
        self.tally.retries += _retries(answers, self.called)
        self.outcomes.update(answers)
        self.called.update(answers)
        self.tally.calls += len(answers)
        self.tally.seconds += seconds
        self.progress.advanced(self.suite, len(answers))


def _retries(answers: Mapping[str, Outcome], called: set[str]) -> int:
    return sum(max(0, answer.attempts - 1) + (key in called) for key, answer in answers.items())


def _stream(
    provider: Provider, batches: Sequence[tuple[int, Batch]], requests: Mapping[str, Request]
) -> Iterator[list[AnsweredBatch]]:
    asked = [[requests[key] for key in batch.calls] for _, batch in batches]
    for answered in provider.run(asked):
        yield [(*batches[position], outcomes) for position, outcomes in answered]


def _alternate(streams: list[Iterator[Any]]) -> Iterator[Any]:
    """Take from each stream in turn, so that two servers are asked interleaved."""
    while streams:
        for stream in list(streams):
            try:
                yield next(stream)
            except StopIteration:
                streams.remove(stream)


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a journal holds of an earlier process: its plan, what was answered, which keys were called, and by whom."""

    plan: Plan
    outcomes: dict[str, Outcome]
    tally: Tally
    called: set[str]
    servers: dict[str, list[dict[str, Any]]]
    timed: tuple[TimedPair, ...]


def resume(journal: Journal, header: dict[str, Any], *, ask: bool = True, retry_errors: bool = False) -> Resumed | None:
    """Return what a journal holds of the same run; None to start anew.

    Transient failures are forgotten, to be asked again, with `retry_errors` every other failure too; where nothing may
    be asked, they are the outcome.
    """
    records, journal.records = journal.records, []
    if not records or records[0].get("format") != FORMAT or records[0].get("run") != header:
        return None
    reused = records[1 : 1 + int(records[0]["reused"])]
    if len(reused) < int(records[0]["reused"]) or not all("reused" in record for record in reused):
        return None
    outcomes: dict[str, Outcome] = {one["reused"]: cache_format.decode(one["completion"]) for one in reused}
    tally = Tally(reused=len(reused), torn=journal.torn)
    called: set[str] = set()
    servers: dict[str, list[dict[str, Any]]] = {}
    timed: tuple[TimedPair, ...] = ()
    for record in records[1 + len(reused) :]:
        tally.seconds_before += record.get("seconds", 0.0)
        if "server" in record:
            servers.setdefault(record["server"], []).append(record["identity"])
            continue
        if "timed" in record:
            timed = tuple(TimedPair(base, head) for base, head in record["timed"])
            tally.journalled += record["calls"]
            continue
        if "withdrawn" in record:
            for key in record["withdrawn"]:
                outcomes.pop(key, None)
            called.difference_update(record["withdrawn"])
            continue
        answers = {key: _decode(value) for key, value in record["outcomes"].items()}
        tally.retries += _retries(answers, called)
        outcomes.update(answers)
        called.update(answers)
        tally.journalled += len(answers)
    kinds = {key: value.kind for key, value in outcomes.items() if isinstance(value, Failure)}
    dropped = frozenset(key for key, kind in kinds.items() if ask and (retry_errors or kind in _TRANSIENT))
    tally.asked_again = dropped if retry_errors else frozenset()
    kept = {key: value for key, value in outcomes.items() if key not in dropped}
    return Resumed(Plan.from_json(records[0]["plan"]), kept, tally, called, servers, timed)


def is_stored(path: Path, header: dict[str, Any]) -> bool:
    """Tell whether a journal of this run is there to be resumed."""
    try:
        with path.open("rb") as file:
            first = next(parse(path, file.readline()), {})
    except OSError:
        return False
    return first.get("format") == FORMAT and first.get("run") == header


def start(journal: Journal, header: dict[str, Any], plan: Plan, known: Mapping[str, Completion]) -> Resumed:
    """Write the header, the plan and the reused completions: everything a resumed run needs; return what it reads."""
    journal.restart()
    first = {"format": FORMAT, "run": header, "plan": plan.to_json(), "reused": len(known)}
    reused = ({"reused": key, "completion": cache_format.encode(value)} for key, value in known.items())
    journal.append(chain([first], reused))
    return Resumed(plan, dict(known), Tally(reused=len(known), torn=journal.torn), set(), {}, ())


def _encode(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        return {"error": outcome.kind, "message": outcome.message, "attempts": outcome.attempts}
    return cache_format.encode(outcome)


def _decode(data: Mapping[str, Any]) -> Outcome:
    if "error" in data:
        return Failure(data["error"], data["message"], data["attempts"])
    return cache_format.decode(data)
