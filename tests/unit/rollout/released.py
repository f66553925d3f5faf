"""Locks and copies of `infra/` for the tests of this room."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from sluice.digest import digest, digest_bytes
from sluice.release.lock import Lock, ModelLock
from sluice.schema import HubSource, Resources

ROOT = Path(__file__).resolve().parents[3]
IMAGE = "registry.example/tgi:3.3.7@sha256:" + "a" * 64

ENVIRONMENT = """description: For tests.
cluster: NAME
namespace: sluice-NAME
prompts: [answer]
accept: {engines: [tgi]}
approvers: [someone]
"""


def bundle(**prompts: bytes) -> dict[str, bytes]:
    """Return a bundle with one file for each prompt."""
    files = {f"prompt-{name}.json": data for name, data in (prompts or {"answer": b"{}\n"}).items()}
    listed = {name: {"digest": digest_bytes(data), "size": len(data)} for name, data in files.items()}
    owners = {name.removeprefix("prompt-").removesuffix(".json"): [name] for name in files}
    manifest = {"format": 1, "files": listed, "prompts": owners}
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def model_lock(**changes: Any) -> ModelLock:
    """Return a model from the hub, served by TGI on one GPU."""
    source = HubSource(hub="example/llama", revision="a" * 40)
    values: dict[str, Any] = {
        "source": source,
        "weights": digest([source.hub, source.revision]),
        "context": 4096,
        "engine": "tgi",
        "image": IMAGE,
        "arguments": {"max_total_tokens": 4096, "dtype": "bfloat16", "usage_stats": "off", "cuda_graphs": "0"},
        "resources": Resources(gpus=1, memory="24Gi", cpu="4", gpu_class="nvidia.com/gpu"),
        "replicas": 2,
        "strategy": "surge",
    }
    return ModelLock(**{**values, **changes})


def lock(files: dict[str, bytes] | None = None, environment: str = "staging", **models: ModelLock) -> Lock:
    """Return the lock of an environment that serves these models, or one."""
    held = digest_bytes((files or bundle())["manifest.json"])
    served = {name.replace("_", "-"): one for name, one in models.items()} or {"llama-3.1-8b": model_lock()}
    return Lock(environment=environment, bundle=held, prompts={}, models=served, policy=digest("policy"))


def copied(root: Path, **patches: str) -> Path:
    """Copy `infra/` to another root, with environments of tests; each patch is a file of staging's `servers/`."""
    shutil.copytree(ROOT / "infra", root / "infra")
    for overlay in (root / "infra/overlays").iterdir():
        text = ENVIRONMENT.replace("NAME", overlay.name)
        (overlay / "environment.yaml").write_text(text)
    servers = root / "infra/overlays/staging/servers"
    for name, text in patches.items():
        (servers / f"{name}.yaml").write_text(text)
        with (servers / "kustomization.yaml").open("a") as stream:
            stream.write(f"  - path: {name}.yaml\n")
    return root
