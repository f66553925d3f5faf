"""How many attempts may be in flight: adapts to what the server shows, and waits where the server asks for it."""

from __future__ import annotations

import asyncio
from collections import deque

START = 128
"""Attempts in flight at first, as TGI takes by default; doubled each round of answers while the server has room."""
LONG_QUEUE = 0.5
"""Waiting longer than this share of the time that the answer itself takes says that the server is full."""
QUEUE_CUT = 0.8
OVERLOAD_CUT = 0.5


class Throttle:
    """Additive increase, multiplicative decrease (Chiu and Jain, 1989) below a ceiling, with a slow start.

    Whoever waits is let in in order; as the limit is never below one, an attempt always ends, and a pause too,
    everybody is let in. Times are those of the event loop's clock, which no change of the date moves.
    """

    def __init__(self, ceiling: int, start: int = START) -> None:
        self._ceiling = float(ceiling)
        self._limit = float(min(ceiling, start))
        self._doubling = True
        self._cut_at = float("-inf")
        self._paused_until = float("-inf")
        self._waking: asyncio.TimerHandle | None = None
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """The number of attempts that may be in flight now."""
        return int(self._limit)

    async def enter(self) -> None:
        """Wait for a place and take it."""
        if self._active < self.limit and not self._waiting and self._waking is None:
            self._active += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place back."""
        self._active -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._active < self.limit and self._waking is None:
            place = self._waiting.popleft()
            if not place.done():
                self._active += 1
                place.set_result(None)

    def overloaded(self, started: float, now: float) -> None:
        """Note a refusal (429, 503) of an attempt begun at `started`; those begun before the last cut do not cut."""
        self._cut(OVERLOAD_CUT, started, now)

    def answered(self, started: float, now: float, queued: float = 0.0, computed: float = 0.0) -> None:
        """Note an answer that waited and then took these seconds, as the server says; 0 where it does not say."""
        if queued > LONG_QUEUE * computed and queued > 0.01:
            self._cut(QUEUE_CUT, started, now)
        elif self._limit < self._ceiling and started >= self._cut_at:
            step = 1.0 if self._doubling else 1.0 / self._limit
            self._limit = min(self._ceiling, self._limit + step)
            self._admit()

    def pause(self, seconds: float) -> None:
        """Let nobody in for a while, because the server asks for it; the longest pause asked for holds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        if seconds <= 0 or until <= self._paused_until:
            return
        self._paused_until = until
        if self._waking is not None:
            self._waking.cancel()
        self._waking = loop.call_at(until, self._wake)

    def close(self) -> None:
        """End a pause that nobody waits for."""
        if self._waking is not None:
            self._waking.cancel()
            self._waking = None

    def _wake(self) -> None:
        self._waking = None
        self._admit()

    def _cut(self, share: float, started: float, now: float) -> None:
        self._doubling = False
        if started >= self._cut_at:
            self._limit = max(1.0, self._limit * share)
            self._cut_at = now
