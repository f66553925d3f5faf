"""One namespace of a real cluster, and releases of a small application: a model server, a gateway, their settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from e2e.cluster.plane import Plane

from sluice.rollout import ledger as ledgers
from sluice.rollout.apply import Outcome, Settings, rollout
from sluice.rollout.cluster import Cluster
from sluice.rollout.health import Health
from sluice.rollout.ledger import Ledger
from sluice.rollout.release import Release, release

GPU = "nvidia.com/gpu"
STRATEGIES: dict[str, Any] = {
    "surge": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
    "in-place": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
    "recreate": {"type": "Recreate"},
}
"""What infra/components/strategy renders to."""


@dataclass
class Heard:
    """A watcher that remembers, and may look at the cluster at every poll."""

    words: list[str] = field(default_factory=list)
    states: list[Sequence[Health]] = field(default_factory=list)
    look: Any = None

    def said(self, words: str) -> None:
        self.words.append(words)

    def waits(self, states: Sequence[Health]) -> None:
        self.states.append(states)
        if self.look:
            self.look()


@dataclass
class Site:
    """A namespace of a test, and what it asks of the plane."""

    plane: Plane
    namespace: str
    patience: float = 60.0

    @property
    def cluster(self) -> Cluster:
        return Cluster(str(self.plane.kubectl), str(self.plane.kubeconfig), patience=self.patience)

    def roll(self, wanted: Release, heard: Heard | None = None, **settings: Any) -> Outcome:
        chosen = {"timeout": 60.0, "poll": 0.3, "lease": 3, **settings}
        return rollout(self.cluster, wanted, heard or Heard(), Settings(**chosen))

    def get(self, *words: str) -> Any:
        return self.plane.get(*words, "-n", self.namespace)

    def names(self, kind: str) -> set[str]:
        return {one["metadata"]["name"] for one in self.get(kind)["items"]}

    def pods(self, app: str) -> dict[str, Any]:
        """Return uid -> pod of an application, those being deleted left out."""
        found = self.get("pods", "-l", f"app={app}")["items"]
        return {one["metadata"]["uid"]: one for one in found if not one["metadata"].get("deletionTimestamp")}

    def ready(self, app: str) -> int:
        return sum(
            any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
            for pod in self.pods(app).values()
        )

    def ledger(self) -> Ledger:
        found = ledgers.read(self.cluster, self.namespace)
        assert found is not None
        return found

    def tell(self, *words: str, data: Any = None) -> None:
        done = self.plane.ask(*words, "-n", self.namespace, data=data)
        assert done.returncode == 0, done.stderr

    def release(self, number: int, prompt: str = "one", model: str = "one", **how: Any) -> Release:
        """Make a release; `how`: strategy, replicas, behave (annotations of the model's pods), job (of its job's)."""
        bundle = _config(f"prompts-{_short(prompt)}", {"prompt.json": json.dumps(prompt)})
        engine = _config(f"engine-{_short(model)}", {"MODEL_ID": model})
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}},
            bundle, engine, _service("tgi"), _service("gateway"),
            _job(f"weights-{_short(model + json.dumps(how.get('job', {})))}", how.get("job", {})),
            _deployment(
                "tgi", engine["metadata"]["name"], f"registry.example/tgi:{model}", how.get("replicas", 1), {GPU: "1"},
                how.get("strategy", "surge"), how.get("behave", {}),
            ),
            _deployment("gateway", bundle["metadata"]["name"], "registry.example/gateway:1", 2, {}, "surge", {}),
        ]  # fmt: skip
        placed = [_placed(one, self.namespace) for one in objects]
        digest = "sha256:" + hashlib.sha256(json.dumps(placed, sort_keys=True).encode()).hexdigest()
        return release("staging", self.namespace, number, digest, "c" * 40, placed)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _placed(value: dict[str, Any], namespace: str) -> dict[str, Any]:
    if value["kind"] == "Namespace":
        return value
    return {**value, "metadata": {**value["metadata"], "namespace": namespace}}


def _config(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "immutable": True, "data": data}


def _service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _pod(config: str, image: str, resources: dict[str, str]) -> dict[str, Any]:
    container = {
        "name": "main", "image": image, "resources": {"limits": resources} if resources else {},
        "volumeMounts": [{"name": "config", "mountPath": "/config", "readOnly": True}],
    }  # fmt: skip
    return {"containers": [container], "volumes": [{"name": "config", "configMap": {"name": config}}]}


def _job(name: str, annotations: dict[str, str]) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "fetch", "image": "registry.example/fetch:1"}]}
    template = {"metadata": {"annotations": annotations}, "spec": pod}
    spec = {"backoffLimit": 0, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def _deployment(
    name: str, config: str, image: str, replicas: int, gpus: dict[str, str], strategy: str, notes: dict[str, str]
) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}, "annotations": notes}, "spec": _pod(config, image, gpus)}
    spec = {
        "replicas": replicas, "selector": {"matchLabels": {"app": name}}, "strategy": STRATEGIES[strategy],
        "template": template,
    }  # fmt: skip
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
