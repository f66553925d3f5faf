"""An eval in parts on a real API server: every pod has its index, restricted pods are let in, the join waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from e2e.cluster import equipment
from e2e.cluster.plane import Plane
from outside_tools import ROOT

pytestmark = pytest.mark.slow
NAMESPACE = "sluice-staging"
APP = "eval"
ACCOUNT = {
    "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "model-server", "namespace": NAMESPACE},
}  # fmt: skip


@pytest.fixture
def cluster(equipped: Callable[..., Plane]) -> Plane:
    """A namespace like that of an environment: restricted, with the servers' account."""
    plane = equipped(NAMESPACE)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
    for one in (namespace, ACCOUNT):
        done = plane.ask("apply", "-f", "-", data=one)
        assert done.returncode == 0, done.stderr
    return plane


def wait(holds: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 120
    while not (found := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found


def job(plane: Plane, name: str) -> dict[str, Any]:
    return dict(plane.get("job", name, "-n", NAMESPACE))


def complete(plane: Plane, name: str) -> bool:
    conditions = job(plane, name).get("status", {}).get("conditions", ())
    return any(one["type"] == "Complete" and one["status"] == "True" for one in conditions)


def test_each_pod_has_its_part_and_the_join_waits_to_be_started(cluster: Plane):
    done = cluster.ask("apply", "-k", str(ROOT / "infra/evals"))
    assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr
    parts = job(cluster, "eval-shards")["spec"]["completions"]
    wait(lambda: complete(cluster, "eval-shards"), "the parts did not complete")
    pods = list(equipment.pods(cluster, NAMESPACE, APP).values())
    assert {one["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] for one in pods} == {
        str(index) for index in range(parts)
    }
    for one in pods:
        [box] = one["spec"]["containers"]
        sources = {each["name"]: each.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath") for each in box["env"]}
        assert "completion-index" in sources["JOB_COMPLETION_INDEX"], "the controller tells each pod its index"
        assert "completion-index" in sources["INDEX"]
    assert job(cluster, "eval-shards")["status"]["completedIndexes"] == f"0-{parts - 1}"
    assert not complete(cluster, "eval-join") and len(pods) == parts, "the join has no pod yet"
    patch = ("patch", "job", "eval-join", "-n", NAMESPACE, "--type=merge", "--patch", '{"spec": {"suspend": false}}')
    assert cluster.ask(*patch).returncode == 0
    wait(lambda: complete(cluster, "eval-join"), "the join did not complete")
