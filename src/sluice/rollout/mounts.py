"""Which ConfigMaps and Secrets pods and replica sets refer to: those must outlive them. Pure functions over JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sluice.rollout.objects import Value

_VOLUMES = {"configMap": ("ConfigMap", "name"), "secret": ("Secret", "secretName")}
_ENVIRONMENT = {
    "configMapRef": "ConfigMap",
    "secretRef": "Secret",
    "configMapKeyRef": "ConfigMap",
    "secretKeyRef": "Secret",
}


def mounted(values: Iterable[Value]) -> frozenset[tuple[str, str]]:
    """Return (kind, name) of everything that running pods, or replica sets that still want pods, refer to."""
    return frozenset(one for value in values for spec in _pod_specs(value) for one in _references(spec))


def _pod_specs(value: Value) -> Iterator[Mapping[str, Any]]:
    spec = value.get("spec") or {}
    if value["kind"] == "Pod":
        yield spec
    elif value["kind"] == "ReplicaSet" and spec.get("replicas"):
        yield (spec.get("template") or {}).get("spec") or {}


def _references(node: Any) -> Iterator[tuple[str, str]]:
    """Yield references anywhere in a pod's specification: volumes, projected ones, environments."""
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    if not isinstance(node, Mapping):
        return
    for key, item in node.items():
        if key in _VOLUMES and isinstance(item, Mapping):
            kind, name = _VOLUMES[key]
            yield from ((kind, str(item[field])) for field in (name, "name") if field in item)
        elif key in _ENVIRONMENT and isinstance(item, Mapping) and "name" in item:
            yield _ENVIRONMENT[key], str(item["name"])
        else:
            yield from _references(item)
