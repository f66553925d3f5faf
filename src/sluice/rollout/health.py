"""Whether what was applied has become true, and if not, why: pure functions over the JSON of a namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sluice.rollout.objects import Ref, Value

State = Literal["ready", "waiting", "failed"]

WATCHED = ("Deployment", "StatefulSet", "Job", "PersistentVolumeClaim")
"""Kinds that have a health of their own."""
RESOURCES = ("deployments", "statefulsets", "jobs", "persistentvolumeclaims", "replicasets", "pods")
"""What has to be listed to judge it."""
CRASHES = 3
"""Restarts after which a container that keeps dying is no longer waited for."""

_REVISION = "deployment.kubernetes.io/revision"
_HOPELESS = ("InvalidImageName",)
_MOST_TELLING = ("CreateContainerConfigError", "CreateContainerError")


@dataclass(frozen=True, slots=True)
class Health:
    """One object: ready, on its way, or failed for good; and why, in words for the person who must act."""

    ref: Ref
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Namespace:
    """What was listed in a namespace at one moment."""

    objects: Mapping[Ref, Value]

    @classmethod
    def of(cls, values: Iterable[Value]) -> Namespace:
        """Take listed objects."""
        return cls({Ref.of(value): value for value in values})

    def of_kind(self, kind: str) -> list[Value]:
        """Return the objects of one kind."""
        return [value for ref, value in self.objects.items() if ref.kind == kind]

    def owned_by(self, owner: Value, kind: str) -> list[Value]:
        """Return the objects of a kind whose controller an object is."""
        identity = owner["metadata"].get("uid")
        return [value for value in self.of_kind(kind) if identity in _owners(value)]


def health(wanted: Value, namespace: Namespace) -> Health:
    """Judge one object that was applied; kinds without a health of their own are ready when they exist."""
    ref = Ref.of(wanted)
    live = namespace.objects.get(ref)
    if ref.kind not in WATCHED:
        return Health(ref, "ready", "")
    if live is None:
        return Health(ref, "waiting", "not there yet")
    if live["metadata"].get("deletionTimestamp"):
        return Health(ref, "waiting", "being deleted")
    state, reason = _JUDGES[ref.kind](live, namespace)
    return Health(ref, state, reason)


def _deployment(live: Value, namespace: Namespace) -> tuple[State, str]:
    status, wanted = live.get("status") or {}, _replicas(live)
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return "waiting", "not seen by its controller yet"
    sets = namespace.owned_by(live, "ReplicaSet")
    pods = [pod for one in sets if _is_newest(one, live) for pod in namespace.owned_by(one, "Pod")]
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    if updated == total == wanted == status.get("availableReplicas", 0):
        return "ready", f"{wanted} of {wanted} pods ready"
    hopeless, trouble = _trouble(pods)
    conditions = _conditions(live)
    stalled = conditions.get("Progressing", {})
    if stalled.get("reason") == "ProgressDeadlineExceeded":
        return "failed", f"no progress within its deadline: {trouble or stalled.get('message', '')}"
    if hopeless:
        return "failed", trouble
    refused = conditions.get("ReplicaFailure", {})
    if refused.get("status") == "True":
        return "waiting", f"pods cannot be made: {refused.get('message', '')}"
    ready = sum(_is_ready(pod) for pod in pods)
    leaving = f", {total - updated} old pods still there" if total > updated else ""
    return "waiting", trouble or f"{ready} of {wanted} new pods ready{leaving}"


def _stateful_set(live: Value, namespace: Namespace) -> tuple[State, str]:
    status, wanted = live.get("status") or {}, _replicas(live)
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 0):
        return "waiting", "not seen by its controller yet"
    settled = status.get("currentRevision") == status.get("updateRevision") or not wanted
    if settled and status.get("readyReplicas", 0) == wanted == status.get("replicas", 0):
        return "ready", f"{wanted} of {wanted} pods ready"
    hopeless, trouble = _trouble(namespace.owned_by(live, "Pod"))
    ready = f"{status.get('readyReplicas', 0)} of {wanted} pods ready"
    return ("failed" if hopeless else "waiting"), trouble or ready


def _job(live: Value, namespace: Namespace) -> tuple[State, str]:
    conditions = _conditions(live)
    if conditions.get("Complete", {}).get("status") == "True":
        return "ready", "complete"
    hopeless, trouble = _trouble(namespace.owned_by(live, "Pod"))
    failed = conditions.get("Failed", {})
    if failed.get("status") == "True":
        return "failed", f"the job failed: {failed.get('message') or failed.get('reason', '')}"
    if (live.get("spec") or {}).get("suspend"):
        return "waiting", "the job is suspended"
    return ("failed" if hopeless else "waiting"), trouble or "running"


def _claim(live: Value, _namespace: Namespace) -> tuple[State, str]:
    """Judge a claim: one that binds when a pod first mounts it is as ready as it can be."""
    phase = (live.get("status") or {}).get("phase", "Pending")
    if phase == "Lost":
        return "failed", "the volume behind the claim is lost"
    return "ready", "bound" if phase == "Bound" else "not bound yet: it is when a pod first mounts it"


_JUDGES = {"Deployment": _deployment, "StatefulSet": _stateful_set, "Job": _job, "PersistentVolumeClaim": _claim}


def _trouble(pods: Sequence[Value]) -> tuple[bool, str]:
    """Return whether pods are beyond hope, and the most telling reason why they are not ready."""
    found = [one for pod in pods if not _is_ready(pod) for one in _pod_troubles(pod)]
    found.sort(key=lambda one: (not one[0], one[1]))
    return (found[0][0], found[0][2]) if found else (False, "")


def _pod_troubles(pod: Value) -> Iterable[tuple[bool, int, str]]:
    """Yield (beyond hope, rank, words) for what is wrong with one pod."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    scheduled = _conditions(pod).get("PodScheduled", {})
    if scheduled.get("status") == "False":
        yield False, 3, f"pod {name} cannot be scheduled: {scheduled.get('message', '')}"
    if status.get("phase") == "Failed" and status.get("reason"):
        yield False, 2, f"pod {name} failed: {status['reason']}: {status.get('message', '')}"
    for one in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        yield from _container_troubles(name, one)


def _container_troubles(pod: str, status: Mapping[str, Any]) -> Iterable[tuple[bool, int, str]]:
    place = f"container {status.get('name')} of pod {pod}"
    waiting = (status.get("state") or {}).get("waiting") or {}
    reason, restarts = waiting.get("reason", ""), status.get("restartCount", 0)
    if reason in ("", "ContainerCreating", "PodInitializing"):
        return
    died = (status.get("lastState") or {}).get("terminated") or {}
    last = f", last with {died.get('reason')} (exit code {died.get('exitCode')})" if died else ""
    if reason == "CrashLoopBackOff":
        yield restarts >= CRASHES, 0, f"{place} keeps crashing: {restarts} restarts{last}"
    elif "Image" in reason:
        yield reason in _HOPELESS, 1, f"{place} has no image: {reason}: {waiting.get('message', '')}"
    else:
        rank = 1 if reason in _MOST_TELLING else 2
        yield False, rank, f"{place} cannot start: {reason}: {waiting.get('message', '')}"


def _replicas(live: Value) -> int:
    wanted = (live.get("spec") or {}).get("replicas")
    return 1 if wanted is None else int(wanted)


def _is_newest(replica_set: Value, deployment: Value) -> bool:
    revisions = [(one["metadata"].get("annotations") or {}).get(_REVISION) for one in (replica_set, deployment)]
    return revisions[0] == revisions[1]


def _is_ready(pod: Value) -> bool:
    if pod["metadata"].get("deletionTimestamp") or (pod.get("status") or {}).get("phase") == "Succeeded":
        return True
    return bool(_conditions(pod).get("Ready", {}).get("status") == "True")


def _conditions(value: Value) -> dict[str, Mapping[str, Any]]:
    return {one["type"]: one for one in (value.get("status") or {}).get("conditions") or ()}


def _owners(value: Value) -> list[str]:
    return [one["uid"] for one in value["metadata"].get("ownerReferences") or () if one.get("controller")]
