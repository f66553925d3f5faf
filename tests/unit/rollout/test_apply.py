"""The order of a rollout, what is pruned and kept, turning back, and refusals: against an API server in memory."""

import contextlib

import pytest
from unit.rollout.memory import NAMESPACE, Heard, MemoryCluster, Server, become_ready, config, deployment, made

from sluice.errors import CannotJudge, UsageError
from sluice.rollout import ledger as ledgers
from sluice.rollout.apply import MARGIN, Settings, rollout, time_limit
from sluice.rollout.objects import Ref
from sluice.rollout.release import release

FAST = Settings(timeout=0.3, poll=0.01, lease=1, keep=2)
TGI = Ref("apps", "Deployment", "portal", "tgi")


@pytest.fixture
def server():
    return Server(react=become_ready)


def roll(server, number, *objects, settings=FAST, heard=None):
    return rollout(MemoryCluster(server=server, patience=0.2), made(number, *objects), heard or Heard(), settings)


def ledger(server):
    return ledgers.read(MemoryCluster(server=server), "portal")


def image(server):
    return server.objects[TGI]["spec"]["template"]["spec"]["containers"][0]["image"]


def breaking(image_name):
    """Controllers for which one image never becomes ready."""

    def react(value):
        if value["kind"] == "Deployment" and image_name in str(value["spec"]):
            value["metadata"]["generation"] = 1
            value["status"] = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}
        else:
            become_ready(value)

    return react


def test_a_first_rollout_makes_everything_true_and_remembers_it(server):
    done = roll(server, 1, config("bundle-a"), deployment("tgi"))
    assert done.healthy and done.pruned == ()
    assert server.names("Deployment") == {"tgi"}
    known = ledger(server)
    assert known.healthy.number == 1 and known.attempt is None
    assert [one["kind"] for one in known.restorable] == ["Namespace", "Deployment"]
    assert (
        server.objects[Ref("coordination.k8s.io", "Lease", "portal", "sluice-rollout")]["spec"].get("holderIdentity")
        is None
    )


def test_what_starts_pods_comes_after_what_it_needs(server):
    job = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "weights", "namespace": "portal"}, "spec": {},
    }  # fmt: skip
    applied = []
    server.refuse = lambda words, data: applied.append(data) if words[0] == "apply" else None
    roll(server, 1, config("bundle-a"), job, deployment("tgi"), deployment("gateway"))
    kinds = [[one["kind"] for one in data["items"]] for data in applied if len(data["items"]) > 0]
    assert kinds == [
        ["Namespace"], ["ConfigMap"], ["Namespace", "ConfigMap"], ["Job"], ["Deployment", "Deployment"], ["ConfigMap"],
    ]  # fmt: skip


def test_pruning_comes_last_and_keeps_bundles_of_recent_releases(server):
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "old", "namespace": "portal"}, "spec": {}}
    roll(server, 1, config("bundle-1"), service, deployment("tgi"))
    assert roll(server, 2, config("bundle-2"), deployment("tgi")).pruned == (Ref.of(service),)
    assert server.names("ConfigMap") == {"bundle-1", "bundle-2", "sluice-rollout"}
    done = roll(server, 3, config("bundle-3"), deployment("tgi"))
    assert [one.name for one in done.pruned] == ["bundle-1"]
    verbs = [words[0] for words in server.calls if words[0] in ("apply", "delete")]
    assert verbs[-2:] == ["delete", "apply"], "only the ledger is written after pruning"


def test_claims_and_what_belongs_to_no_namespace_stay(server):
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "w", "namespace": "portal"}}
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "models"}}
    roll(server, 1, claim, priority, deployment("tgi"))
    assert roll(server, 2, deployment("tgi")).pruned == ()
    assert {Ref.of(claim), Ref.of(priority)} <= set(server.objects)


def test_a_bundle_that_a_pod_still_mounts_stays(server):
    roll(server, 1, config("bundle-1"), deployment("tgi"))
    roll(server, 2, config("bundle-2"), deployment("tgi"))
    volume = {"name": "bundle", "configMap": {"name": "bundle-1"}}
    server.store(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "slow", "namespace": "portal"},
            "spec": {"volumes": [volume]},
        }
    )
    assert roll(server, 3, config("bundle-3"), deployment("tgi")).pruned == ()
    assert "bundle-1" in server.names("ConfigMap")


def test_what_never_gets_ready_is_turned_back(server):
    roll(server, 1, config("bundle-1"), deployment("tgi", "good"))
    server.react = breaking("bad")
    heard = Heard()
    done = roll(server, 2, config("bundle-2"), deployment("tgi", "bad"), heard=heard)
    assert not done.healthy and done.turned_back == "release 1"
    assert done.failures[0].ref == TGI and "not ready in time" in done.failures[0].reason
    assert image(server) == "good"
    known = ledger(server)
    assert known.healthy.number == 1 and known.attempt.number == 2 and "not ready in time" in known.attempt.failure
    assert {"bundle-1", "bundle-2"} <= server.names("ConfigMap")
    assert any(words.startswith("turning back to release 1") for words in heard.words)
    server.react = become_ready
    assert roll(server, 3, config("bundle-2"), deployment("tgi", "better")).healthy


def test_a_first_release_that_fails_stays_to_be_looked_at(server):
    server.react = breaking("bad")
    done = roll(server, 1, deployment("tgi", "bad"))
    assert not done.healthy and done.turned_back is None and image(server) == "bad"
    assert ledger(server).healthy is None


def test_turning_back_that_fails_too_says_both(server):
    roll(server, 1, deployment("tgi", "good"))
    server.react = breaking("image")
    with pytest.raises(CannotJudge, match=r"release 2 failed .* release 1 did not come back either"):
        roll(server, 2, deployment("tgi", "worse"))


def test_an_older_number_and_another_environment_are_refused(server):
    roll(server, 4, deployment("tgi"))
    with pytest.raises(CannotJudge, match="met release 4 already"):
        roll(server, 3, deployment("tgi"))
    other = release("production", "portal", 9, f"sha256:{9:064x}", "c" * 40, [NAMESPACE])
    with pytest.raises(CannotJudge, match="belongs to environment staging"):
        rollout(MemoryCluster(server=server), other, Heard(), FAST)


def test_a_namespace_that_nobody_brings_is_refused(server):
    lonely = release("staging", "portal", 1, f"sha256:{1:064x}", "c" * 40, [deployment("tgi")])
    with pytest.raises(CannotJudge, match="no namespace portal"):
        rollout(MemoryCluster(server=server), lonely, Heard(), FAST)


def test_a_killed_rollout_goes_on_from_every_request(server):
    """The machine dies at each request in turn; the next run ends where an undisturbed one would."""

    class Killed(BaseException):
        pass

    roll(server, 1, config("bundle-1"), deployment("tgi", "one"))
    plain = Server(react=become_ready)
    for number in (1, 2):
        roll(plain, number, config(f"bundle-{number}"), deployment("tgi", "one" if number == 1 else "two"))
    writes = 0
    for at in range(1, 12):
        count = 0

        def die(words, _data, at=at):
            nonlocal count, writes
            count += words[0] in ("apply", "create", "replace", "delete")
            writes = max(writes, count)
            if count == at and words[0] != "get":
                raise Killed

        fresh = Server(react=become_ready)
        roll(fresh, 1, config("bundle-1"), deployment("tgi", "one"))
        fresh.refuse = die
        with contextlib.suppress(Killed):
            roll(fresh, 2, config("bundle-2"), deployment("tgi", "two"))
        fresh.refuse = lambda _words, _data: None
        assert roll(fresh, 2, config("bundle-2"), deployment("tgi", "two")).healthy
        assert image(fresh) == "two" and set(fresh.objects) == set(plain.objects)
        assert ledger(fresh).kept == ledger(plain).kept and ledger(fresh).attempt is None
    assert writes >= 5


def test_others_changes_are_taken_back_and_said(server):
    def conflicted(words, _data):
        forced = "--force-conflicts" in words
        return (
            None if words[0] != "apply" or forced else "error: Apply failed with 1 conflict: conflict with kubectl-edit"
        )

    server.store(NAMESPACE)
    server.refuse, heard = conflicted, Heard()
    assert roll(server, 1, deployment("tgi"), heard=heard).healthy
    assert "taking back what others changed" in heard.words[0] and "kubectl-edit" in heard.words[0]


def test_an_unreadable_ledger_is_no_reason_to_prune(server):
    roll(server, 1, deployment("tgi"))
    server.objects[Ref("", "ConfigMap", "portal", "sluice-rollout")]["data"]["ledger.json"] = '{"format": 2}'
    with pytest.raises(CannotJudge, match="not what a rollout writes"):
        roll(server, 2, deployment("tgi"))


def test_the_time_limit_is_what_the_manifests_say():
    slow, quick = deployment("tgi", progressDeadlineSeconds=1800), deployment("gateway")
    assert time_limit([slow, quick]) == 1800 + MARGIN
    assert time_limit([quick]) == 600 + MARGIN
    assert time_limit([config("bundle")]) == MARGIN


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ([{"kind": "List"}], "no Kubernetes objects"),
        ([config("a"), config("a")], "ConfigMap/a twice"),
        ([{**NAMESPACE, "metadata": {"name": "x", "namespace": "other"}}], "belongs to namespace portal"),
    ],
)
def test_objects_that_are_no_release_are_refused(objects, words):
    with pytest.raises(UsageError, match=words):
        release("staging", "portal", 1, f"sha256:{1:064x}", "c" * 40, objects)
