"""What headers of an answer say about the pace: Retry-After, limits that are used up, and time spent in a queue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_USED_UP = (
    ("ratelimit-remaining", "ratelimit-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
)
"""Names in use for what is left of a limit, and for when it is full again."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_EPOCH = 1_000_000_000
"""A number of seconds above this is a moment, not a duration."""


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


def parse_reset(value: str, now: datetime) -> float | None:
    """Return the seconds until a limit is full again: `12`, `1m30s`, `20ms`, or a Unix time; None if unusable."""
    text = value.strip().lower()
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text):
        seconds = float(text)
        return seconds if seconds < _EPOCH else max(0.0, seconds - now.timestamp())
    if re.fullmatch(r"(\d{1,6}(\.\d{1,9})?(ms|s|m|h|d))+", text):
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ms|[smhd])", text))
    return None


def tells_limits(headers: Mapping[str, str]) -> bool:
    """Whether a server says with its answers what is left of a limit; such a server says it always."""
    return any(remaining in headers for remaining, _ in _USED_UP)


def wanted_pause(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds until a limit that is used up is full again, None where nothing is used up."""
    waits = [
        parse_reset(headers[reset], now)
        for remaining, reset in _USED_UP
        if re.fullmatch(r"0+(\.0+)?", headers.get(remaining, "").strip()) and reset in headers
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def seconds_of(milliseconds: str | None) -> float:
    """Return what one of TGI's time headers says, in seconds; 0 where it says nothing."""
    try:
        return max(0.0, float(milliseconds or 0) / 1000)
    except ValueError:
        return 0.0
