"""Makes a release true: apply in order, wait for health, then prune; or turn back. Running it again goes on.

Nothing of a rollout is kept on this machine: the lease, the ledger and the objects lie in the cluster.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

from sluice.errors import CannotJudge
from sluice.rollout import ledger as ledgers
from sluice.rollout.cluster import Cluster, Refused
from sluice.rollout.health import RESOURCES, WATCHED, Health, Namespace, health
from sluice.rollout.lease import DURATION, Lease
from sluice.rollout.ledger import Kept, Ledger
from sluice.rollout.mounts import mounted
from sluice.rollout.objects import Ref, Value
from sluice.rollout.release import Release
from sluice.rollout.takeover import by_hand, takeover

KEEP = 5
"""How many releases' immutable objects (prompt bundles, engine settings) stay for rolling back."""
MARGIN = 60.0
"""Seconds beyond the longest progress deadline that a rollout waits by default."""

_DEADLINE = 600
_WAVES = ("Job", "Deployment", "StatefulSet")
"""Kinds that start pods; the objects before, between and after them are applied in one request each."""


class Watcher(Protocol):
    """Sees a rollout go on."""

    def said(self, words: str) -> None:
        """Something happened."""
        ...

    def waits(self, states: Sequence[Health]) -> None:
        """How far everything is."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient a rollout is, in seconds, and how much it keeps. No time limit: what the manifests themselves say."""

    timeout: float | None = None
    poll: float = 1.0
    lease: int = DURATION
    keep: int = KEEP


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a rollout: no failures, or why, and what runs now instead."""

    release: Release
    failures: tuple[Health, ...]
    turned_back: str | None
    pruned: tuple[Ref, ...]
    seconds: float

    @property
    def healthy(self) -> bool:
        """Whether the release runs."""
        return not self.failures


def rollout(cluster: Cluster, release: Release, watcher: Watcher, settings: Settings | None = None) -> Outcome:
    """Roll a release out under the lease of its namespace.

    Raises CannotJudge where the cluster stays away, refuses an object, or another rollout runs; running it again goes
    on from what the cluster holds.
    """
    began = time.monotonic()
    settings, cluster = settings or Settings(), replace(cluster, tell=watcher.said)
    cluster.require_kinds(release.objects)
    _make_namespace(cluster, release)
    with Lease(cluster, release.namespace, f"release {release.number}", settings.lease) as lease:
        work = _Rollout(cluster, release, watcher, settings, lease)
        failures, turned_back, gone = work.run()
    return Outcome(release, failures, turned_back, gone, time.monotonic() - began)


def time_limit(objects: Sequence[Value]) -> float:
    """Return the seconds that a release may take: its longest progress deadline (of a job: its own), and a margin."""
    limits = [_own_limit(value) for value in objects if value["kind"] in _WAVES]
    return max(limits, default=0.0) + MARGIN


def refuse_older(ledger: Ledger | None, release: Release) -> None:
    """Raise CannotJudge where the cluster met a newer release, or belongs to another environment."""
    if ledger is None:
        return
    if ledger.environment != release.environment:
        raise CannotJudge(
            f"namespace {release.namespace} belongs to environment {ledger.environment}, not to {release.environment}: "
            "this is another cluster than you mean"
        )
    newest = max((step.number for step in (ledger.healthy, ledger.attempt) if step), default=0)
    if newest > release.number:
        raise CannotJudge(
            f"the cluster has met release {newest} already, and this is release {release.number}: fetch the deploy "
            "branch; going back is `sluice rollback`, which makes a new release"
        )


@dataclass(frozen=True, slots=True)
class _Rollout:
    cluster: Cluster
    release: Release
    watcher: Watcher
    settings: Settings
    lease: Lease

    def run(self) -> tuple[tuple[Health, ...], str | None, tuple[Ref, ...]]:
        """Return (failures, what was turned back to, what was pruned)."""
        before = ledgers.read(self.cluster, self.release.namespace)
        refuse_older(before, self.release)
        ledger = ledgers.begun(before, self.release)
        self._write(ledger)
        failures = self._make_true(self.release.objects)
        if failures:
            self._write(ledgers.failed(ledger, "; ".join(f"{one.ref}: {one.reason}" for one in failures)))
            return failures, self._turn_back(ledger, failures), ()
        ledger = ledgers.finished(ledger, self.release)
        self._write(ledger)
        return (), None, self._prune(ledger)

    def _write(self, ledger: Ledger) -> None:
        self.lease.check()
        ledgers.write(self.cluster, self.release.namespace, ledger)

    def _make_true(self, objects: Sequence[Value], hopeful: bool = False) -> tuple[Health, ...]:
        """Apply and wait, wave by wave; return what did not become healthy. `hopeful` waits for failed ones too."""
        deadline = time.monotonic() + (self.settings.timeout or time_limit(objects))
        for values in _batches(objects):
            self._apply(values)
            if values[0]["kind"] == "Job" and (failures := self._wait(values, deadline, hopeful)):
                return failures
        return self._wait(objects, deadline, hopeful)

    def _apply(self, values: Sequence[Value]) -> None:
        """Apply objects; what others wrote into our fields, and people beside them, is taken back, and said."""
        self.lease.check()
        for ref, live in self.cluster.present(values).items():
            if by_hand(live):
                self._take_over(ref, live)
        try:
            self.cluster.apply(values)
        except Refused as refusal:
            if refusal.reason != "Conflict":
                raise
            self.watcher.said(f"taking back what others changed: {refusal}")
            self.cluster.apply(values, force=True)

    def _take_over(self, ref: Ref, live: Value) -> None:
        """Make what people wrote ours; an object that changes at this moment is left for the next rollout."""
        self.watcher.said(f"taking back what was changed by hand: {ref}, by {', '.join(by_hand(live))}")
        try:
            self.cluster.patch(ref, takeover(live))
        except Refused as refusal:
            if refusal.reason not in ("Conflict", "Invalid"):
                raise

    def _wait(self, objects: Sequence[Value], deadline: float, hopeful: bool) -> tuple[Health, ...]:
        """Wait until all is ready; return what failed, or what was not ready in time."""
        watched = [value for value in objects if value["kind"] in WATCHED]
        while watched:
            namespace = Namespace.of(self.cluster.listed(RESOURCES, self.release.namespace))
            states = [health(value, namespace) for value in watched]
            self.watcher.waits(states)
            failed = tuple(one for one in states if one.state == "failed")
            waiting = tuple(one for one in states if one.state != "ready")
            if (failed and not hopeful) or not waiting:
                return failed
            if time.monotonic() > deadline:
                return tuple(replace(one, reason=f"not ready in time: {one.reason}") for one in waiting)
            self.lease.check()
            time.sleep(self.settings.poll)
        return ()

    def _turn_back(self, ledger: Ledger, failures: tuple[Health, ...]) -> str | None:
        """Bring the last healthy release's workloads back; their old pods never stopped where nothing replaced them."""
        healthy = ledger.healthy
        if healthy is None:
            self.watcher.said("there is no earlier release to turn back to; what was applied stays for you to look at")
            return None
        self.watcher.said(f"turning back to release {healthy.number}: {failures[0].ref}: {failures[0].reason}")
        left = self._make_true([value for value in ledger.restorable if value["kind"] != "Job"], hopeful=True)
        if left:
            reasons = "; ".join(f"{one.ref}: {one.reason}" for one in left)
            raise CannotJudge(
                f"release {self.release.number} failed ({failures[0].ref}: {failures[0].reason}), and release "
                f"{healthy.number} did not come back either: {reasons}"
            )
        return f"release {healthy.number}"

    def _prune(self, ledger: Ledger) -> tuple[Ref, ...]:
        """Delete what earlier releases left, newest kept bundles and whatever a pod still mounts excepted."""
        left = ledgers.prunable(ledger, self.release, self.settings.keep)
        if not left:
            return ()
        used = mounted(self.cluster.listed(("pods", "replicasets"), self.release.namespace))
        gone: tuple[Kept, ...] = tuple(one for one in left if (one.kind, one.name) not in used)
        for one in gone:
            self.lease.check()
            self.watcher.said(f"removing {one.ref}, which release {one.number} brought last")
            self.cluster.delete(one.ref)
        self._write(ledgers.pruned(ledger, gone))
        return tuple(one.ref for one in gone)


def _make_namespace(cluster: Cluster, release: Release) -> None:
    """Apply the namespace before anything can be held in it; raise CannotJudge where there is none."""
    own = [value for value in release.objects if value["kind"] == "Namespace"]
    there = cluster.get(Ref("", "Namespace", None, release.namespace))
    if there is None and not own:
        raise CannotJudge(f"there is no namespace {release.namespace}, and release {release.number} does not bring it")
    if there is None:
        cluster.apply(own)


def _batches(objects: Sequence[Value]) -> list[list[Value]]:
    """Return the objects in their order, cut where the kind that starts pods changes: each part is one request."""
    return [list(part) for _, part in groupby(objects, lambda value: value["kind"] if value["kind"] in _WAVES else "")]


def _own_limit(value: Value) -> float:
    spec = value.get("spec") or {}
    name = "activeDeadlineSeconds" if value["kind"] == "Job" else "progressDeadlineSeconds"
    return float(spec.get(name) or _DEADLINE)
