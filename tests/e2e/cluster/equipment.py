"""What a cluster has before infra's first release: custom resources, a deployer's rights, GPUs, volumes for weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from e2e.cluster.plane import Plane
from outside_tools import ROOT

DEPLOYER = "deployer"
RIGHTS = ROOT / "infra/gitops/rights"
SERVER = "model-server"


def definitions() -> list[Path]:
    """The files of the custom resources that infra names."""
    return sorted((ROOT / ".cache/tools/crds").glob("monitoring*.yaml"))


def equip(plane: Plane, namespaces: Sequence[str]) -> None:
    """Make all of it; for each namespace a node with one GPU, and a volume."""
    for file in definitions():
        _told(plane, "apply", "--server-side", "-f", str(file))
    _told(plane, "apply", "--server-side", "-k", str(RIGHTS))
    binding = ("clusterrolebinding", DEPLOYER, "--clusterrole=sluice-deployer", f"--user={DEPLOYER}")
    _told(plane, "create", *binding)
    for name in namespaces:
        for left in (f"namespace/{name}", f"pv/{name}"):  # of a test before this one; removal takes its time
            plane.ask("wait", "--for=delete", left, "--timeout=120s")
        plane.add_node(name, 1)
        _told(plane, "create", "-f", "-", data=_volume(name))


def clear(plane: Plane, namespaces: Sequence[str]) -> None:
    """Remove what was made; the definitions and the rights stay."""
    plane.ask("delete", "clusterrolebinding", DEPLOYER, "--wait=false")
    for name in namespaces:
        for kind in ("namespace", "pv", "node"):
            plane.ask("delete", kind, name, "--ignore-not-found", "--wait=false")


def kubeconfig(plane: Plane, *contexts: str) -> str:
    """Settings of somebody who has the rights of a deployer and no others, with contexts of these names."""
    settings = json.loads(plane.kubeconfig.read_text())
    settings["users"][0]["user"]["as"] = DEPLOYER
    [own] = settings["contexts"]
    settings["contexts"] += [{**own, "name": name} for name in contexts]
    return json.dumps(settings)


def programs(plane: Plane, directory: Path) -> Path:
    """Put the plane's kubectl into a directory of its own."""
    (directory / "kubectl").symlink_to(plane.kubectl)
    return directory


def pods(plane: Plane, namespace: str, app: str = SERVER) -> dict[str, Any]:
    """Uid -> pod of an application, those being deleted left out."""
    found = plane.get("pods", "-n", namespace, "-l", f"app.kubernetes.io/name={app}")["items"]
    return {one["metadata"]["uid"]: one for one in found if not one["metadata"].get("deletionTimestamp")}


def _volume(name: str) -> dict[str, Any]:
    spec = {"capacity": {"storage": "1Ti"}, "accessModes": ["ReadWriteMany"], "hostPath": {"path": "/weights"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def _told(plane: Plane, *words: str, data: Any = None) -> None:
    done = plane.ask(*words, data=data)
    assert done.returncode == 0, done.stderr
