"""What a Kubernetes object is called, and how two states of one differ: pure functions over its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Value = Mapping[str, Any]
"""One object as JSON."""

_VOLATILE = (
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "selfLink",
    "deletionTimestamp",
)
_VOLATILE_ANNOTATIONS = ("deployment.kubernetes.io/revision",)
_NAMED = ("name", "key", "mountPath", "containerPort", "port", "topologyKey", "ip", "type")
"""Fields by which members of a list are told apart, best first."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Group, kind, namespace and name: what an object is called in a cluster."""

    group: str
    kind: str
    namespace: str | None
    name: str

    @classmethod
    def of(cls, value: Value) -> Ref:
        """Return what an object is called."""
        group, slash, _ = str(value.get("apiVersion", "")).partition("/")
        about = value["metadata"]
        return cls(group if slash else "", value["kind"], about.get("namespace"), about["name"])

    @property
    def resource(self) -> str:
        """The word that kubectl takes for the kind, unmistakable between groups."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs: where, what it is, what it shall be. None: absent."""

    path: str
    live: Any
    wanted: Any


def annotation(value: Value, key: str) -> str | None:
    """Return one annotation of an object."""
    found = (value["metadata"].get("annotations") or {}).get(key)
    return None if found is None else str(found)


def settled(value: Value) -> dict[str, Any]:
    """Return an object without what the API server keeps on it: status, versions, bookkeeping."""
    about = {key: item for key, item in value["metadata"].items() if key not in _VOLATILE}
    notes = {
        key: item for key, item in (about.pop("annotations", None) or {}).items() if key not in _VOLATILE_ANNOTATIONS
    }
    rest = {key: item for key, item in value.items() if key not in ("status", "metadata")}
    return {**rest, "metadata": {**about, "annotations": notes} if notes else about}


def changes(live: Value, wanted: Value) -> tuple[Change, ...]:
    """Return each field by which a live object differs from the wanted one; the values of a Secret stay hidden."""
    found = tuple(_differences(settled(live), settled(wanted), ""))
    if wanted.get("kind") != "Secret":
        return found
    return tuple(Change(one.path, "(hidden)", "(hidden)") for one in found)


def _differences(live: Any, wanted: Any, path: str) -> Iterator[Change]:
    if live == wanted:
        return
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*live, *wanted}):
            yield from _differences(live.get(key), wanted.get(key), f"{path}.{key}" if path else str(key))
        return
    if isinstance(live, list) and isinstance(wanted, list):
        before, after = _members(live), _members(wanted)
        if before is not None and after is not None:
            for key in [*before, *(key for key in after if key not in before)]:
                yield from _differences(before.get(key), after.get(key), f"{path}[{key}]")
            return
    yield Change(path, live, wanted)


def _members(items: list[Any]) -> dict[str, Any] | None:
    """Return the members of a list by what tells them apart, or None where nothing does."""
    if not all(isinstance(item, Mapping) for item in items):
        return None
    for field in _NAMED:
        named = {str(item.get(field)): item for item in items}
        if all(field in item for item in items) and len(named) == len(items):
            return named
    return None
