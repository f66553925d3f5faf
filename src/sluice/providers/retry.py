"""When a call is made again: rules without a clock and without a network."""

from __future__ import annotations

from dataclasses import dataclass

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
