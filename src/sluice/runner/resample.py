"""New samples of a reused base (GATE 14): which cases get them, under which keys, in which batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sluice.digest import digest
from sluice.providers.base import Request
from sluice.runner.closure import Closure
from sluice.runner.plan import Batch, Calls

_FIRST = 1000
"""Above every repeat that a suite may ask for, so that a new sample never is one that was reused."""


@dataclass(frozen=True, slots=True)
class NewSamples:
    """The calls with the new base samples among them, and the keys of the new ones in plan order."""

    calls: Calls
    keys: tuple[str, ...]


def reused_cases(
    calls: Calls, cases: Sequence[str], repeats: Mapping[str, int], reused: Collection[str]
) -> tuple[str, ...]:
    """Return the cases whose base was reused and is not head's own completion too (such a pair differs by nothing)."""

    def is_reused(case: str, repeat: int) -> bool:
        key = calls.keys.get(("base", case, repeat))
        return key in reused and key != calls.keys.get(("head", case, repeat))

    return tuple(case for case in cases if any(is_reused(case, repeat) for repeat in range(repeats[case])))


def first_new_repeat(base: Closure, head: Closure) -> int:
    """Return where the new samples' repeat indexes start.

    It follows from the pair of closures: another head draws other samples, the same pair the same ones again.
    """
    drawn = int(digest([base.digest, head.digest]).removeprefix("sha256:")[:8], 16)
    return _FIRST + drawn % (2**31 - 2 * _FIRST)


def add_samples(
    calls: Calls, cases: Sequence[str], repeats: Mapping[str, int], base: Closure, head: Closure
) -> NewSamples:
    """Ask every base sample of the cases once more; in a case the new ones follow the old ones."""
    start = first_new_repeat(base, head)
    places, requests, sides = dict(calls.keys), dict(calls.requests), dict(calls.sides)
    added: list[str] = []
    for case in cases:
        for repeat in range(repeats[case]):
            old = calls.keys.get(("base", case, repeat))
            if old is None:
                continue
            request = replace(calls.requests[old], repeat=start + repeat)
            key = digest([base.model, request.digest()])
            places["base", case, repeats[case] + repeat] = key
            requests[key], sides[key] = request, "base"
            added.append(key)
    return NewSamples(Calls(places, requests, sides, calls.unrendered, calls.cases), tuple(dict.fromkeys(added)))


def sample_batches(keys: Sequence[str], requests: Mapping[str, Request], look: int, size: int) -> list[Batch]:
    """Cut the new samples into base batches of prompts of similar length, the same ones in every process."""

    def length(key: str) -> int:
        return sum(len(message.content) for message in requests[key].messages)

    ordered = sorted(keys, key=lambda key: (length(key), key))
    groups = (tuple(ordered[start : start + size]) for start in range(0, len(ordered), size))
    return [Batch("base", look, max(map(length, group)), group) for group in groups]
