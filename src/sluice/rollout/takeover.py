"""Fields that people wrote by hand become ours, so that applying a release removes those that it does not have.

The API server keeps whatever another manager owns. Controllers' fields are theirs and stay; so does what
`kubectl rollout restart` wrote, for taking it away would restart the pods again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sluice.rollout.objects import Value

MANAGER = "sluice"
_BY_HAND = "kubectl"
_STAYS = ("kubectl-rollout",)


def by_hand(live: Value) -> tuple[str, ...]:
    """Return the names under which people wrote to an object."""
    return tuple(sorted({entry["manager"] for entry in _entries(live) if _is_by_hand(entry)}))


def takeover(live: Value) -> list[dict[str, Any]]:
    """Return the JSON patch that makes what people wrote ours; it fails where the object changed meanwhile."""
    theirs = [entry for entry in _entries(live) if _is_by_hand(entry)]
    ours = [entry for entry in _entries(live) if _is_ours(entry)]
    rest = [entry for entry in _entries(live) if entry not in theirs and entry not in ours]
    fields: Mapping[str, Any] = {}
    for entry in (*ours, *theirs):
        fields = _union(fields, entry.get("fieldsV1") or {})
    now = (ours or theirs)[0]
    mine = {
        "manager": MANAGER, "operation": "Apply", "apiVersion": now["apiVersion"], "time": now.get("time"),
        "fieldsType": "FieldsV1", "fieldsV1": fields,
    }  # fmt: skip
    version = live["metadata"]["resourceVersion"]
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*rest, mine]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]


def _entries(live: Value) -> Iterator[Mapping[str, Any]]:
    yield from live["metadata"].get("managedFields") or ()


def _is_by_hand(entry: Mapping[str, Any]) -> bool:
    name = entry.get("manager", "")
    return name.startswith(_BY_HAND) and name not in _STAYS and not entry.get("subresource")


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of both sets; a set is a tree of names."""
    both = {key: _union(one[key], other[key]) for key in one.keys() & other.keys()}
    return {**one, **other, **both}
