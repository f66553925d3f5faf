"""What a namespace's JSON says about a workload: ready, waiting, failed, and the reason that a person needs."""

import pytest

from sluice.rollout.health import Namespace, health

REVISION = "deployment.kubernetes.io/revision"


def deployment(conditions=(), generation=2, observed=2, **counts):
    status = {"observedGeneration": observed, "conditions": list(conditions), **counts}
    about = {"name": "tgi", "namespace": "portal", "uid": "d", "generation": generation, "annotations": {REVISION: "2"}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": {"replicas": 1}, "status": status,
    }  # fmt: skip


def replica_set(name, revision):
    owner = {"uid": "d", "controller": True, "kind": "Deployment"}
    about = {"name": name, "namespace": "portal", "uid": name, "ownerReferences": [owner]}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {**about, "annotations": {REVISION: revision}}}


def pod(name, owner, ready=False, containers=(), **status):
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}, *status.pop("conditions", ())]
    about = {"name": name, "namespace": "portal", "uid": name, "ownerReferences": [{"uid": owner, "controller": True}]}
    told = {"conditions": conditions, "containerStatuses": list(containers), **status}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "status": told}


def waiting(why, restarts=0, message="", **last):
    state = {"waiting": {"reason": why, "message": message}}
    return {"name": "main", "restartCount": restarts, "state": state, "lastState": {"terminated": last} if last else {}}


def judged(value, *others):
    one = health(value, Namespace.of([value, *others]))
    return one.state, one.reason


SETS = (replica_set("old", "1"), replica_set("new", "2"))


def test_ready_is_only_what_the_controller_has_seen_and_finished():
    done = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    assert judged(deployment(**done)) == ("ready", "1 of 1 pods ready")
    assert judged(deployment(**done, observed=1)) == ("waiting", "not seen by its controller yet")
    assert judged(deployment(**{**done, "replicas": 2}), *SETS, pod("n", "new", ready=True)) == (
        "waiting", "1 of 1 new pods ready, 1 old pods still there",
    )  # fmt: skip
    assert health(deployment(), Namespace.of([])).reason == "not there yet"


def test_a_deadline_that_passed_fails_with_the_reason_of_the_new_pods():
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}
    stuck = deployment([late], replicas=2, updatedReplicas=1, availableReplicas=1)
    message = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    old = pod("o", "old", containers=[waiting("CrashLoopBackOff", 9)])
    state, reason = judged(stuck, *SETS, pod("n", "new", conditions=[refused]), old)
    assert state == "failed"
    assert reason == f"no progress within its deadline: pod n cannot be scheduled: {message}"
    assert judged(stuck, *SETS) == ("failed", "no progress within its deadline: late")


@pytest.mark.parametrize(
    ("container", "state", "words"),
    [
        (waiting("CrashLoopBackOff", 4, reason="OOMKilled", exitCode=137), "failed",
         "container main of pod n keeps crashing: 4 restarts, last with OOMKilled (exit code 137)"),
        (waiting("CrashLoopBackOff", 1), "waiting", "container main of pod n keeps crashing: 1 restarts"),
        (waiting("ImagePullBackOff", 0, "no such image"), "waiting",
         "container main of pod n has no image: ImagePullBackOff: no such image"),
        (waiting("InvalidImageName", 0, "bad"), "failed",
         "container main of pod n has no image: InvalidImageName: bad"),
        (waiting("CreateContainerConfigError", 0, 'configmap "b" not found'), "waiting",
         'container main of pod n cannot start: CreateContainerConfigError: configmap "b" not found'),
        (waiting("ContainerCreating"), "waiting", "0 of 1 new pods ready"),
    ],
)  # fmt: skip
def test_a_container_says_why(container, state, words):
    value = deployment(replicas=1, updatedReplicas=1)
    assert judged(value, *SETS, pod("n", "new", containers=[container])) == (state, words)


def test_pods_that_cannot_be_made_say_who_refuses():
    refused = {"type": "ReplicaFailure", "status": "True", "message": 'pods "x" is forbidden: exceeded quota: gpus'}
    state, reason = judged(deployment([refused]), *SETS)
    assert (state, reason) == ("waiting", 'pods cannot be made: pods "x" is forbidden: exceeded quota: gpus')


def job(*conditions):
    about = {"name": "weights", "namespace": "portal", "uid": "j"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "status": {"conditions": list(conditions)}}


def test_a_job_is_complete_failed_or_running():
    assert judged(job({"type": "Complete", "status": "True"})) == ("ready", "complete")
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "backoff limit"}
    assert judged(job(failed)) == ("failed", "the job failed: backoff limit")
    assert judged(job()) == ("waiting", "running")
    assert judged(job(), pod("p", "j", containers=[waiting("ErrImagePull")]))[1].startswith("container main of pod p")


def test_a_claim_waits_for_its_first_pod_and_never_for_itself():
    about = {"name": "weights", "namespace": "portal"}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": about}
    state, words = judged({**claim, "status": {"phase": "Pending"}})
    assert state == "ready" and "not bound yet" in words
    assert judged({**claim, "status": {"phase": "Lost"}})[0] == "failed"


def test_a_stateful_set_is_ready_when_every_pod_is_of_the_new_revision():
    about = {"name": "store", "namespace": "portal", "uid": "s", "generation": 1}
    value = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": about, "spec": {"replicas": 2}}
    half = {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "currentRevision": "a", "updateRevision": "b"}
    assert judged({**value, "status": half}) == ("waiting", "2 of 2 pods ready")
    assert judged({**value, "status": {**half, "currentRevision": "b"}})[0] == "ready"
    assert judged({**value, "status": {"observedGeneration": 0}})[0] == "waiting"


def test_other_kinds_are_ready_when_applied():
    assert health({"kind": "Service", "metadata": {"name": "x"}}, Namespace.of([])).state == "ready"
