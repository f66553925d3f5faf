"""The commands of an operator on a real control plane, with the infra of this repository: release, rollout, status."""

import json

import pytest
from cli.conftest import repository, server, sluice  # noqa: F401 - fixtures, used by name
from cli.release_workplace import GOOD, workplace
from e2e.cluster.equipment import kubeconfig, pods
from outside_tools import outside_tool
from servers.fixtures import tgi  # noqa: F401 - a fixture that `server` uses

pytestmark = pytest.mark.slow
NAMESPACE = "sluice-staging"


@pytest.fixture
def cluster(equipped):
    return equipped(NAMESPACE)


@pytest.fixture
def place(repository, server, sluice, monkeypatch, tmp_path_factory):  # noqa: F811
    """Staging has had its first release."""
    outside_tool("kustomize")
    made = workplace(repository, sluice, monkeypatch, tmp_path_factory.mktemp("outside"))
    made.first()
    return made


@pytest.fixture
def settings(cluster, tmp_path_factory):
    """The kubeconfig of a deployer."""
    file = tmp_path_factory.mktemp("deployer") / "kubeconfig"
    file.write_text(kubeconfig(cluster))
    return file


def test_from_the_first_release_to_a_rollback(cluster, settings, place):
    def ask(verb, *words):
        options = ("--kubeconfig", str(settings), "--kubectl", str(cluster.kubectl))
        code, out, err = place.sluice(verb, "staging", *options, *words)
        return code, out, err

    code, out, err = ask("status")
    assert code == 1 and out.startswith("staging: empty"), out + err
    code, out, err = ask("rollout", "--dry-run")
    assert code == 0 and "will be made" in out, out + err
    assert cluster.ask("get", "namespace", NAMESPACE).returncode != 0, "a dry run makes nothing"

    code, out, err = ask("rollout", "--timeout", "90")
    assert code == 0 and "is healthy after" in out, out + err
    before = pods(cluster, NAMESPACE).keys()
    code, out, err = ask("status")
    assert code == 0 and out.startswith("staging: as wished"), out + err
    assert max(map(len, out.splitlines())) <= 80

    place.merge(GOOD)
    place.judge()
    assert place.release()[0] == 0
    code, out, _ = ask("status")
    assert code == 1 and out.startswith("staging: behind")
    code, out, err = ask("rollout", "--format", "json")
    assert code == 0 and json.loads(out)["healthy"], out + err
    assert pods(cluster, NAMESPACE).keys() == before, "a prompt restarts no model server"

    (name,) = [one["metadata"]["name"] for one in cluster.get("deployments", "-n", NAMESPACE)["items"]]
    cluster.ask("scale", "deployment", name, "-n", NAMESPACE, "--replicas=0")
    code, out, _ = ask("status")
    assert code == 1 and out.startswith("staging: drifted") and "spec.replicas: 0 -> 1" in out
    assert ask("rollout")[0] == 0

    assert place.sluice("rollback", "staging", "--push")[0] == 0
    assert ask("rollout")[0] == 0
    code, out, err = ask("status", "--format", "json")
    told = json.loads(out)
    assert code == 0 and told["state"] == "as wished" and told["cluster"]["healthy"]["number"] == 3, out + err
