"""When a call is made again, and how many may be in flight: rules without a clock and without a network."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRYABLE_CLIENT_ERRORS = frozenset({408, 429})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds: to connect, for one attempt, and for a case with all its attempts and waits."""

    connect: float = 10.0
    attempt: float = 120.0
    case: float = 300.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015)."""

    attempts: int = 8
    base: float = 0.5
    cap: float = 20.0
    retry_after_cap: float = 60.0

    def delay(self, attempt: int, retry_after: float | None, uniform: float) -> float:
        """Return the seconds to wait after failed attempt number `attempt` (from 1).

        `uniform` is a draw from [0, 1). What the server asks for is clamped, and never shortens the own wait.
        """
        own = min(self.cap, self.base * 2.0 ** min(attempt - 1, 32)) * uniform
        return own if retry_after is None else max(own, min(retry_after, self.retry_after_cap))


def retryable(status: int) -> bool:
    """Whether the same request may succeed later: 408, 429 and every 5xx."""
    return status in RETRYABLE_CLIENT_ERRORS or 500 <= status < 600


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3), None where it is unusable."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


class Throttle:
    """How many attempts may be in flight: halved when the server is overloaded, then raised step by step.

    Additive increase, multiplicative decrease (Chiu and Jain, 1989). Whoever waits is let in in order;
    as the limit is never below one, and an attempt always ends, everybody is let in.
    """

    def __init__(self, ceiling: int) -> None:
        self._ceiling = float(ceiling)
        self._limit = float(ceiling)
        self._cut_at = float("-inf")
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """The number of attempts that may be in flight now."""
        return int(self._limit)

    async def enter(self) -> None:
        """Wait for a place and take it."""
        if self._active < self.limit and not self._waiting:
            self._active += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        await place

    def leave(self) -> None:
        """Give the place back."""
        self._active -= 1
        while self._waiting and self._active < self.limit:
            place = self._waiting.popleft()
            if not place.done():
                self._active += 1
                place.set_result(None)

    def overloaded(self, started: float, now: float) -> None:
        """Note a refusal of an attempt begun at `started`; those begun before the last cut do not cut again."""
        if started >= self._cut_at:
            self._limit = max(1.0, self._limit / 2)
            self._cut_at = now

    def succeeded(self) -> None:
        """Note an answer: about one more place per round of answers."""
        if self._limit < self._ceiling:
            self._limit = min(self._ceiling, self._limit + 1 / self._limit)
