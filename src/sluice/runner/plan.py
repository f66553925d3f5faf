"""The plan of a paired run: order, looks and batches, fixed before the first call and written into the journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.digest import digest
from sluice.providers.base import Failure, Request, Wanted
from sluice.results import SIDES, CaseInfo, Side
from sluice.retrieval import Retriever
from sluice.runner.closure import Closure
from sluice.runner.order import look_ends, planned_order
from sluice.runner.requests import render_request, with_passages
from sluice.schema import Prompt

Sizes = Callable[[Sequence[Request]], list[int]]


@dataclass(frozen=True, slots=True)
class PlannedSide:
    """One side of a paired run: what is rendered, and by which closure it is answered."""

    side: Side
    prompt: Prompt
    closure: Closure
    retriever: Retriever | None = None
    wants: tuple[Wanted, ...] = ()


@dataclass(frozen=True, slots=True)
class Calls:
    """Every request of both sides: (side, case, repeat) -> key of its completion, and key -> request."""

    keys: Mapping[tuple[Side, str, int], str]
    requests: Mapping[str, Request]
    sides: Mapping[str, Side]
    """Which side asks for a completion; requests that are equal on both sides belong to base."""
    unrendered: Mapping[tuple[Side, str, int], Failure]
    cases: Mapping[tuple[Side, str], CaseInfo]
    """The cases of a side that retrieves, with the passages that were retrieved for them."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Completions that one side's engine computes together; `width` is the padded prompt length in tokens."""

    side: Side
    look: int
    width: int
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One of several parts that a plan is run in, counted from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        """Write it as it is asked for."""
        return f"{self.number}/{self.count}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Case ids in order, the look ends (in cases), and the batches in calling order."""

    order: tuple[str, ...]
    looks: tuple[int, ...]
    batches: tuple[Batch, ...]
    seed: int

    @property
    def digest(self) -> str:
        """SHA-256 of the whole plan."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON data."""
        batches = [[batch.side, batch.look, batch.width, list(batch.calls)] for batch in self.batches]
        return {"order": list(self.order), "looks": list(self.looks), "batches": batches, "seed": self.seed}

    def in_part(self, part: Part) -> tuple[bool, ...]:
        """Tell of each batch whether a part holds it. A base batch and the head batch after it stay together."""
        held, group = [], -1
        for before, batch in zip((None, *self.batches), self.batches, strict=False):
            paired = before is not None and (before.side, batch.side) == ("base", "head") and before.look == batch.look
            group += not paired
            held.append(group % part.count == part.number - 1)
        return tuple(held)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """Read what `to_json` wrote."""
        batches = (Batch(side, look, width, tuple(calls)) for side, look, width, calls in data["batches"])
        return cls(tuple(data["order"]), tuple(data["looks"]), tuple(batches), data["seed"])


def collect_calls(sides: Sequence[PlannedSide], cases: Sequence[CaseInfo], repeats: Mapping[str, int]) -> Calls:
    """Render both sides; equal requests to equal models share one key, so they are one completion (GATE 2)."""
    keys: dict[tuple[Side, str, int], str] = {}
    requests: dict[str, Request] = {}
    owners: dict[str, Side] = {}
    unrendered: dict[tuple[Side, str, int], Failure] = {}
    seen: dict[tuple[Side, str], CaseInfo] = {}
    for side in sides:
        model = side.closure.model
        for case in cases:
            asked = with_passages(case, side.retriever)
            if asked is not case and isinstance(asked, CaseInfo):
                seen[side.side, case.id] = asked
            for repeat in range(repeats[case.id]):
                place = (side.side, case.id, repeat)
                request = (
                    asked if isinstance(asked, Failure) else render_request(side.prompt, asked.row, repeat, side.wants)
                )
                if isinstance(request, Failure):
                    unrendered[place] = request
                    continue
                key = digest([model, request.digest()])
                keys[place] = key
                requests.setdefault(key, request)
                owners.setdefault(key, side.side)
    return Calls(keys, requests, owners, unrendered, seen)


def make_plan(
    cases: Sequence[CaseInfo],
    calls: Calls,
    known: Collection[str],
    *,
    subsets: Sequence[Callable[[Mapping[str, Any]], bool]],
    first: Collection[str],
    seed: int,
    complete: bool,
    batch_size: int,
    lengths: Sizes,
) -> Plan:
    """Fix order, looks and batches. `known` completions are not called; base and head batches alternate."""
    order = planned_order(cases, subsets, first, seed)
    looks = look_ends(order, complete)
    wanted = [key for key in calls.requests if key not in known]
    sizes = dict(zip(wanted, lengths([calls.requests[key] for key in wanted]), strict=True)) if wanted else {}
    batches: list[Batch] = []
    start = 0
    for look, end in enumerate(looks):
        batches += _look_batches(look, order[start:end], calls, sizes, batch_size)
        start = end
    # A request that two looks share is called in the first of them only.
    return Plan(tuple(case.id for case in order), looks, tuple(_unique(batches)), seed)


def _look_batches(
    look: int, cases: Sequence[CaseInfo], calls: Calls, sizes: Mapping[str, int], batch_size: int
) -> Iterator[Batch]:
    """Cut the cases of one look into groups; each group is a base batch, then a head batch.

    An engine that computes groups gets such of similar length. One that is asked call by call gets neighbours that
    begin alike (shared passages, the same examples), so that it can reuse what it has computed of them.
    """
    needed = {side: _needed(side, cases, calls, sizes) for side in SIDES}
    ids = [case.id for case in cases if any(case.id in needed[side] for side in SIDES)]
    if batch_size > 1:
        longest = {one: max(sizes[key] for side in SIDES for key in needed[side].get(one, ())) for one in ids}
        ids.sort(key=lambda one: (longest[one], one))
    else:
        ids.sort(key=lambda one: (_texts(calls, needed, one), one))
    for start in range(0, len(ids), batch_size):
        group = ids[start : start + batch_size]
        for side in SIDES:
            keys = tuple(dict.fromkeys(key for one in group for key in needed[side].get(one, ())))
            if keys:
                yield Batch(side, look, max(sizes[key] for key in keys), keys)


def _texts(calls: Calls, needed: Mapping[Side, Mapping[str, Sequence[str]]], case: str) -> list[str]:
    key = next(key for side in SIDES for key in needed[side].get(case, ()))
    return [message.content for message in calls.requests[key].messages]


def _needed(side: Side, cases: Sequence[CaseInfo], calls: Calls, sizes: Mapping[str, int]) -> dict[str, list[str]]:
    wanted = {case.id for case in cases}
    needed: dict[str, list[str]] = {}
    for (owner, case, _), key in calls.keys.items():
        if owner == side and case in wanted and key in sizes and calls.sides[key] == side:
            needed.setdefault(case, []).append(key)
    return needed


def _unique(batches: Sequence[Batch]) -> Iterator[Batch]:
    seen: set[str] = set()
    for batch in batches:
        keys = tuple(key for key in batch.calls if key not in seen)
        seen.update(keys)
        if keys:
            yield Batch(batch.side, batch.look, batch.width, keys)
