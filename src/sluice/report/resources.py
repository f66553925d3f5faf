"""What answering took on each side: latency, tokens and money, as far as they are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sluice.compare import Comparison
from sluice.results import CaseResult


@dataclass(frozen=True, slots=True)
class SideResources:
    """One side's latency in seconds over the calls of this run, and tokens and US dollars over all its answers."""

    timed: int
    p50: float | None
    p95: float | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None


@dataclass(frozen=True, slots=True)
class Slow:
    """One case with its latency on each side, None where it was not called in this run."""

    case: str
    base: float | None
    head: float


def resources(comparison: Comparison) -> tuple[SideResources, SideResources]:
    """Return what base and head took."""
    return (
        _side([result for pair in comparison.pairs for result in pair.base]),
        _side([result for pair in comparison.pairs for result in pair.head]),
    )


def slowest(comparison: Comparison, most: int) -> tuple[Slow, ...]:
    """Return the cases whose slowest call on head took longest, slowest first."""
    timed = [
        Slow(pair.info.id, _longest(pair.base), longest)
        for pair in comparison.pairs
        if (longest := _longest(pair.head)) is not None
    ]
    return tuple(sorted(timed, key=lambda one: -one.head)[:most])


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value at a share of the sorted values, interpolated linearly (numpy's default); None of none."""
    if not values:
        return None
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def _side(results: Sequence[CaseResult]) -> SideResources:
    latencies = [result.latency for result in results if result.called and result.latency is not None]
    return SideResources(
        timed=len(latencies),
        p50=percentile(latencies, 0.50),
        p95=percentile(latencies, 0.95),
        prompt_tokens=_tokens(results, lambda result: result.prompt_tokens),
        completion_tokens=_tokens(results, lambda result: result.completion_tokens),
        cost=_cost(results),
    )


def _tokens(results: Iterable[CaseResult], read: Callable[[CaseResult], int | None]) -> int | None:
    found = [tokens for result in results if (tokens := read(result)) is not None]
    return sum(found) if found else None


def _cost(results: Iterable[CaseResult]) -> float | None:
    found = [result.cost for result in results if result.cost is not None]
    return math.fsum(found) if found else None


def _longest(results: Iterable[CaseResult]) -> float | None:
    return max((result.latency for result in results if result.called and result.latency is not None), default=None)
