"""Fresh pairs for latency (GATE 11): which requests are timed, and what of their answers counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.providers.base import Completion, Outcome
from sluice.runner.plan import Batch, Calls

PAIRS = 50
"""How many pairs are called where answers were reused."""


@dataclass(frozen=True, slots=True)
class TimedPair:
    """The time of one case's answer on both sides, in seconds."""

    base: float
    head: float


def pairs_to_time(calls: Calls, cases: Sequence[str]) -> list[tuple[str, str]]:
    """Return the (base, head) keys of the first cases whose requests differ; equal ones would show no difference."""
    found = [(calls.keys.get(("base", case, 0)), calls.keys.get(("head", case, 0))) for case in cases]
    return [(base, head) for base, head in found if base and head and base != head][:PAIRS]


def interleaved(pairs: Sequence[tuple[str, str]], look: int) -> list[Batch]:
    """Return one call a batch, base and head in turn, head first in every second pair: order favours no side."""
    batches: list[Batch] = []
    for index, (base, head) in enumerate(pairs):
        both = [Batch("base", look, 0, (base,)), Batch("head", look, 0, (head,))]
        batches += reversed(both) if index % 2 else both
    return batches


def timed_pair(base: Outcome, head: Outcome) -> TimedPair | None:
    """Return the times of a pair that was answered on both sides, else None."""
    if isinstance(base, Completion) and isinstance(head, Completion) and base.latency and head.latency:
        return TimedPair(base.latency, head.latency)
    return None
