"""How the cluster differs from a release: a dry run on the server's side, compared with what lives there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sluice.rollout import ledger as ledgers
from sluice.rollout.cluster import Cluster, Refused, by_ref
from sluice.rollout.ledger import Ledger
from sluice.rollout.objects import Change, Ref, Value, changes
from sluice.rollout.release import Release
from sluice.rollout.takeover import MANAGER

Sort = Literal["missing", "changed", "added", "left"]
"""Not there; a field of ours differs; somebody added fields to an object of ours; there, though no release has it."""

_CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "kube-apiserver", "kubelet")
_ADDED_TO = ("Deployment", "StatefulSet", "Job", "Service", "ConfigMap", "NetworkPolicy", "PodDisruptionBudget")
_OWN_PARTS = ("f:spec", "f:data", "f:binaryData", "f:immutable")


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that is not as the release has it."""

    ref: Ref
    sort: Sort
    changes: tuple[Change, ...] = ()
    by: tuple[str, ...] = ()
    """Who else wrote to it, as the API server calls them."""


def drift(cluster: Cluster, release: Release, ledger: Ledger | None, keep: int) -> tuple[Difference, ...]:
    """Return every difference, in the order of the release; what would be pruned comes last."""
    live = cluster.present(release.objects)
    planned = _planned(cluster, release, live)
    refs = map(Ref.of, release.objects)
    found = [one for ref in refs for one in _of_object(ref, live.get(ref), planned.get(ref))]
    left = ledgers.prunable(ledger, release, keep) if ledger else ()
    return (*found, *(Difference(one.ref, "left") for one in left if cluster.get(one.ref) is not None))


def _planned(cluster: Cluster, release: Release, live: Mapping[Ref, Value]) -> Mapping[Ref, Value]:
    """Return what existing objects would become; absent ones are not asked for (their namespace may be absent too)."""
    there = [value for value in release.objects if Ref.of(value) in live]
    return by_ref(_tried(cluster, there)) if there else {}


def _tried(cluster: Cluster, values: Sequence[Value]) -> Sequence[Value]:
    """Dry-run objects together; where one is refused, one by one, so that the others are still compared."""
    try:
        return cluster.apply(values, force=True, dry_run=True)
    except Refused:
        if len(values) == 1:
            return values
        return [done for value in values for done in _tried(cluster, [value])]


def _of_object(ref: Ref, live: Value | None, planned: Value | None) -> Iterator[Difference]:
    if live is None:
        yield Difference(ref, "missing")
        return
    different = changes(live, planned) if planned is not None else ()
    others = tuple(_other_writers(live))
    if different:
        yield Difference(ref, "changed", different, tuple(name for name, _ in others))
    elif others and ref.kind in _ADDED_TO:
        added = tuple(Change(path, "(added)", None) for _, paths in others for path in paths)
        yield Difference(ref, "added", added, tuple(name for name, _ in others))


def _other_writers(live: Value) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (name, paths) of those who own fields of the specification besides us and Kubernetes' own controllers."""
    for entry in live["metadata"].get("managedFields") or ():
        name = entry.get("manager", "")
        if entry.get("subresource") or name == MANAGER or name in _CONTROLLERS:
            continue
        fields = entry.get("fieldsV1") or {}
        paths = tuple(path for part in _OWN_PARTS for path in _paths(fields.get(part), part.removeprefix("f:")))
        if paths:
            yield name, paths


def _paths(fields: Any, path: str) -> Iterator[str]:
    """Yield the leaves of a field set."""
    if fields is None:
        return
    inner = {key: value for key, value in fields.items() if key.startswith(("f:", "k:", "v:"))}
    if not inner:
        yield path
    for key, value in inner.items():
        word = key[2:] if key.startswith("f:") else ""
        yield from _paths(value, f"{path}.{word}" if word else f"{path}[{key[2:]}]")
