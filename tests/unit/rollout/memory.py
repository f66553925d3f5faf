"""An API server in memory behind kubectl's words, and small manifests: the logic of a rollout without a cluster."""

from __future__ import annotations

import copy
import itertools
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sluice.rollout.cluster import Cluster
from sluice.rollout.objects import Ref
from sluice.rollout.release import Release, release

Answer = tuple[int, Any]


@dataclass
class Server:
    """Objects by name, each write counted; `react` may change an object as a controller would."""

    objects: dict[Ref, dict[str, Any]] = field(default_factory=dict)
    react: Callable[[dict[str, Any]], None] = lambda _value: None
    versions: Any = field(default_factory=lambda: itertools.count(1))
    calls: list[tuple[str, ...]] = field(default_factory=list)
    refuse: Callable[[tuple[str, ...], Any], str | None] = lambda _words, _data: None

    def answer(self, words: tuple[str, ...], data: Any) -> Answer:
        self.calls.append(words)
        complaint = self.refuse(words, data)
        if complaint:
            return 1, complaint
        verb, *rest = [word for word in words if not word.startswith("--")]
        namespace = next((word.partition("=")[2] for word in words if word.startswith("--namespace=")), None)
        return getattr(self, verb)(words, rest, namespace, data)

    def get(self, words, rest, namespace, data) -> Answer:
        if rest == ["-f", "-"]:
            assert "--ignore-not-found" in words and {"--show-managed-fields", "--output=name"} & {*words}
            items = [self.objects[Ref.of(one)] for one in data["items"] if Ref.of(one) in self.objects]
            return 0, {"kind": "List", "items": items} if items else ""
        if len(rest) == 1:
            kinds = {one.removesuffix("s") for one in rest[0].split(",")}
            items = [value for ref, value in self.objects.items() if ref.kind.lower() in kinds]
            return 0, {"kind": "List", "items": items}
        found = self.objects.get(_ref(*rest, namespace))
        return (0, found) if found else (1, f'Error from server (NotFound): "{rest[1]}" not found')

    def create(self, _words, _rest, _namespace, data) -> Answer:
        if Ref.of(data) in self.objects:
            return 1, f'Error from server (AlreadyExists): "{data["metadata"]["name"]}" already exists'
        return 0, self.store(data)

    def replace(self, _words, _rest, _namespace, data) -> Answer:
        live = self.objects.get(Ref.of(data))
        if live is None:
            return 1, "Error from server (NotFound): gone"
        if live["metadata"]["resourceVersion"] != data["metadata"].get("resourceVersion"):
            return 1, "Error from server (Conflict): the object has been modified"
        return 0, self.store(data)

    def apply(self, words, _rest, _namespace, data) -> Answer:
        dry = "--dry-run=server" in words
        items = [self.store(value, dry) for value in data["items"]]
        return 0, {"kind": "List", "items": items}

    def patch(self, words, rest, namespace, _data) -> Answer:
        live = self.objects[_ref(*rest, namespace)]
        for one in json.loads(next(word for word in words if word.startswith("--patch=")).partition("=")[2]):
            field = one["path"].removeprefix("/metadata/")
            if field == "resourceVersion" and one["value"] != live["metadata"]["resourceVersion"]:
                return 1, "Error from server (Conflict): the object has been modified"
            live["metadata"][field] = one["value"]
        return 0, {}

    def delete(self, _words, rest, namespace, _data) -> Answer:
        self.objects.pop(_ref(*rest, namespace), None)
        return 0, {}

    def store(self, data: Any, dry: bool = False) -> Any:
        value = copy.deepcopy(dict(data))
        value["metadata"]["uid"] = f"uid of {Ref.of(value)}"
        value["metadata"]["resourceVersion"] = str(next(self.versions))
        if not dry:
            self.react(value)
            self.objects[Ref.of(value)] = value
        return value

    def names(self, kind: str) -> set[str]:
        return {ref.name for ref in self.objects if ref.kind == kind}


def _ref(resource: str, name: str, namespace: str | None) -> Ref:
    kind, _, group = resource.partition(".")
    return Ref(group, kind, namespace, name)


@dataclass(frozen=True)
class MemoryCluster(Cluster):
    """A cluster whose kubectl is the server above."""

    server: Server = field(default_factory=Server)

    def _run(self, words, data):
        code, said = self.server.answer(tuple(words), data)
        text = said if isinstance(said, str) else json.dumps(said)
        return subprocess.CompletedProcess(words, code, "" if code else text, text if code else "")


def become_ready(value: dict[str, Any]) -> None:
    """What the controllers do with a workload that works."""
    if value["kind"] == "Deployment":
        count = value["spec"].get("replicas", 1)
        value["metadata"]["generation"] = 1
        ready = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas", "readyReplicas"), count)
        value["status"] = {"observedGeneration": 1, **ready}
    if value["kind"] == "Job":
        value["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}


def deployment(name: str, image: str = "tgi", **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "main", "image": image}]}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "portal"},
        "spec": {"replicas": 1, **spec, "template": {"spec": pod}},
    }  # fmt: skip


def config(name: str, immutable: bool = True, **data: str) -> dict[str, Any]:
    about = {"name": name, "namespace": "portal"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data, "immutable": immutable}


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "portal"}}


def made(number: int, *objects: dict[str, Any]) -> Release:
    return release("staging", "portal", number, f"sha256:{number:064x}", "c" * 40, [NAMESPACE, *objects])


class Heard:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.states: list[Any] = []

    def said(self, words: str) -> None:
        self.words.append(words)

    def waits(self, states: Any) -> None:
        self.states.append(states)
