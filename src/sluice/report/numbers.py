"""Numbers as people read them: pure functions, the only place where a report rounds.

- Differences and bounds are told in points with a sign and one decimal: `−2.3`, `+0.4`, `0.0` (never `−0.0`).
- A bound gets up to three decimals where one would hide on which side of its margin (or of zero) it lies.
- Percentages have one decimal; `0.0%` and `100.0%` are exact, what only rounds to them is `<0.1%` and `>99.9%`.
- Durations and money keep about three significant digits; counts are exact, with a comma between thousands.
- Unknown and infinite values are `–`. Rounding is Python's: to nearest, of the binary value, ties to even.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeGuard

MINUS = "\u2212"
UNKNOWN = "\u2013"
TIMES = "\u00d7"
MOST_DECIMALS = 3


def points(difference: float | None, decimals: int = 1) -> str:
    """Return a difference of shares in points: -0.023 is `−2.3`."""
    if not known(difference):
        return UNKNOWN
    return _signed(100.0 * difference, decimals)


def points_interval(lower: float | None, upper: float | None, thresholds: Sequence[float] = ()) -> str:
    """Return bounds in points, `[−3.9, −0.7]`; `thresholds` (shares) are what no bound may seem to reach."""
    return _interval(lower, upper, (*thresholds, 0.0), points)


def ratio(value: float | None, decimals: int = 2) -> str:
    """Return head / base: `×1.04`."""
    return f"{TIMES}{value:,.{decimals}f}" if known(value) else UNKNOWN


def ratio_interval(lower: float | None, upper: float | None, thresholds: Sequence[float] = ()) -> str:
    """Return the bounds of a ratio, `[0.98, 1.11]`."""
    return _interval(lower, upper, (*thresholds, 1.0), _bare_ratio)


def percent(share: float | None) -> str:
    """Return a share as a percentage, `84.1%`."""
    if not known(share):
        return UNKNOWN
    if 0.0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1.0:
        return ">99.9%"
    return f"{100.0 * share:.1f}%".replace("-", MINUS)


def p_value(value: float | None) -> str:
    """Return a p-value: `p = 0.87`, `p = 0.003`, `p < 0.001`."""
    if not known(value):
        return f"p {UNKNOWN}"
    if value < 0.001:
        return "p < 0.001"
    return f"p = {value:.2f}" if value >= 0.095 else f"p = {value:.3f}"


def duration(seconds: float | None) -> str:
    """Return a time span: `0.4 ms`, `410 ms`, `4.10 s`, `2 min 05 s`, `1 h 02 min`."""
    if not known(seconds) or seconds < 0.0:
        return UNKNOWN
    if seconds < 0.9995:
        return f"{_three_digits(1000.0 * seconds)} ms"
    if seconds < 59.95:
        return f"{_three_digits(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60:02d} min"


def money(dollars: float | None) -> str:
    """Return US dollars: `$0`, `$0.00042`, `$0.31`, `$1,204.50`."""
    if not known(dollars):
        return UNKNOWN
    if dollars == 0.0:
        return "$0"
    sign, size = (MINUS, -dollars) if dollars < 0.0 else ("", dollars)
    if size >= 0.0995:
        return f"{sign}${size:,.2f}"
    # Two significant digits of a small price, without an exponent.
    decimals = min(12, 1 - math.floor(math.log10(size)))
    return f"{sign}${size:.{decimals}f}"


def count(value: int | None) -> str:
    """Return an exact count, `12,345`."""
    return UNKNOWN if value is None else f"{value:,}".replace("-", MINUS)


def counted(value: int, noun: str, nouns: str | None = None) -> str:
    """Return a count with its noun: `1 case`, `2 cases`."""
    return f"{count(value)} {noun if value == 1 else nouns or noun + 's'}"


def known(value: float | None) -> TypeGuard[float]:
    """Tell whether a value is there and finite."""
    return value is not None and math.isfinite(value)


def _signed(value: float, decimals: int) -> str:
    text = f"{value:+.{decimals}f}"
    return text[1:] if not float(text) else text.replace("-", MINUS)


def _bare_ratio(value: float, decimals: int) -> str:
    return f"{value:,.{max(2, decimals)}f}"


def _interval(
    lower: float | None, upper: float | None, thresholds: Sequence[float], tell: Callable[[float, int], str]
) -> str:
    low = tell(lower, _decimals(lower, thresholds, tell)) if known(lower) else ""
    high = tell(upper, _decimals(upper, thresholds, tell)) if known(upper) else ""
    if low and high:
        return f"[{low}, {high}]"
    return f"\u2265 {low}" if low else f"\u2264 {high}" if high else ""


def _decimals(bound: float, thresholds: Sequence[float], tell: Callable[[float, int], str]) -> int:
    """Return the fewest decimals at which the bound does not look equal to a threshold that it is not equal to."""
    for decimals in range(1, MOST_DECIMALS):
        if all(bound == limit or tell(bound, decimals) != tell(limit, decimals) for limit in thresholds):
            return decimals
    return MOST_DECIMALS


def _three_digits(value: float) -> str:
    """Return a value in 0..1000 with three significant digits, at most two decimals."""
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f}"
