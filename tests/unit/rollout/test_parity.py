"""Parity: every patch that changes what answers is found, with both sides; what only watches is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.rollout.released import bundle, copied, lock, model_lock

from sluice.release.lock import Lock
from sluice.rollout.kustomize import Kustomize
from sluice.rollout.manifests import Manifest, manifest
from sluice.rollout.parity import differences
from sluice.rollout.rendering import render

PATCH = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
"""
CONTAINER = PATCH + "  template:\n    spec:\n      containers:\n        - name: server\n          "
VLLM = model_lock(engine="vllm", arguments={"max_model_len": 4096})


def told(root: Path, asked: Lock, kustomize: Kustomize) -> list[str]:
    return [str(one) for one in differences(asked, render(root, asked, bundle(), kustomize))]


@pytest.mark.parametrize(
    "served", [model_lock(), VLLM, model_lock(strategy="recreate"), model_lock(strategy="in-place")]
)
def test_what_is_rendered_from_a_lock_is_that_lock(root: Path, served: Any, kustomize: Kustomize):
    asked = lock(m=served)
    assert told(root, asked, kustomize) == []


@pytest.mark.parametrize(
    ("patch", "word"),
    [
        (CONTAINER + "args: [--hostname, 0.0.0.0, --quantize, fp8]\n", "command and arguments: the release says "
         "--hostname 0.0.0.0, what was rendered says --hostname 0.0.0.0 --quantize fp8"),
        (CONTAINER + "env: [{name: DTYPE, value: float16}]\n",
         "DTYPE: the release says bfloat16, what was rendered says float16"),
        (CONTAINER + "env: [{name: QUANTIZE, value: fp8}]\n",
         "QUANTIZE: the release says nothing, what was rendered says fp8"),
        (CONTAINER + "env: [{name: HF_HUB_OFFLINE, value: '0'}]\n", "HF_HUB_OFFLINE: the release says 1"),
        (CONTAINER + "envFrom: [{secretRef: {name: more}}]\n", "a Secret as a whole: the release says nothing"),
        (PATCH + "  template:\n    spec:\n      containers:\n        - {name: proxy, image: other}\n",
         "containers: the release says server, what was rendered says"),
    ],
)  # fmt: skip
def test_a_patch_that_changes_what_answers_is_found(patch: str, word: str, tmp_path: Path, kustomize: Kustomize):
    found = told(copied(tmp_path, patch=patch), lock(), kustomize)
    assert any(line.startswith(f"llama-3.1-8b: {word}") for line in found), found


@pytest.mark.parametrize(
    "patch",
    [
        CONTAINER + "env: [{name: LOG_LEVEL, value: debug}]\n",
        PATCH + "  template:\n    spec:\n      terminationGracePeriodSeconds: 300\n",
    ],
)
def test_a_patch_that_changes_nothing_of_it_passes(patch: str, tmp_path: Path, kustomize: Kustomize):
    assert told(copied(tmp_path, patch=patch), lock(), kustomize) == []


def changed(one: Manifest, change: Callable[[dict[str, Any]], object]) -> Manifest:
    import copy

    value = copy.deepcopy(dict(one.value))
    change(value)
    return manifest(value)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda d: d["spec"].update(replicas=3), "replicas"),
        (lambda d: d["spec"].update(strategy={"type": "Recreate"}), "strategy"),
        (lambda d: d["spec"].update(strategy={}), "strategy"),
        (lambda d: d["spec"]["template"]["spec"]["containers"][0].update(image="other@sha256:" + "b" * 64), "image"),
        (lambda d: d["spec"]["template"]["spec"]["initContainers"][0].update(image="x"),
         "images that run before"),
        (lambda d: d["spec"]["template"]["spec"].pop("initContainers"), "check of the weights"),
        (lambda d: d["spec"]["template"]["spec"]["initContainers"][0].update(command=["true"]), "check of the weights"),
        (lambda d: d["metadata"]["annotations"].clear(), "release"),
        (lambda d: d["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"].pop("nvidia.com/gpu"),
         "nvidia.com/gpu"),
        (lambda d: d["metadata"]["labels"].update({"sluice.dev/model": "stranger"}), "Deployments of its server"),
    ],
)  # fmt: skip
def test_each_part_of_the_lock_is_compared(
    root: Path, change: Callable[[dict[str, Any]], object], what: str, kustomize: Kustomize
):
    asked = lock()
    manifests = render(root, asked, bundle(), kustomize)
    edited = [changed(one, change) if one.kind == "Deployment" else one for one in manifests]
    assert what in [one.what for one in differences(asked, edited)]


def test_settings_of_an_engine_that_reads_a_file_are_compared(root: Path, kustomize: Kustomize):
    asked = lock(m=VLLM)
    manifests = render(root, asked, bundle(), kustomize)

    def shorter(value: dict[str, Any]) -> None:
        if "config.yaml" in value.get("data", {}):
            value["data"]["config.yaml"] = value["data"]["config.yaml"].replace("4096", "1024")

    found = differences(asked, [changed(one, shorter) if one.kind == "ConfigMap" else one for one in manifests])
    assert [(one.what, one.locked, one.rendered) for one in found] == [("max-model-len", "4096", "1024")]
