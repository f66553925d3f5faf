"""Capacity: held to every order in which controllers and scheduler may act, by walking all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.rollout.capacity import SURGE, Demand, needs, shortages
from sluice.schema import Strategy

GPU = "nvidia.com/gpu"


def demand(strategy: Strategy = "surge", replicas: int = 1, gpus: int = 1, model: str = "m") -> Demand:
    return Demand(model, GPU, gpus, replicas, strategy)


@dataclass(frozen=True)
class Pods:
    """The pods of one Deployment: of its old and its new template, running or pending."""

    old: int
    old_pending: int
    new: int = 0
    new_pending: int = 0

    @property
    def total(self) -> int:
        return self.old + self.old_pending + self.new + self.new_pending


class Update:
    """The oracle: Deployment controllers and a scheduler, one step at a time, in any order.

    It follows the controller's own rules (kubernetes/pkg/controller/deployment: sync.go scales the old replica set to
    new replicas first; rolling.go scales up to replicas + surge, cleans up unhealthy old pods, then scales down as far
    as availability allows; recreate.go waits until no old pod is left). Pods become ready as soon as they are placed.
    """

    def __init__(self, before: Sequence[Demand], after: Sequence[Demand], capacity: int) -> None:
        self.old = {one.model: one for one in before}
        self.after = [one for one in after if one.gpus]
        self.capacity = capacity
        staying = {one.model for one in after}
        self.leaving = sum(one.steady for one in before if one.model not in staying)

    def start(self) -> tuple[Pods, ...]:
        return tuple(self._scaled(one) for one in self.after)

    def _scaled(self, one: Demand) -> Pods:
        had = self.old[one.model].replicas if one.model in self.old else 0
        wanted = one.replicas if had else 0
        return Pods(min(had, wanted), max(0, wanted - had))

    def free(self, state: tuple[Pods, ...]) -> int:
        held = sum(
            pods.old * self.old.get(one.model, one).gpus + pods.new * one.gpus
            for one, pods in zip(self.after, state, strict=True)
        )
        return self.capacity - self.leaving - held

    def stuck_somewhere(self) -> bool:
        """Whether some order of steps ends before everything runs."""
        seen, todo = set(), [self.start()]
        while todo:
            state = todo.pop()
            if state in seen:
                continue
            seen.add(state)
            steps = [step for step in self.steps(state) if step != state]
            if not steps and not self.done(state):
                return True
            todo += steps
        return False

    def done(self, state: tuple[Pods, ...]) -> bool:
        return all(pods == Pods(0, 0, one.replicas) for one, pods in zip(self.after, state, strict=True))

    def steps(self, state: tuple[Pods, ...]) -> Iterator[tuple[Pods, ...]]:
        free = self.free(state)
        for at, (one, pods) in enumerate(zip(self.after, state, strict=True)):
            for changed in (*self._placed(one, pods, free), self._controlled(one, pods)):
                yield (*state[:at], changed, *state[at + 1 :])

    def _placed(self, one: Demand, pods: Pods, free: int) -> Iterator[Pods]:
        if pods.old_pending and self.old[one.model].gpus <= free:
            yield replace(pods, old=pods.old + 1, old_pending=pods.old_pending - 1)
        if pods.new_pending and one.gpus <= free:
            yield replace(pods, new=pods.new + 1, new_pending=pods.new_pending - 1)

    def _controlled(self, one: Demand, pods: Pods) -> Pods:
        if one.strategy == "recreate":
            if pods.old + pods.old_pending:
                return replace(pods, old=0, old_pending=0)
            return replace(pods, new_pending=one.replicas - pods.new)
        surge = SURGE[one.strategy]
        missing = one.replicas - pods.new - pods.new_pending
        room = one.replicas + surge - pods.total
        if missing > 0 and room > 0:
            return replace(pods, new_pending=pods.new_pending + min(missing, room))
        least = max(0, one.replicas - (1 - surge))
        cleaned = min(pods.old_pending, max(0, pods.total - least - pods.new_pending))
        if cleaned:
            return replace(pods, old_pending=pods.old_pending - cleaned)
        return replace(pods, old=pods.old - min(pods.old, max(0, pods.old + pods.new - least)))


@st.composite
def demanding(draw: st.DrawFn, names: str = "ab") -> tuple[Demand, ...]:
    chosen = draw(st.sets(st.sampled_from(names), min_size=1))
    one = st.builds(demand, strategy=st.sampled_from(sorted(SURGE)), replicas=st.integers(0, 3), gpus=st.integers(1, 3))
    return tuple(replace(draw(one), model=name) for name in sorted(chosen))


def surges(running: tuple[Demand, ...]) -> bool:
    return any(one.strategy == "surge" and one.replicas for one in running)


@settings(max_examples=150, deadline=None)
@given(demanding(), demanding(), st.integers(0, 4))
def test_what_fits_gets_there_in_whatever_order(before: tuple[Demand, ...], after: tuple[Demand, ...], spare: int):
    capacity = max([need.update for need in (*needs(before, after), *needs(after, after))], default=0) + spare
    assert not shortages(before, after, {GPU: capacity})
    assert not Update(before, after, capacity).stuck_somewhere()


@settings(max_examples=150, deadline=None)
@given(demanding().filter(surges), st.data())
def test_an_update_that_is_refused_can_get_stuck(running: tuple[Demand, ...], data: st.DataObject):
    (need,) = needs(running, running)
    capacity = data.draw(st.integers(need.steady, need.update - 1))
    assert shortages(running, running, {GPU: capacity})
    assert Update(running, running, capacity).stuck_somewhere()


@pytest.mark.parametrize(
    ("strategy", "replicas", "gpus", "update"),
    [("surge", 1, 1, 2), ("surge", 3, 2, 8), ("in-place", 3, 2, 6), ("recreate", 3, 2, 6), ("surge", 0, 2, 0)],
)
def test_gpus_of_an_update(strategy: Strategy, replicas: int, gpus: int, update: int):
    running = [demand(strategy, replicas, gpus)]
    (need,) = needs(running, running)
    assert (need.steady, need.update) == (replicas * gpus, update)


def test_the_first_rollout_needs_no_spare_gpu_but_the_next_one_does():
    (need,) = needs([], [demand()])
    assert need.update == 1
    (short,) = shortages([], [demand()], {GPU: 1})
    assert "declares 1 nvidia.com/gpu, and the update needs 2" in str(short)
    assert "use strategy in-place or recreate" in str(short)


def test_a_model_that_goes_keeps_its_gpus_until_the_end():
    (short,) = shortages([demand("recreate", model="old")], [demand("recreate", model="new")], {GPU: 1})
    assert "old goes only at the end (set its replicas to 0 in a release of its own first)" in str(short)


def test_too_many_servers_are_told_as_such():
    (short,) = shortages([], [demand("recreate", replicas=3)], {GPU: 2})
    assert "its servers take 3: lower replicas or gpus" in str(short)


def test_what_is_not_declared_is_not_there():
    other = replace(demand("recreate"), resource="amd.com/gpu")
    assert [one.need.resource for one in shortages([other], [other], {GPU: 8})] == ["amd.com/gpu"]


def test_servers_without_gpus_need_none():
    assert needs([demand(gpus=0)], [demand(gpus=0)])[0].update == 0
    assert not shortages([], [demand(gpus=0)], {})
