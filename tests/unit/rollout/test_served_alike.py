"""What `sluice serve` tells a container is what a rendered release tells a pod: words, variables, files, places."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from servers.containers import Asked, read_run
from unit.rollout.released import IMAGE, bundle, lock, model_lock

from sluice.release.lock import ModelLock
from sluice.rollout.kustomize import Kustomize
from sluice.rollout.rendering import render
from sluice.schema import Resources
from sluice.serving.containers import Runtime, container
from sluice.serving.deployment import Deployment, Weights
from sluice.serving.engines import CONFIG_DIRECTORY, PORT, WEIGHTS, Engine, engine_of, words

MODEL = "llama-3.1-8b"
VARIANTS: dict[str, dict[str, Any]] = {
    "tgi": {},
    "tgi with words of every kind": {
        "arguments": {"max-input-tokens": 7, "--disable_grammar_support": True, "cuda_memory_fraction": 0.5}
    },
    "vllm": {"engine": "vllm", "arguments": {"max_model_len": 512, "enforce_eager": True, "dtype": "half"}},
    "another image and weights": {"image": IMAGE.replace("a" * 64, "b" * 64), "weights": "sha256:" + "7" * 64},
}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS)
def locked(request: pytest.FixtureRequest) -> ModelLock:
    return model_lock(**request.param)


@pytest.fixture
def pod(locked: ModelLock, root: Path, kustomize: Kustomize) -> tuple[dict[str, Any], dict[str, Mapping[str, str]]]:
    """The pod of a rendered release, and the ConfigMaps beside it."""
    manifests = render(root, lock(**{MODEL: locked}), bundle(), kustomize)
    [found] = [one.value for one in manifests if one.kind == "Deployment"]
    maps = {one.name: one.value.get("data", {}) for one in manifests if one.kind == "ConfigMap"}
    return found["spec"]["template"]["spec"], maps


@pytest.fixture
def asked(locked: ModelLock, tmp_path: Path) -> Asked:
    """What a container runtime is sent for the same model."""
    weights = tmp_path / "weights"
    weights.mkdir()
    served = Deployment(
        MODEL, locked.engine, locked.image, locked.arguments, locked.weights, locked.resources, locked.context
    )
    started = container(Runtime("docker", "docker"), served, Weights(weights), tmp_path / "state", 4321)
    assert started.url == "http://127.0.0.1:4321"
    return read_run(list(started.words[2:]))


def told(engine: Engine, asked: Asked) -> dict[str, str]:
    """Read a container as the pod is read."""
    files = {}
    if place := asked.mounts.get(CONFIG_DIRECTORY):
        files = {"engine": {path.name: path.read_text() for path in Path(place).iterdir()}}
    return engine.read({"env": [{"name": key, "value": value} for key, value in asked.environment.items()]}, files)


def test_the_container_is_told_what_the_pod_is_told(
    locked: ModelLock, pod: tuple[dict[str, Any], dict[str, Mapping[str, str]]], asked: Asked
):
    specification, maps = pod
    [server] = specification["containers"]
    engine = engine_of(MODEL, locked)
    mounted = {name: data for name, data in maps.items() if name.startswith("engine-")}
    expected = engine.read(server, mounted)
    assert told(engine, asked) == expected
    assert len(expected) > len(locked.arguments), "the pod is told something beside the arguments"
    entry = [asked.once["--entrypoint"]] if "--entrypoint" in asked.once else []
    assert (*entry, *asked.words) == words(server)
    assert ("--entrypoint" in asked.once) == ("command" in server), "the image's own entry point is kept, or not, alike"
    assert asked.image == server["image"]


def test_weights_and_port_are_where_the_pod_has_them(
    locked: ModelLock, pod: tuple[dict[str, Any], dict[str, Mapping[str, str]]], asked: Asked
):
    [server] = pod[0]["containers"]
    assert f"{WEIGHTS}/{locked.weights.removeprefix('sha256:')}" in asked.mounts
    assert server["ports"][0]["containerPort"] == PORT
    assert asked.port == 4321


def test_it_may_write_where_the_pod_may_write_and_is_locked_down_alike(
    pod: tuple[dict[str, Any], dict[str, Mapping[str, str]]], asked: Asked
):
    [server] = pod[0]["containers"]
    writable = {one["mountPath"] for one in server["volumeMounts"] if not one.get("readOnly")}
    assert {one.split(":")[0] for one in asked.many["--tmpfs"]} | {"/dev/shm"} == writable
    assert asked.once["--shm-size"] == "1g"
    assert server["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert server["resources"]["limits"]["memory"] == "24Gi" and asked.once["--memory"] == "24g"


@pytest.mark.parametrize(
    ("kind", "gpu_class", "expected"),
    [
        ("docker", "nvidia.com/gpu", ["--gpus", "2"]),
        ("docker", None, ["--gpus", "2"]),
        ("podman", "nvidia.com/gpu", ["--device", "nvidia.com/gpu=all"]),
        ("podman", "amd.com/gpu", ["--device", "/dev/kfd", "--device", "/dev/dri", "--group-add", "video"]),
    ],
)
def test_gpus_are_asked_for_as_the_runtime_names_them(tmp_path: Path, kind: Any, gpu_class: str | None, expected: Any):
    locked = model_lock()
    resources = Resources(gpus=2, gpu_class=gpu_class)
    served = Deployment(MODEL, "tgi", locked.image, {}, locked.weights, resources, 4096)
    sent = container(Runtime(kind, kind), served, Weights(tmp_path), tmp_path, 1).words
    place = sent.index(expected[0])
    assert list(sent[place : place + len(expected)]) == expected
    without = Deployment(MODEL, "tgi", locked.image, {}, locked.weights, Resources(), 4096)
    bare = container(Runtime(kind, kind), without, Weights(tmp_path), tmp_path, 1).words
    assert not {"--gpus", "--device", "--memory"} & set(bare)
