"""The lease of a namespace: one rollout at a time. Taken by compare-and-swap, renewed meanwhile.

A holder is taken for dead when its record does not change for the lease's whole duration on *our* clock: clocks of
different machines are never compared.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from sluice.errors import CannotJudge
from sluice.rollout.cluster import Cluster, Refused
from sluice.rollout.objects import Ref, Value

NAME = "sluice-rollout"
DURATION = 15
"""Seconds without a renewal after which a lease is free."""
_GROUP = "coordination.k8s.io"
_LOOKS = 5
"""How often an unchanged lease is looked at, and a held one renewed, within its duration."""


class Lease:
    """Held within a `with` block; `check` says whether it still is."""

    def __init__(self, cluster: Cluster, namespace: str, purpose: str, duration: int = DURATION) -> None:
        self._cluster, self._purpose, self._duration = cluster, purpose, duration
        self._ref = Ref(_GROUP, "Lease", namespace, NAME)
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._ended, self._lost = threading.Event(), ""
        self._renewed = 0.0
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        self._acquire()
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._release()

    def check(self) -> None:
        """Raise CannotJudge where the lease was lost: another rollout may be writing."""
        if self._lost:
            raise CannotJudge(f"this rollout lost its lease and stopped: {self._lost}; run it again")

    def _acquire(self) -> None:
        """Create the lease, or take it from one that is free or does not move any more."""
        live = self._cluster.get(self._ref)
        if live is None:
            if self._write(self._cluster.create, None):
                return
            live = self._cluster.get(self._ref)
        holder = _spec(live).get("holderIdentity")
        if live is not None and holder:
            self._cluster.tell(f"a rollout by {_who(live)} holds the lease; seeing whether it is alive")
            live = self._watch_die(live)
        if not self._write(self._cluster.replace if live else self._cluster.create, live):
            raise CannotJudge("another rollout took the lease at the same moment; run it again when that one has ended")

    def _watch_die(self, seen: Value) -> Value | None:
        """Look until the lease was still for its duration; raise CannotJudge as soon as it moves."""
        duration = max(self._duration, int(_spec(seen).get("leaseDurationSeconds") or 0))
        since = time.monotonic()
        while time.monotonic() - since < duration:
            time.sleep(duration / _LOOKS)
            live = self._cluster.get(self._ref)
            if live is None or not _spec(live).get("holderIdentity"):
                return live
            if _spec(live) != _spec(seen):
                raise CannotJudge(f"another rollout is running: {_who(live)}; run this again when it has ended")
        self._cluster.tell(f"{_who(seen)} has not renewed the lease for {duration} s: taking over")
        return seen

    def _keep(self) -> None:
        """Renew until the end; a cluster that is away is asked again, and the lease may still be ours afterwards."""
        while not self._ended.wait(self._duration / _LOOKS):
            try:
                live = self._cluster.get(self._ref)
                if live is None or _spec(live).get("holderIdentity") != self.holder:
                    self._lost = f"{_who(live)} took it" if live else "it was deleted"
                    return
                self._write(self._cluster.replace, live)
            except CannotJudge as error:
                if time.monotonic() - self._renewed > self._duration + self._cluster.patience:
                    self._lost = str(error)
                    return

    def _write(self, send: Callable[[Value], Value], before: Value | None) -> bool:
        """Write ourselves in as the holder; False where another was faster."""
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        earlier = _spec(before)
        same = earlier.get("holderIdentity") == self.holder
        spec = {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self._duration,
            "acquireTime": earlier["acquireTime"] if same else now,
            "renewTime": now,
            "leaseTransitions": int(earlier.get("leaseTransitions") or 0) + (0 if same or before is None else 1),
        }
        about: dict[str, Any] = {"name": NAME, "namespace": self._ref.namespace}
        about["annotations"] = {"sluice.dev/purpose": self._purpose}
        if before is not None:
            about["resourceVersion"] = before["metadata"]["resourceVersion"]
        try:
            send({"apiVersion": f"{_GROUP}/v1", "kind": "Lease", "metadata": about, "spec": spec})
        except Refused as refusal:
            if refusal.reason in ("Conflict", "AlreadyExists", "NotFound"):
                return False
            raise
        self._renewed = time.monotonic()
        return True

    def _release(self) -> None:
        """Leave the lease without a holder, if it is still ours; an absent cluster lets it run out."""
        try:
            live = self._cluster.get(self._ref)
            if live is not None and _spec(live).get("holderIdentity") == self.holder:
                free = {key: value for key, value in _spec(live).items() if key != "holderIdentity"}
                self._cluster.replace({**live, "spec": {**free, "leaseDurationSeconds": 1}})
        except CannotJudge:
            return


def _spec(live: Value | None) -> Value:
    return (live or {}).get("spec") or {}


def _who(live: Value) -> str:
    """Return who holds a lease, since when, and what for."""
    host, _, rest = str(_spec(live).get("holderIdentity", "")).partition(":")
    purpose = (live["metadata"].get("annotations") or {}).get("sluice.dev/purpose", "")
    since = str(_spec(live).get("acquireTime", ""))[:19]
    return f"{host} (process {rest.partition(':')[0]}, since {since}Z{', ' + purpose if purpose else ''})"
