"""Rollouts on a real control plane: first, prompt only, pruning, drift."""

import pytest
from e2e.cluster.portal import Heard

from sluice.rollout.cluster import Refused
from sluice.rollout.drift import drift
from sluice.rollout.objects import Ref
from sluice.rollout.release import release

pytestmark = pytest.mark.slow


def differences(site, wanted):
    return {(one.ref.kind, one.ref.name): one for one in drift(site.cluster, wanted, site.ledger(), keep=5)}


def test_a_first_rollout_makes_everything_true(site):
    here = site(1)
    first = here.release(1)
    done = here.roll(first)
    assert done.healthy, done.failures
    assert done.seconds < 60
    assert (here.ready("tgi"), here.ready("gateway")) == (1, 2)
    assert here.names("services") == {"tgi", "gateway"}
    known = here.ledger()
    assert known.healthy.release == first.digest and known.healthy.number == 1 and known.attempt is None
    assert not here.get("lease", "sluice-rollout")["spec"].get("holderIdentity")
    again = here.roll(first)
    assert again.healthy and differences(here, first) == {}


def test_a_prompt_alone_restarts_no_model_server_and_is_mounted_by_its_hash(site):
    here = site(1)
    here.roll(here.release(1))
    before, gateways = here.pods("tgi"), here.pods("gateway")
    second = here.release(2, prompt="two")
    assert here.roll(second).healthy
    assert here.pods("tgi").keys() == before.keys()
    after = here.pods("gateway")
    assert not after.keys() & gateways.keys()
    bundle = next(value["metadata"]["name"] for value in second.objects if "prompts-" in value["metadata"]["name"])
    assert {pod["spec"]["volumes"][0]["configMap"]["name"] for pod in after.values()} == {bundle}


def test_pruning_comes_last_and_keeps_the_newest_bundles(site):
    here = site(1)
    first = here.release(1, prompt="p1")
    here.roll(first, keep=2)
    jobs = here.names("jobs")
    second = here.release(2, prompt="p2", model="m2", strategy="recreate")
    done = here.roll(second, keep=2)
    assert done.healthy and {str(one) for one in done.pruned} == {f"Job/{name}" for name in jobs}
    third = here.release(3, prompt="p3", model="m2", strategy="recreate")
    gone = {one.name for one in here.roll(third, keep=2).pruned}
    held = {value["metadata"]["name"] for value in first.objects if value["kind"] == "ConfigMap"}
    assert gone == held
    kept = {value["metadata"]["name"] for value in (*second.objects, *third.objects) if value["kind"] == "ConfigMap"}
    assert kept <= here.names("configmaps")


def test_an_earlier_release_comes_back_under_a_higher_number(site):
    here = site(1)
    first = here.release(1)
    here.roll(first)
    here.roll(here.release(2, prompt="two"))
    back = here.release(3)
    assert back.digest == first.digest
    assert here.roll(back).healthy and here.ledger().healthy.number == 3


def test_drift_is_found_named_and_mended(site):
    here = site(2)
    wanted = here.release(1)
    here.roll(wanted)
    here.tell("scale", "deployment/gateway", "--replicas=3")
    here.tell("set", "env", "deployment/tgi", "DEBUG=1")
    here.tell("delete", "service", "tgi")
    found = differences(here, wanted)
    assert {key: one.sort for key, one in found.items()} == {
        ("Deployment", "gateway"): "changed", ("Deployment", "tgi"): "added", ("Service", "tgi"): "missing",
    }  # fmt: skip
    (scaled,) = found["Deployment", "gateway"].changes
    assert (scaled.path, scaled.live, scaled.wanted) == ("spec.replicas", 3, 2)
    assert "DEBUG" in found["Deployment", "tgi"].changes[0].path
    assert any("kubectl" in name for name in found["Deployment", "tgi"].by)
    heard = Heard()
    assert here.roll(wanted, heard).healthy
    assert any("taking back what others changed" in words for words in heard.words)
    assert any("changed by hand: Deployment/tgi, by kubectl" in words for words in heard.words)
    assert differences(here, wanted) == {} and here.ready("gateway") == 2
    assert not any("env" in pod["spec"]["containers"][0] for pod in here.pods("tgi").values())


def versions(site):
    found = site.get("deployments,configmaps,services,jobs")["items"]
    return {one["metadata"]["uid"]: one["metadata"]["resourceVersion"] for one in found}


def test_a_dry_run_changes_nothing(site):
    here = site(1)
    here.roll(here.release(1))
    before = versions(here)
    found = differences(here, here.release(2, prompt="two", model="two"))
    assert {one.sort for one in found.values()} == {"missing", "changed", "left"}
    tgi = found["Deployment", "tgi"]
    assert "spec.template.spec.containers[main].image" in {one.path for one in tgi.changes}
    assert versions(here) == before


def test_what_the_cluster_does_not_know_is_refused_and_what_ran_stays(site):
    here = site(1)
    first = here.release(1)
    here.roll(first)
    unknown = {
        "apiVersion": "example.test/v1", "kind": "Unheard", "metadata": {"name": "tgi", "namespace": here.namespace},
    }  # fmt: skip
    with_unknown = release("staging", here.namespace, 2, first.digest, "c" * 40, [*first.objects, unknown])
    with pytest.raises(Refused, match="does not know Unheard"):
        here.roll(with_unknown)
    assert here.ledger().healthy.number == 1
    assert here.cluster.get(Ref("apps", "Deployment", here.namespace, "tgi")) is not None
