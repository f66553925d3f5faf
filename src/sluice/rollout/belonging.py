"""Whether a cluster is the one that is meant: its context and its namespaces bear names, and none may be another's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sluice.errors import UsageError
from sluice.rollout.cluster import Cluster, Refused
from sluice.rollout.objects import Ref, Value
from sluice.rollout.release import Release

CLUSTER = "sluice.dev/cluster"
"""Annotation of a namespace: the name of its cluster, as the environment file says it."""
ENVIRONMENT = "sluice.dev/environment"
"""Label of everything that belongs to an environment."""

ANYWAY = "--any-cluster"


def refuse_foreign(cluster: Cluster, release: Release, clusters: Mapping[str, str]) -> None:
    """Raise UsageError where a cluster belongs to another environment; `clusters` are the names of all of main's.

    Two environments share a cluster where their files name the same one.
    """
    reasons = [*_context(cluster.context_name(), release, clusters), *_namespaces(cluster, release)]
    if reasons:
        raise UsageError(
            f"this is not the cluster of {release.environment}: {'; '.join(reasons)}. Name another one with "
            f"--kubeconfig and --context, or say {ANYWAY} if it is meant; environments that share a cluster have one "
            "`cluster:`"
        )


def _context(context: str, release: Release, clusters: Mapping[str, str]) -> Iterator[str]:
    own = {release.environment, clusters.get(release.environment), wanted(release)}
    for name, called in sorted(clusters.items()):
        if context in (name, called) and context not in own:
            whose = f"environment {name}" if context == name else f"the cluster of environment {name}"
            yield f"the context is {context!r}, the name of {whose}"
            return


def wanted(release: Release) -> str | None:
    """Return the name of the cluster that a release is for, None where its namespace does not say."""
    own = (value for value in release.objects if value["kind"] == "Namespace")
    return next((_annotation(value) for value in own if value["metadata"]["name"] == release.namespace), None)


def _namespaces(cluster: Cluster, release: Release) -> Iterator[str]:
    expected = wanted(release)
    for value in _known(cluster, release.namespace):
        about = value["metadata"]
        environment, called = (about.get("labels") or {}).get(ENVIRONMENT), _annotation(value)
        if environment is None:
            continue
        if about["name"] == release.namespace and environment != release.environment:
            yield f"its namespace {release.namespace} belongs to environment {environment}"
        elif expected is not None and called not in (None, expected):
            told = f"namespace {about['name']} of environment {environment}"
            yield f"it is called {called!r} ({told}), and `cluster:` of {release.environment} is {expected!r}"


def _known(cluster: Cluster, namespace: str) -> tuple[Value, ...]:
    """Return the namespaces that releases made; only our own where we may not see the others."""
    try:
        return cluster.everywhere("namespaces", ENVIRONMENT)
    except Refused as refusal:
        if refusal.reason != "Forbidden":
            raise
        own = cluster.get(Ref("", "Namespace", None, namespace))
        return () if own is None else (own,)


def _annotation(value: Value) -> str | None:
    return (value["metadata"].get("annotations") or {}).get(CLUSTER)
