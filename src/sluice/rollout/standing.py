"""Where an environment stands: what Git wishes, what the cluster's ledger says, what its objects say, what differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sluice.rollout import ledger as ledgers
from sluice.rollout.apply import KEEP
from sluice.rollout.cluster import Cluster
from sluice.rollout.drift import Difference, drift
from sluice.rollout.health import RESOURCES, WATCHED, Health, Namespace, health
from sluice.rollout.ledger import Ledger, Step
from sluice.rollout.objects import Ref, Value
from sluice.rollout.release import Release

State = Literal["as wished", "drifted", "behind", "under way", "failed", "unhealthy", "empty"]
"""In one word: Git's wish runs; runs with differences; an earlier one runs; one is being tried; was tried and failed;
runs, but its pods are not ready; nothing was ever rolled out."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One environment at one moment."""

    wish: Release
    healthy: Step | None
    attempt: Step | None
    workloads: tuple[Health, ...]
    differences: tuple[Difference, ...]

    @property
    def state(self) -> State:
        """The standing in one word."""
        if self.healthy is None and self.attempt is None:
            return "empty"
        if self.attempt is not None:
            return "failed" if self.attempt.failure else "under way"
        if self.healthy is None or self.healthy.number != self.wish.number:
            return "behind"
        if self.differences:
            return "drifted"
        return "unhealthy" if any(one.state != "ready" for one in self.workloads) else "as wished"


def standing(cluster: Cluster, wish: Release, keep: int = KEEP) -> Standing:
    """Ask a cluster where it stands against what Git wishes; changes nothing."""
    if cluster.get(Ref("", "Namespace", None, wish.namespace)) is None:
        return Standing(wish, None, None, (), drift(cluster, wish, None, keep))
    ledger = ledgers.read(cluster, wish.namespace)
    workloads = _workloads(cluster, wish, ledger)
    return Standing(
        wish, ledger.healthy if ledger else None, ledger.attempt if ledger else None, workloads,
        drift(cluster, wish, ledger, keep),
    )  # fmt: skip


def _workloads(cluster: Cluster, wish: Release, ledger: Ledger | None) -> tuple[Health, ...]:
    """Return the health of what runs: the objects that the ledger knows, else those that are wished."""
    known: tuple[Value, ...] = ledger.restorable if ledger and ledger.healthy else wish.objects
    watched = [value for value in known if value["kind"] in WATCHED]
    namespace = Namespace.of(cluster.listed(RESOURCES, wish.namespace))
    return tuple(health(value, namespace) for value in watched)
