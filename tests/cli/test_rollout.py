"""`sluice rollout` and `sluice status` through the front door, with an API server in memory behind kubectl."""

import json
import subprocess

import pytest
import yaml
from miniature import git
from unit.release.records import TIME, bundle, record
from unit.rollout.memory import NAMESPACE, MemoryCluster, Server, become_ready, config, deployment

from sluice.cli import clusters
from sluice.release.message import message
from sluice.rollout import branch as deploy
from sluice.rollout.cluster import Cluster
from sluice.rollout.objects import Ref

TGI = Ref("apps", "Deployment", "portal", "tgi")


@pytest.fixture
def api(monkeypatch):
    """The API server that every kubectl talks to; a release verifies unless a test says otherwise."""
    server = Server(react=become_ready)

    def run(_self, words, data):
        if words[0] == "config":
            return subprocess.CompletedProcess(words, 0, "https://cluster.test:6443", "")
        return MemoryCluster(server=server)._run(words, data)

    monkeypatch.setattr(Cluster, "_run", run)
    for module in ("rollout", "status"):
        monkeypatch.setattr(f"sluice.cli.{module}.problems_of", lambda _root, _deployed: ())
    return server


@pytest.fixture
def released(repository):
    """Commit a release of these objects to deploy/staging."""

    def make(number, *objects):
        told = record(number)
        files = {
            deploy.manifest_name(index, value["kind"], value["metadata"]["name"]): yaml.safe_dump(value).encode()
            for index, value in enumerate(objects if objects[0]["kind"] == "Namespace" else (NAMESPACE, *objects))
        }
        parent = deploy.head(repository, "staging")
        commit = deploy.commit_release(
            repository, parent, deploy.contents(told, bundle(), files, None), TIME, message(told)
        )
        deploy.keep(repository, "staging", commit, parent)

    return make


def test_where_nothing_was_released_it_says_so(repository, api, sluice):
    for verb in ("rollout", "status"):
        code, _, err = sluice(verb, "staging")
        assert code == 2 and "nothing was released to 'staging' yet" in err


def test_a_rollout_makes_the_branch_true_and_status_agrees(released, api, sluice):
    released(1, config("bundle-1"), deployment("tgi"))
    code, out, err = sluice("rollout", "staging", "--dry-run")
    assert code == 0 and "Deployment/tgi will be made" in out and TGI not in api.objects, err
    assert sluice("status", "staging")[1].startswith("staging: empty")
    code, out, err = sluice("rollout", "staging")
    assert code == 0 and "release 1" in out and "is healthy after" in out, err
    assert "1 of 1 ready" in err
    code, out, err = sluice("status", "staging")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "staging: as wished" and max(map(len, lines)) <= 80
    assert any(line.startswith("evidence") and "answer: first" in line for line in lines)
    assert "https://cluster.test:6443, namespace portal" in out
    assert "would change" in sluice("rollout", "staging", "--dry-run")[1]


def test_drift_and_a_newer_release_are_exit_1(released, api, sluice):
    released(1, deployment("tgi"))
    sluice("rollout", "staging")
    api.objects[TGI]["spec"]["replicas"] = 4
    code, out, _ = sluice("status", "staging")
    assert code == 1 and out.startswith("staging: drifted") and "spec.replicas: 4 -> 1" in out
    sluice("rollout", "staging")
    released(2, deployment("tgi", "two"))
    code, out, _ = sluice("status", "staging")
    assert code == 1 and out.startswith("staging: behind")
    code, out, _ = sluice("rollout", "staging", "--dry-run", "--format", "json")
    (change,) = json.loads(out)["changes"]
    assert (change["object"], change["sort"]) == ("Deployment/tgi", "changed")


def test_what_fails_is_turned_back_with_exit_1_and_status_tells(released, api, sluice):
    released(1, deployment("tgi"))
    sluice("rollout", "staging")

    def stuck(value):
        become_ready(value)
        if "two" in str(value.get("spec")):
            value["status"]["updatedReplicas"] = 0

    api.react = stuck
    released(2, deployment("tgi", "two"))
    code, out, _ = sluice("rollout", "staging", "--timeout", "0.2")
    assert code == 1 and "did not become healthy" in out and "release 1 runs again" in out
    code, out, _ = sluice("status", "staging", "--format", "json")
    told = json.loads(out)
    assert code == 1 and told["state"] == "failed"
    assert told["cluster"]["healthy"]["number"] == 1 and "not ready in time" in told["cluster"]["attempt"]["failure"]


def test_what_does_not_verify_is_not_rolled_out(released, api, sluice, monkeypatch):
    monkeypatch.setattr("sluice.cli.rollout.problems_of", lambda _root, _deployed: ("it is not signed",))
    released(1, deployment("tgi"))
    code, _, err = sluice("rollout", "staging")
    assert code == 1 and "does not verify: it is not signed" in err and TGI not in api.objects
    code, _, err = sluice("rollout", "staging", "--unverified")
    assert code == 0 and "does not verify" in err and TGI in api.objects


def test_this_release_does_not_verify_for_true_reasons(released, repository):
    released(1, deployment("tgi"))
    found = clusters.problems_of(repository, deploy.read(repository, "staging"))
    assert found, "nobody signed it, and there is no evidence"


def test_manifests_that_cannot_be_one_release_are_told(released, api, sluice, repository):
    released(1, deployment("tgi"), {**config("x"), "metadata": {"name": "x", "namespace": "elsewhere"}})
    code, _, err = sluice("rollout", "staging")
    assert code == 4 and "belong to one namespace, and name elsewhere, portal" in err


def test_another_ones_cluster_is_refused_and_may_be_meant(released, api, sluice):
    released(1, deployment("tgi"))
    labels = {"sluice.dev/environment": "production"}
    other = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "live", "labels": labels}}
    other["metadata"]["annotations"] = {"sluice.dev/cluster": "live-eu"}
    api.objects[Ref.of(other)] = other
    own = {**NAMESPACE, "metadata": {"name": "portal", "annotations": {"sluice.dev/cluster": "staging"}}}
    released(2, own, deployment("tgi"))
    for words in (("rollout",), ("rollout", "--dry-run"), ("status",)):
        code, out, err = sluice(words[0], "staging", *words[1:])
        assert code == 2 and "this is not the cluster of staging: it is called 'live-eu'" in err, out
    assert TGI not in api.objects
    code, _, err = sluice("rollout", "staging", "--any-cluster")
    assert code == 0 and TGI in api.objects, err


def test_an_example_of_the_template_is_never_rolled_out(released, api, sluice):
    prompt = config("bundle-1", text="write to your-org/your-repository")
    env = [{"name": "WEIGHTS_URL", "value": "https://api.github.com/repos/your-org/your-repository/git/blobs"}]
    released(1, prompt, deployment("tgi", env=env))
    for words in (("--dry-run",), ("--unverified",)):
        code, out, err = sluice("rollout", "staging", *words)
        assert code == 3 and TGI not in api.objects
        told = [line for line in (out + err).splitlines() if "placeholder-left" in line]
        (line,) = told
        assert line.startswith("deploy/staging:manifests/") and "OWNER/NAME of your repository" in line


def test_usage(repository, sluice):
    assert sluice("rollout", "staging", "--timeout", "soon")[0] == 2
    assert sluice("rollout", "staging", "--timeout", "0")[0] == 2
    assert git(repository, "status", "--porcelain") == ""
