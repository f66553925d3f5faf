"""Parity: what was judged is what was rendered. Overlays may patch anything but what answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.release.lock import Lock, ModelLock
from sluice.rollout.capacity import SURGE, gpu_resource
from sluice.rollout.manifests import Manifest
from sluice.rollout.rendering import MODEL, RELEASE
from sluice.serving.engines import CONTAINER, WEIGHTS, engine_of, words

ABSENT = "nothing"
_CHECK = "weights"
_CHECKING = ("python3", "/program/weights.py", "verify", "/manifest/weights.json", WEIGHTS)
"""What every pod does before its engine starts."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the lock and the rendered objects disagree."""

    model: str
    what: str
    locked: str
    rendered: str

    def __str__(self) -> str:
        """Show both sides."""
        return f"{self.model}: {self.what}: the release says {self.locked}, what was rendered says {self.rendered}"


def differences(lock: Lock, manifests: Sequence[Manifest]) -> tuple[Difference, ...]:
    """Return every difference between a lock and its manifests; empty where what was judged is what will run."""
    maps = {one.name: one.value.get("data", {}) for one in manifests if one.kind == "ConfigMap"}
    servers = {name: list(_servers(name, manifests)) for name in lock.models}
    found = list(_strangers(lock, manifests))
    for name, locked in lock.models.items():
        if len(servers[name]) != 1:
            found.append(Difference(name, "Deployments of its server", "1", str(len(servers[name]))))
            continue
        pairs = _pairs(lock, name, locked, servers[name][0], maps)
        found += [Difference(name, what, told, is_) for what, told, is_ in pairs if told != is_]
    return tuple(found)


def _servers(model: str, manifests: Iterable[Manifest]) -> Iterator[Mapping[str, Any]]:
    for one in manifests:
        if one.kind == "Deployment" and one.value["metadata"].get("labels", {}).get(MODEL) == model:
            yield one.value


def _strangers(lock: Lock, manifests: Iterable[Manifest]) -> Iterator[Difference]:
    for one in manifests:
        model = one.value["metadata"].get("labels", {}).get(MODEL)
        if one.kind == "Deployment" and model is not None and model not in lock.models:
            yield Difference(str(model), "a server of its own", ABSENT, f"Deployment {one.name}")


def _pairs(
    lock: Lock, name: str, locked: ModelLock, server: Mapping[str, Any], maps: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, str, str]]:
    """Yield what is compared: its name, the locked and the rendered side."""
    spec, pod = server["spec"], server["spec"]["template"]["spec"]
    engine = engine_of(name, locked)
    container: Mapping[str, Any] = next((one for one in pod["containers"] if one["name"] == CONTAINER), {})
    yield "release", lock.digest, server["metadata"].get("annotations", {}).get(RELEASE, ABSENT)
    yield "image", str(locked.image), container.get("image", ABSENT)
    before = pod.get("initContainers", ())
    yield "containers that run before", _CHECK, ", ".join(one["name"] for one in before) or ABSENT
    yield "images that run before", str(locked.image), ", ".join(one["image"] for one in before) or ABSENT
    yield "check of the weights", " ".join(_CHECKING), " ".join(word for one in before for word in words(one)) or ABSENT
    yield "containers", CONTAINER, ", ".join(one["name"] for one in pod["containers"])
    yield "command and arguments", " ".join(engine.words), " ".join(words(container)) or ABSENT
    yield "replicas", str(locked.replicas), str(spec.get("replicas", 1))
    yield "strategy", locked.strategy, _strategy(spec)
    yield from _resources(locked, container)
    told, is_ = engine.settings(name, locked), engine.read(container, _mounted(pod, container, maps))
    for key in sorted({*told, *is_}):
        yield key, told.get(key, ABSENT), is_.get(key, ABSENT)


def _resources(locked: ModelLock, container: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    limits, requests = (container.get("resources", {}).get(key, {}) for key in ("limits", "requests"))
    gpus = str(locked.resources.gpus) if locked.resources.gpus else ABSENT
    yield gpu_resource(locked.resources), gpus, str(limits.get(gpu_resource(locked.resources), ABSENT))
    yield "memory", locked.resources.memory or ABSENT, str(limits.get("memory", ABSENT))
    yield "cpu", locked.resources.cpu or ABSENT, str(requests.get("cpu", ABSENT))


def _mounted(
    pod: Mapping[str, Any], container: Mapping[str, Any], maps: Mapping[str, Mapping[str, str]]
) -> dict[str, Mapping[str, str]]:
    """Return the ConfigMaps that a container has, as variables or as files."""
    mounts = {one["name"] for one in container.get("volumeMounts", ())}
    files = {one.get("configMap", {}).get("name") for one in pod.get("volumes", ()) if one["name"] in mounts}
    variables = {one.get("configMapRef", {}).get("name") for one in container.get("envFrom", ())}
    return {name: maps[name] for name in files | variables if name in maps}


def _strategy(spec: Mapping[str, Any]) -> str:
    """Return a Deployment's strategy in the words of an environment file, else what it says itself."""
    strategy = spec.get("strategy", {})
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") == "Recreate":
        return "recreate"
    pods = (rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"))
    known = {(surge, 1 - surge): name for name, surge in SURGE.items() if name != "recreate"}
    return known.get(pods, f"maxSurge {pods[0]}, maxUnavailable {pods[1]}")
