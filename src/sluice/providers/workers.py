"""A bounded pool of workers over planned batches: results come out as batches complete, in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from queue import Empty, SimpleQueue

from sluice.errors import CannotJudge
from sluice.providers.base import Answered, Outcome, Request

_NOTHING_YET = object()
FLUSH_AFTER = 0.002
"""Seconds in which completed batches are gathered: waking the caller for each costs more than a call does."""

Complete = Callable[[Request], Awaitable[tuple[Outcome, CannotJudge | None]]]
"""Answers one request; the second value is the reason to break the run after this outcome, if there is one."""


class Workers:
    """Takes requests in the plan's order. `start` and `stop` run in the event loop, `results` in the caller.

    An answer keeps its place until the caller comes back for more: what is in flight and what is answered but not
    yet kept are together no more than `concurrency`, which is all that can be lost.
    """

    def __init__(self, batches: Sequence[Sequence[Request]], concurrency: int, complete: Complete) -> None:
        self._batches = batches
        self._concurrency = max(1, min(concurrency, sum(map(len, batches))))
        self._complete = complete
        self._slots: dict[int, list[Outcome | None]] = {}
        self._missing: dict[int, int] = {}
        self._gathered: Answered = []
        self._ended: SimpleQueue[Answered | BaseException | None] = SimpleQueue()
        self._places = asyncio.Semaphore(self._concurrency)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to work."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._all())

    async def stop(self) -> None:
        """Cancel what is in flight and wait until it has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def results(self) -> Iterator[Answered]:
        """Yield what has completed since the last time; raise what broke the run."""
        item: object = self._ended.get()
        while item is not None:
            answered: Answered = []
            while isinstance(item, list):
                answered += item
                item = self._next()
            if answered:
                yield answered
                self._loop.call_soon_threadsafe(self._give_back, sum(bool(outcomes) for _, outcomes in answered))
            if isinstance(item, BaseException):
                raise item
            if item is _NOTHING_YET:
                item = self._ended.get()

    def _next(self) -> object:
        try:
            return self._ended.get_nowait()
        except Empty:
            return _NOTHING_YET

    async def _all(self) -> None:
        plan = self._plan()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._concurrency):
                    group.create_task(self._serve(plan))
        except BaseExceptionGroup as failures:
            self._flush()
            self._ended.put(failures.exceptions[0])
        else:
            self._flush()
            self._ended.put(None)

    def _plan(self) -> Iterator[tuple[int, int, Request]]:
        for batch_index, batch in enumerate(self._batches):
            self._slots[batch_index] = [None] * len(batch)
            self._missing[batch_index] = len(batch)
            if not batch:
                self._emit((batch_index, []))
            for position, request in enumerate(batch):
                yield batch_index, position, request

    async def _serve(self, plan: Iterator[tuple[int, int, Request]]) -> None:
        for batch_index, position, request in plan:
            await self._places.acquire()
            outcome, broken = await self._complete(request)
            self._note(batch_index, position, outcome)
            if broken is not None:
                raise broken

    def _give_back(self, places: int) -> None:
        for _ in range(places):
            self._places.release()

    def _note(self, batch_index: int, position: int, outcome: Outcome) -> None:
        """Emit the batch that this outcome completes; one whose batch waits for others gives its place back."""
        slots = self._slots[batch_index]
        slots[position] = outcome
        self._missing[batch_index] -= 1
        if not self._missing[batch_index]:
            del self._slots[batch_index], self._missing[batch_index]
            self._emit((batch_index, [outcome for outcome in slots if outcome is not None]))
        else:
            self._give_back(1)

    def _emit(self, batch: tuple[int, list[Outcome]]) -> None:
        if not self._gathered:
            asyncio.get_running_loop().call_later(FLUSH_AFTER, self._flush)
        self._gathered.append(batch)

    def _flush(self) -> None:
        gathered, self._gathered = self._gathered, []
        if gathered:
            self._ended.put(gathered)
