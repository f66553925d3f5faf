"""What makes a pod one of the restricted level, for every test that renders pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def containers(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def restricted(pod: Mapping[str, Any]) -> Iterator[str]:
    """Yield what breaks the restricted level (kubernetes.io, Pod Security Standards), for pods on Linux."""
    about = pod.get("securityContext", {})
    yield from (f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key))
    yield from (f"volume {one['name']} is a hostPath" for one in pod.get("volumes", ()) if "hostPath" in one)
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    yield from (f"volume {one['name']}" for one in pod.get("volumes", ()) if not set(one) - {"name"} <= allowed)
    for one in containers(pod):
        own = one.get("securityContext", {})
        if {**about, **own}.get("runAsNonRoot") is not True or not {**about, **own}.get("runAsUser"):
            yield f"{one['name']} may run as root"
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            yield f"{one['name']} may gain rights"
        if own.get("capabilities", {}).get("drop") != ["ALL"] or own["capabilities"].get("add"):
            yield f"{one['name']} keeps capabilities"
        if {**about, **own}.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{one['name']} may make any system call"
        yield from (f"{one['name']} takes a port of its host" for port in one.get("ports", ()) if "hostPort" in port)
