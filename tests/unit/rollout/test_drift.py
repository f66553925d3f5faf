"""Differences between a release and what lives: fields, missing and left objects, what others added."""

import copy

import pytest
from unit.rollout.memory import Heard, MemoryCluster, Server, become_ready, config, deployment, made

from sluice.rollout import ledger as ledgers
from sluice.rollout.apply import Settings, rollout
from sluice.rollout.drift import drift
from sluice.rollout.mounts import mounted
from sluice.rollout.objects import Change, Ref, changes
from sluice.rollout.takeover import by_hand, takeover

TGI = Ref("apps", "Deployment", "portal", "tgi")


@pytest.fixture
def server():
    server = Server(react=become_ready)
    settings = Settings(timeout=0.3, poll=0.01, lease=1)
    rollout(MemoryCluster(server=server), made(1, config("bundle-1"), deployment("tgi")), Heard(), settings)
    return server


def found(server, release):
    cluster = MemoryCluster(server=server)
    return drift(cluster, release, ledgers.read(cluster, "portal"), keep=1)


def test_nothing_differs_after_a_rollout(server):
    assert found(server, made(1, config("bundle-1"), deployment("tgi"))) == ()


def test_a_field_that_was_changed_by_hand_is_found_with_both_sides(server):
    live = server.objects[TGI] = copy.deepcopy(server.objects[TGI])
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    (one,) = found(server, made(1, config("bundle-1"), deployment("tgi")))
    assert (one.ref, one.sort) == (TGI, "changed")
    assert one.changes == (Change("spec.template.spec.containers[main].image", "other", "tgi"),)


def test_an_object_that_is_gone_and_one_that_is_left_are_found(server):
    del server.objects[TGI]
    assert [(one.ref.name, one.sort) for one in found(server, made(1, config("bundle-1"), deployment("tgi")))] == [
        ("tgi", "missing")
    ]
    new = made(2, config("bundle-2"), deployment("gateway"))
    assert [(one.ref.name, one.sort) for one in found(server, new)] == [("bundle-2", "missing"), ("gateway", "missing")]
    server.store(deployment("tgi"))
    assert ("tgi", "left") in [(one.ref.name, one.sort) for one in found(server, new)]


def test_fields_that_somebody_added_are_found_and_named(server):
    server.objects[TGI]["metadata"]["managedFields"] = [
        {"manager": "sluice", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "kube-controller-manager", "fieldsV1": {"f:spec": {"f:paused": {}}}},
        {"manager": "kubelet", "subresource": "status", "fieldsV1": {"f:status": {}}},
        {"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:template": {'k:{"name":"DEBUG"}': {".": {}}}}}},
    ]
    (one,) = found(server, made(1, config("bundle-1"), deployment("tgi")))
    assert (one.sort, one.by) == ("added", ("kubectl-edit",))
    assert one.changes[0].path == 'spec.template[{"name":"DEBUG"}]'


def test_what_people_wrote_becomes_ours_and_what_controllers_wrote_stays_theirs():
    def entry(manager, fields, **more):
        return {"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": fields, **more}

    ours = entry("sluice", {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:a": {}}}}}, operation="Apply")
    controller, scaled = entry("kube-controller-manager", {"f:status": {}}), entry("kubectl", {}, subresource="scale")
    restarted = entry("kubectl-rollout", {"f:spec": {"f:x": {}}})
    edited = entry("kubectl-edit", {"f:spec": {"f:template": {"f:spec": {"f:b": {}}}, "f:paused": {}}})
    about = {"name": "x", "resourceVersion": "7", "managedFields": [controller, ours, edited, scaled, restarted]}
    live = {"kind": "Deployment", "metadata": about}
    assert by_hand(live) == ("kubectl-edit",)
    fields, version = takeover(live)
    *rest, mine = fields["value"]
    assert rest == [controller, scaled, restarted] and version["value"] == "7"
    assert (mine["manager"], mine["operation"]) == ("sluice", "Apply")
    both = {"f:a": {}, "f:b": {}}
    assert mine["fieldsV1"] == {"f:spec": {"f:replicas": {}, "f:paused": {}, "f:template": {"f:spec": both}}}
    assert by_hand({**live, "metadata": {**about, "managedFields": fields["value"]}}) == ()


def test_one_refused_object_does_not_hide_the_others(server):
    live = server.objects[TGI] = copy.deepcopy(server.objects[TGI])
    live["spec"]["replicas"] = 5

    def refusing(words, data):
        held = words[0] == "apply" and any(one["kind"] == "ConfigMap" for one in data["items"])
        return "Error from server (Invalid): field is immutable" if held else None

    server.refuse = refusing
    names = {one.ref.name for one in found(server, made(1, config("bundle-1"), deployment("tgi")))}
    assert "tgi" in names


def test_secrets_show_that_they_differ_and_nothing_else():
    about = {"name": "token", "namespace": "portal"}
    before = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": {"key": "b2xk"}}
    assert changes(before, {**before, "data": {"key": "bmV3"}}) == (Change("data.key", "(hidden)", "(hidden)"),)


def test_bookkeeping_is_no_difference_and_lists_are_compared_by_name():
    one = deployment("tgi")
    other = copy.deepcopy(one)
    other["metadata"] |= {"uid": "1", "generation": 4, "annotations": {"deployment.kubernetes.io/revision": "3"}}
    other["status"] = {"replicas": 1}
    assert changes(one, other) == ()
    containers = other["spec"]["template"]["spec"]["containers"]
    containers.insert(0, {"name": "side", "image": "x"})
    (only,) = changes(one, other)
    assert (only.path, only.live) == ("spec.template.spec.containers[side]", None)


def test_whatever_a_pod_refers_to_is_found():
    spec = {
        "volumes": [
            {"configMap": {"name": "a"}},
            {"secret": {"secretName": "b"}},
            {"projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "d"}}]}},
        ],
        "containers": [{"envFrom": [{"configMapRef": {"name": "e"}}],
                        "env": [{"valueFrom": {"secretKeyRef": {"name": "f", "key": "x"}}}]}],
    }  # fmt: skip
    kinds = {
        ("ConfigMap", "a"),
        ("Secret", "b"),
        ("ConfigMap", "c"),
        ("Secret", "d"),
        ("ConfigMap", "e"),
        ("Secret", "f"),
    }
    assert mounted([{"kind": "Pod", "spec": spec}]) == kinds
    idle = {"kind": "ReplicaSet", "spec": {"replicas": 0, "template": {"spec": spec}}}
    assert mounted([idle]) == frozenset()
    assert mounted([{**idle, "spec": {**idle["spec"], "replicas": 1}}]) == kinds
