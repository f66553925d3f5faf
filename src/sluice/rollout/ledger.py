"""The ledger of a namespace: what it remembers of its rollouts, in one ConfigMap: enough to resume, restore and prune.

Written before anything is applied and after everything is healthy, so that a killed rollout is seen for what it is.
"""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from sluice.digest import canonical_json
from sluice.errors import CannotJudge
from sluice.rollout.cluster import Cluster
from sluice.rollout.objects import Ref, Value
from sluice.rollout.release import Release
from sluice.schema.base import Digest, Frozen

NAME = "sluice-rollout"
LIMIT = 900_000
"""Bytes that the ledger may have; the API server takes a little more."""

_STAYS = ("PersistentVolumeClaim",)
Number = Annotated[int, Field(ge=1)]


class Kept(Frozen):
    """An object that some release brought, and the newest release that did."""

    group: str
    kind: str
    namespace: str | None
    name: str
    number: Number
    immutable: bool

    @property
    def ref(self) -> Ref:
        """What it is called."""
        return Ref(self.group, self.kind, self.namespace, self.name)


class Step(Frozen):
    """One release as this cluster met it."""

    release: Digest
    number: Number
    commit: str
    at: str
    failure: str | None = None


class Ledger(Frozen):
    """What runs (the last healthy release), what was tried last, and everything that was ever brought and is there."""

    format: Literal[1] = 1
    environment: str
    healthy: Step | None = None
    attempt: Step | None = None
    kept: tuple[Kept, ...] = ()
    objects: str = ""
    """The healthy release's objects: JSON, gzip, base64; what is immutable and kept is left out."""

    @property
    def restorable(self) -> tuple[Value, ...]:
        """The objects of the healthy release, as they were applied."""
        return tuple(json.loads(gzip.decompress(base64.b64decode(self.objects)))) if self.objects else ()


def read(cluster: Cluster, namespace: str) -> Ledger | None:
    """Return the ledger of a namespace, None where nothing was ever rolled out there."""
    live = cluster.get(_ref(namespace))
    if live is None:
        return None
    try:
        return Ledger.model_validate_json((live.get("data") or {}).get("ledger.json", ""))
    except ValidationError as error:
        raise CannotJudge(
            f"the ConfigMap {NAME} in namespace {namespace} is not what a rollout writes ({error.error_count()} "
            "problems, perhaps a newer Sluice wrote it); upgrade, or remove it to start anew: nothing is pruned then"
        ) from None


def write(cluster: Cluster, namespace: str, ledger: Ledger) -> None:
    """Write the ledger."""
    text = ledger.model_dump_json()
    if len(text) > LIMIT:
        raise CannotJudge(f"the ledger of this rollout has {len(text)} bytes, more than the {LIMIT} a ConfigMap takes")
    about = {"name": NAME, "namespace": namespace}
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"ledger.json": text}}
    cluster.apply([value], force=True)


def begun(ledger: Ledger | None, release: Release) -> Ledger:
    """Return the ledger with a release as what is being tried."""
    before = ledger or Ledger(environment=release.environment)
    return before.model_copy(update={"attempt": _step(release), "kept": _joined(before.kept, release)})


def failed(ledger: Ledger, why: str) -> Ledger:
    """Return the ledger with the attempt as failed."""
    assert ledger.attempt is not None, "nothing was tried"
    return ledger.model_copy(update={"attempt": ledger.attempt.model_copy(update={"failure": why[:2000]})})


def finished(ledger: Ledger, release: Release) -> Ledger:
    """Return the ledger with a release as what runs."""
    kept_anyway = [value for value in release.objects if not _is_immutable(value)]
    packed = base64.b64encode(gzip.compress(canonical_json(kept_anyway), mtime=0)).decode()
    return ledger.model_copy(update={"healthy": _step(release), "attempt": None, "objects": packed})


def prunable(ledger: Ledger, release: Release, keep: int) -> tuple[Kept, ...]:
    """Return what a release leaves behind, newest first.

    Immutable objects of the last `keep` releases stay, and so do claims (an earlier release needs its weights) and what
    belongs to no namespace (others may use it).
    """
    wanted = {Ref.of(value) for value in release.objects}
    numbers = sorted({one.number for one in ledger.kept if one.immutable}, reverse=True)
    recent = set(numbers[:keep])
    left = [one for one in ledger.kept if one.namespace and one.kind not in _STAYS and one.ref not in wanted]
    left = [one for one in left if not (one.immutable and one.number in recent)]
    return tuple(sorted(left, key=lambda one: (-one.number, one.ref)))


def pruned(ledger: Ledger, gone: tuple[Kept, ...]) -> Ledger:
    """Return the ledger without what was deleted."""
    names = {one.ref for one in gone}
    return ledger.model_copy(update={"kept": tuple(one for one in ledger.kept if one.ref not in names)})


def _joined(kept: tuple[Kept, ...], release: Release) -> tuple[Kept, ...]:
    known = {one.ref: one for one in kept}
    for value in release.objects:
        ref = Ref.of(value)
        known[ref] = Kept(
            group=ref.group, kind=ref.kind, namespace=ref.namespace, name=ref.name, number=release.number,
            immutable=_is_immutable(value),
        )  # fmt: skip
    return tuple(
        known[ref] for ref in sorted(known, key=lambda ref: (ref.group, ref.kind, ref.namespace or "", ref.name))
    )


def _is_immutable(value: Value) -> bool:
    return value["kind"] in ("ConfigMap", "Secret") and value.get("immutable") is True


def _step(release: Release) -> Step:
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Step(release=release.digest, number=release.number, commit=release.commit, at=now)


def _ref(namespace: str) -> Ref:
    return Ref("", "ConfigMap", namespace, NAME)
