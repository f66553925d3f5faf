"""A release rendered: Kustomize builds the environment's overlay with what the lock says laid over it.

What is generated is data for Kustomize (kustomizations, files of ConfigMaps, patches), written into a scratch copy; the
same lock and the same `infra/` render to the same manifests.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from sluice.catalog import ENVIRONMENT_FILE, ENVIRONMENTS_DIRECTORY
from sluice.catalog.validation import validate
from sluice.catalog.yaml_file import read_yaml
from sluice.digest import digest, short
from sluice.errors import CannotJudge, Finding, InvalidFiles
from sluice.release.config_maps import config_maps
from sluice.release.lock import Lock, ModelLock
from sluice.rollout.belonging import CLUSTER, ENVIRONMENT
from sluice.rollout.capacity import gpu_resource
from sluice.rollout.kustomize import Kustomize
from sluice.rollout.manifests import Manifest, documents, in_order, manifest
from sluice.rollout.weights import weights_manifest
from sluice.schema import Environment
from sluice.serving.engines import CONFIG, CONTAINER, engine_of

BUNDLE = "prompt-bundle"
"""Name of the ConfigMaps of the bundle, and of the volume of whatever reads it."""

RELEASE = "sluice.dev/release"
MODEL = "sluice.dev/model"
READS_BUNDLE = f"sluice.dev/reads={BUNDLE}"
"""Label of workloads that mount the bundle: rendering gives them the volume."""

_KEPT = {"kustomize.toolkit.fluxcd.io/prune": "Disabled", "argocd.argoproj.io/sync-options": "Prune=false"}
"""Pods of the release before need what they were started with, until they are gone."""

_LOST = re.compile("[\x7f-\x9f\ufffe\uffff]")
"""What Kustomize refuses in a text without saying where, and U+0085, which it silently makes a blank."""

_INFRA = Path(ENVIRONMENTS_DIRECTORY).parts[0]
_UP = f"../../../{_INFRA}"
_MOST_LETTERS = 40


def render(root: Path, lock: Lock, bundle: Mapping[str, bytes], kustomize: Kustomize) -> tuple[Manifest, ...]:
    """Return the manifests of a release in the order in which they are applied.

    Raises CannotJudge where the lock cannot be rendered or Kustomize refuses what `infra/` says.
    """
    with tempfile.TemporaryDirectory(prefix="sluice-") as scratch:
        place = Path(scratch)
        shutil.copytree(root / _INFRA, place / _INFRA, symlinks=True)
        for name, serving in lock.models.items():
            _write(place / "release/servers" / server_name(name), dict(_server(root, lock, name, serving)))
        _write(place / "release", dict(_release(root, lock, bundle)))
        rendered = documents(kustomize.build(place / "release"))
    return in_order(manifest(_named_by_content(one)) for one in rendered)


def environment_of(root: Path, name: str) -> Environment:
    """Return an environment's file. Raises CannotJudge where there is none, InvalidFiles where it is not valid."""
    path = f"{ENVIRONMENTS_DIRECTORY}/{name}/{ENVIRONMENT_FILE}"
    if not (root / path).is_file():
        raise CannotJudge(f"there is no {path} to render")
    source = read_yaml(path, (root / path).read_bytes())
    findings: list[Finding] = list(source.findings)
    value = None if findings else validate(path, source, Environment, findings)
    if value is None:
        raise InvalidFiles(findings)
    return value


def server_name(model: str) -> str:
    """Return a model's name as Kubernetes takes it, the ending of everything that serves it."""
    name = re.sub(r"[^a-z0-9-]", "-", model.lower()).strip("-")
    if len(name) > _MOST_LETTERS:
        raise CannotJudge(f"the model's name {model!r} is too long for a Service: {_MOST_LETTERS} letters at most")
    return name


def _write(directory: Path, files: Mapping[str, Any]) -> None:
    """Write files: bytes as they are, anything else as YAML."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if isinstance(content, bytes):
            _require_carried(name, content)
        data = content if isinstance(content, bytes) else yaml.safe_dump(content, sort_keys=True).encode()
        (directory / name).write_bytes(data)


def _require_carried(name: str, content: bytes) -> None:
    """Raise CannotJudge for a text that would not arrive as it is; what is no UTF-8 arrives as bytes."""
    try:
        found = _LOST.search(content.decode("utf-8"))
    except UnicodeDecodeError:
        return
    if found:
        raise CannotJudge(
            f"{name} holds U+{ord(found[0]):04X}, which Kustomize cannot carry in a ConfigMap; take it out"
        )


def _release(root: Path, lock: Lock, bundle: Mapping[str, bytes]) -> Iterator[tuple[str, Any]]:
    """Yield the files of the outermost kustomization: environment, servers, bundle, the release's digest."""
    names = [server_name(name) for name in sorted(lock.models)]
    if len(set(names)) < len(names):
        raise CannotJudge("two models have the same name but for dots and underscores; rename one")
    parts = {f"{BUNDLE}-{part.name}".rstrip("-"): part.files for part in config_maps(bundle)}
    yield from bundle.items()
    yield "released.yaml", _patch({RELEASE: lock.digest})
    here = environment_of(root, lock.environment)
    yield "cluster.yaml", _named("Namespace", {CLUSTER: here.cluster})
    yield "reading.yaml", _reading(lock, sorted(parts))
    yield (
        "kustomization.yaml",
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": here.namespace,
            "resources": [f"../{ENVIRONMENTS_DIRECTORY}/{lock.environment}", *(f"servers/{name}" for name in names)],
            "labels": [{"pairs": {"app.kubernetes.io/part-of": "sluice", ENVIRONMENT: lock.environment}}],
            "configMapGenerator": [
                _generated(name, sorted(parts[name]), {"sluice.dev/part": BUNDLE}) for name in parts
            ],
            "patches": [
                {"target": {"kind": "Deployment"}, "path": "released.yaml"},
                {"target": {"kind": "Namespace"}, "path": "cluster.yaml"},
                {"target": {"kind": "Deployment", "labelSelector": READS_BUNDLE}, "path": "reading.yaml"},
            ],
        },
    )


def _server(root: Path, lock: Lock, name: str, serving: ModelLock) -> Iterator[tuple[str, Any]]:
    """Yield the files of one model's kustomization: the base, its components, and what the lock says."""
    engine = engine_of(name, serving)
    told = engine.data(name, serving)
    yield from ((key, value.encode()) for key, value in told.items())
    yield "weights.json", json.dumps(weights_manifest(root, name, serving), sort_keys=True, indent=1).encode()
    yield "server.yaml", _patch({}, _template(serving))
    image, _, image_digest = str(serving.image).partition("@")
    yield (
        "kustomization.yaml",
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "nameSuffix": f"-{server_name(name)}",
            "resources": [f"{_UP}/base/model-server"],
            "components": [f"{_UP}/{one}" for one in _components(lock.environment, serving)],
            "labels": [{"pairs": {MODEL: name}, "includeSelectors": True}],
            "images": [{"name": "engine", "newName": image, "digest": image_digest}],
            "replicas": [{"name": "model", "count": serving.replicas}],
            "configMapGenerator": [_generated(CONFIG, sorted(told), {}), _generated("weights", ["weights.json"], {})],
            "patches": [{"path": "server.yaml"}],
        },
    )


def _components(environment: str, serving: ModelLock) -> Iterator[str]:
    yield f"components/engine/{serving.engine}"
    yield "components/weights"
    yield f"components/strategy/{serving.strategy}"
    if serving.resources.gpus:
        yield f"components/hardware/{gpu_resource(serving.resources).partition('.')[0]}"
    yield f"{Path(ENVIRONMENTS_DIRECTORY).name}/{environment}/servers"


def _template(serving: ModelLock) -> dict[str, Any]:
    """Return what the lock says of the pod: its resources, and the digests of what only this pod runs."""
    asked = serving.resources
    gpus = {gpu_resource(serving.resources): str(asked.gpus)} if asked.gpus else {}
    memory = {"memory": asked.memory} if asked.memory else {}
    requests = {**memory, **gpus, **({"cpu": asked.cpu} if asked.cpu else {})}
    container = {"name": CONTAINER, "resources": {"requests": requests, "limits": {**memory, **gpus}}}
    digests = {"sluice.dev/weights": serving.weights, "sluice.dev/arguments": digest(dict(serving.arguments))}
    return {"metadata": {"annotations": digests}, "spec": {"containers": [container]}}


def _reading(lock: Lock, names: list[str]) -> dict[str, Any]:
    sources = [{"configMap": {"name": name}} for name in names]
    volume = {"name": BUNDLE, "projected": {"sources": sources}}
    return _patch({}, {"metadata": {"annotations": {"sluice.dev/bundle": lock.bundle}}, "spec": {"volumes": [volume]}})


def _patch(annotations: Mapping[str, str], template: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a patch of a Deployment; where it has a target, its name means nothing."""
    about = {"name": "model", **({"annotations": dict(annotations)} if annotations else {})}
    spec = {"spec": {"template": dict(template)}} if template else {}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, **spec}


def _named(kind: str, annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return a patch of annotations; its target says of what, its own name means nothing."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "any", "annotations": dict(annotations)}}


def _generated(name: str, files: list[str], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a generator of a ConfigMap that never changes: its name ends in a digest of its content."""
    return {"name": name, "files": files, "options": {"immutable": True, "annotations": _KEPT, "labels": dict(labels)}}


def _named_by_content(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """End a Job's name with a digest of what it does: it cannot be changed, and is not run twice."""
    if value["kind"] != "Job":
        return value
    about = {**value["metadata"], "name": f"{value['metadata']['name']}-{short(digest(value['spec']))}"}
    return {**value, "metadata": about}
