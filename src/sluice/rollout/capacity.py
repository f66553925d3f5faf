"""GPUs that an update needs while it runs, against those that the cluster has: finds what would wait for ever.

A Deployment with a surge starts a new pod before an old one ends; where no GPU is free the new pod stays pending, the
old one is never stopped, and nothing moves. Servers that a release no longer has keep their GPUs until the end,
because what is left over is pruned last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sluice.release.lock import Lock
from sluice.schema import Resources, Strategy

SURGE: Mapping[Strategy, int] = {"surge": 1, "in-place": 0, "recreate": 0}
"""Pods beyond the replicas that each strategy may start."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one model's server takes: replicas of some GPUs each, of one resource, replaced by one strategy."""

    model: str
    resource: str
    gpus: int
    replicas: int
    strategy: Strategy

    @property
    def steady(self) -> int:
        """GPUs while nothing changes."""
        return self.gpus * self.replicas


@dataclass(frozen=True, slots=True)
class Need:
    """GPUs of one resource: while nothing changes afterwards, and the most that the update must be able to hold."""

    resource: str
    steady: int
    update: int
    surging: str | None
    leaving: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shortage:
    """A need that the declared capacity cannot meet."""

    need: Need
    capacity: int

    def __str__(self) -> str:
        """Say what is needed, what there is, and what to do."""
        need, has = self.need, f"the environment declares {self.capacity} {self.need.resource}"
        if need.steady > self.capacity:
            return (
                f"{has}, and its servers take {need.steady}: lower replicas or gpus, or raise capacity to what is there"
            )
        return f"{has}, and the update needs {need.update} while it runs: {' and '.join(self._ways())}"

    def _ways(self) -> Iterator[str]:
        need = self.need
        if need.surging:
            yield f"{need.surging} starts a new pod before an old one ends (use strategy in-place or recreate)"
        if need.leaving:
            gone = ", ".join(need.leaving)
            yield f"{gone} goes only at the end (set its replicas to 0 in a release of its own first)"
        if not need.surging and not need.leaving:
            yield "servers that grow start before others have shrunk (release the smaller ones first)"


def demands(lock: Lock) -> tuple[Demand, ...]:
    """Return what the servers of a release take."""
    return tuple(
        Demand(name, gpu_resource(one.resources), one.resources.gpus, one.replicas, one.strategy)
        for name, one in lock.models.items()
    )


def gpu_resource(resources: Resources) -> str:
    """Return the name under which a cluster counts the GPUs of a model."""
    return resources.gpu_class or "nvidia.com/gpu"


def needs(before: Sequence[Demand], after: Sequence[Demand]) -> tuple[Need, ...]:
    """Return what going from one state to the next needs, for each resource; sorted.

    A server that stays counts as updated: a new image or argument is the usual reason for a release.
    """
    resources = sorted({one.resource for one in (*before, *after)})
    return tuple(_need(name, _of(name, before), _of(name, after)) for name in resources)


def shortages(before: Sequence[Demand], after: Sequence[Demand], capacity: Mapping[str, int]) -> tuple[Shortage, ...]:
    """Return the needs beyond the capacity, of this update and of the next one that changes no numbers.

    A resource that is not declared is not there.
    """
    found: dict[str, Shortage] = {}
    for need in (*needs(before, after), *needs(after, after)):
        there = capacity.get(need.resource, 0)
        if need.update > there:
            found.setdefault(need.resource, Shortage(need, there))
    return tuple(found.values())


def _of(resource: str, demands: Iterable[Demand]) -> dict[str, Demand]:
    return {one.model: one for one in demands if one.resource == resource and one.gpus}


def _need(resource: str, before: Mapping[str, Demand], after: Mapping[str, Demand]) -> Need:
    leaving = {name: one.steady for name, one in before.items() if name not in after and one.steady}
    held = {name: _held(before.get(name, one), one, 0) for name, one in after.items()}
    extra = {
        name: _held(before[name], one, SURGE[one.strategy]) - held[name]
        for name, one in after.items()
        if name in before and one.replicas
    }
    surging = max(extra, key=lambda name: extra[name]) if any(extra.values()) else None
    return Need(
        resource=resource,
        steady=sum(one.steady for one in after.values()),
        update=sum(leaving.values()) + sum(held.values()) + (extra[surging] if surging else 0),
        surging=surging,
        leaving=tuple(sorted(leaving)),
    )


def _held(old: Demand, new: Demand, surge: int) -> int:
    """Return the most that the pods of one server hold together: old ones and the room for new ones, or new ones.

    Where the replicas rise with the same update, the controller first adds pods of the old kind.
    """
    pods = new.replicas + surge
    before = max(old.replicas, new.replicas) if old.replicas else 0
    rest = 0 if new.strategy == "recreate" else max(0, pods - before)
    return max(before * old.gpus + rest * new.gpus, pods * new.gpus)
