"""When a request is made again, and how long to wait: rules without a clock and without a network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sluice.forge.transport import Reply
from sluice.providers.pacing import parse_retry_after
from sluice.providers.retry import RetryPolicy

SECONDARY = 60.0
"""GitHub asks for at least a minute where a secondary rate limit names no time, longer each time it is met again."""

_LIMITED = re.compile(rb"secondary rate limit|abuse detection", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to ask again, and for how long altogether. Seconds; the budget is for all requests of a client."""

    attempts: int = 6
    budget: float = 600.0
    backoff: RetryPolicy = field(default_factory=lambda: RetryPolicy(base=1.0, cap=30.0))


def is_limited(reply: Reply) -> bool:
    """Whether a primary or a secondary rate limit refused the request: it was not carried out."""
    if reply.status == 429:
        return True
    if reply.status != 403:
        return False
    exhausted = reply.headers.get("x-ratelimit-remaining") == "0"
    return exhausted or "retry-after" in reply.headers or bool(_LIMITED.search(reply.data))


def limited_for(reply: Reply, attempt: int, now: datetime) -> float:
    """Return the seconds to wait after a rate limit: what the forge says, else a minute, doubled each time."""
    asked = parse_retry_after(reply.headers.get("retry-after"), now)
    if asked is not None:
        return max(1.0, asked)
    if reply.headers.get("x-ratelimit-remaining") == "0":
        until = _moment(reply.headers.get("x-ratelimit-reset", ""))
        if until is not None:
            return max(1.0, (until - now).total_seconds())
    return SECONDARY * 2.0 ** min(attempt - 1, 16)


def _moment(seconds: str) -> datetime | None:
    """Read seconds since 1970; None for anything that no calendar holds."""
    if not re.fullmatch(r"[0-9]{1,11}", seconds):
        return None
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return None
