"""release.yml, promote.yml and drift.yml, played by act on a real control plane: what they say, the pods do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.act.conftest import bench, model  # noqa: F401 - fixtures, used by name
from e2e.act.releasing import (
    BETTER,
    ENVIRONMENTS,
    WORSE,
    after_judging,
    environment,
    judged,
    judged_first,
    prepared,
    releases,
    releasing_floor,
    started,
)  # fmt: skip
from e2e.act.workbench import Workbench, git, sluice
from e2e.cluster.equipment import SERVER, kubeconfig, pods
from e2e.cluster.plane import Plane
from miniature import MODEL, edit_prompt, write
from outside_tools import outside_tool
from servers.tgi import TgiServer

pytestmark = pytest.mark.slow

NAMESPACES = {name: f"workflows-{name}" for name in ENVIRONMENTS}
STAGING, PRODUCTION = NAMESPACES.values()
SERVERS = "infra/overlays/{}/servers/kustomization.yaml"
READER, BUNDLE = "reader", "prompt-bundle"
IS_A_SERVER = f"app.kubernetes.io/name={SERVER}"
LOCKED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
BY_THE_STAND_IN = {"SLUICE_ENDPOINT": ""}


def reader() -> dict[str, Any]:
    """A workload that mounts the prompt bundle, as the gateway will."""
    labels = {"app.kubernetes.io/name": READER}
    container = {
        "name": READER, "image": "registry.example/reader:1", "securityContext": LOCKED,
        "volumeMounts": [{"name": BUNDLE, "mountPath": "/prompts", "readOnly": True}],
    }  # fmt: skip
    secure = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container], "securityContext": secure}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": READER, "labels": {"sluice.dev/reads": BUNDLE}},
        "spec": {"selector": {"matchLabels": labels}, "template": pod},
    }  # fmt: skip


def patch_servers(root: Path, name: str, *operations: dict[str, Any]) -> None:
    """Let an environment's overlay change its model servers."""
    kustomization = yaml.safe_load((root / SERVERS.format(name)).read_text())
    kustomization["patches"].append({"target": {"kind": "Deployment"}, "patch": yaml.safe_dump(list(operations))})
    write(root, SERVERS.format(name), kustomization)


def floor(root: Path) -> None:
    """Main is judged by a stand-in, which only staging accepts; production asks for a run of staging's own server."""
    releasing_floor(root)
    served = yaml.safe_load((root / "models/served.yaml").read_text())
    write(root, "models/served.yaml", {**served, "stand_in": "small"})
    small = {**MODEL["serving"], "image": "example.test/tgi@sha256:" + "b" * 64}
    write(root, "models/small.yaml", {**MODEL, "serving": small})
    for name in ENVIRONMENTS:
        accept = {"engines": ["tgi"], "stand_ins": name == "staging"}
        here = {**environment(name), "cluster": "plane", "namespace": NAMESPACES[name], "accept": accept}
        write(root, f"infra/overlays/{name}/environment.yaml", here)
        patch_servers(root, name, {"op": "replace", "path": "/spec/minReadySeconds", "value": 0})
        overlay = root / f"infra/overlays/{name}/kustomization.yaml"
        kustomization = yaml.safe_load(overlay.read_text())
        kustomization["resources"].append("reader.yaml")
        write(root, f"infra/overlays/{name}/kustomization.yaml", kustomization)
        write(root, f"infra/overlays/{name}/reader.yaml", reader())


def never_ready(root: Path) -> None:
    """Back to the better prompt, with an overlay of staging whose model servers never become ready."""
    edit_prompt(root, BETTER)
    patch_servers(
        root,
        "staging",
        {"op": "add", "path": "/spec/template/metadata/annotations/sluice.test~1pods", "value": "never-ready"},
        {"op": "replace", "path": "/spec/progressDeadlineSeconds", "value": 5},
    )


@pytest.fixture
def cluster(equipped: Callable[..., Plane]) -> Plane:
    return equipped(*NAMESPACES.values())


@pytest.fixture
def work(
    bench: Callable[..., Workbench],  # noqa: F811
    model: TgiServer,  # noqa: F811
    cluster: Plane,
    programs: Path,
) -> Workbench:
    """A repository whose first commit main has judged by the stand-in; `model` is staging's own server."""
    outside_tool("kustomize")
    made = prepared(bench(floor), model.url)
    made.programs.append(programs)
    made.environment["SLUICE_ENDPOINT_SMALL"] = model.url
    made.variables["SLUICE_ROLLOUT"] = "push"
    made.secrets["SLUICE_KUBECONFIG"] = kubeconfig(cluster, *ENVIRONMENTS)
    judged_first(made, variables=BY_THE_STAND_IN)
    return made


class Person:
    """Somebody with a clone, the signing key and the rights of a deployer."""

    def __init__(self, work: Workbench, cluster: Plane) -> None:
        self.clone, self.key = work.place / "person", work.secrets["SLUICE_EVIDENCE_KEY"]
        git(work.place, "clone", "--quiet", str(work.git_directory), str(self.clone))
        (work.place / "kubeconfig").write_text(work.secrets["SLUICE_KUBECONFIG"])
        self.reach = ("--kubeconfig", str(work.place / "kubeconfig"), "--kubectl", str(cluster.kubectl))

    def ask(self, *words: str) -> tuple[int, str]:
        """Run a command in the clone; return the exit code and what was said."""
        git(self.clone, "fetch", "--quiet")
        done = sluice(self.clone, *words, SLUICE_EVIDENCE_KEY=self.key)
        return done.returncode, done.stdout + done.stderr

    def standing(self, name: str) -> tuple[int, str, int]:
        """What `sluice status` says: exit code, state, the number of the healthy release."""
        git(self.clone, "fetch", "--quiet")
        done = sluice(self.clone, "status", name, *self.reach, "--format", "json")
        told = json.loads(done.stdout)
        return done.returncode, told["state"], told["cluster"]["healthy"]["number"]


def mounts(cluster: Plane, namespace: str) -> set[str]:
    """The names of the bundles that the readers' pods mount."""
    volumes = [volume for pod in pods(cluster, namespace, READER).values() for volume in pod["spec"]["volumes"]]
    sources = [one for volume in volumes if volume["name"] == BUNDLE for one in volume["projected"]["sources"]]
    return {one["configMap"]["name"] for one in sources}


def merged(work: Workbench, edit: Callable[[Path], None], result: str = "success") -> None:
    """Bring an edit to main, and let main judge it."""
    before = work.sha("main")
    judged(work, before, work.on_main(edit), result, variables=BY_THE_STAND_IN)


def ready(cluster: Plane, namespace: str) -> set[str]:
    """The uids of the model server's pods that are ready."""
    return {
        uid
        for uid, pod in pods(cluster, namespace).items()
        if any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"]["conditions"])
    }


def first_releases(work: Workbench, cluster: Plane, person: Person) -> None:
    """Staging by the stand-in's evidence; production only by that of staging's own server."""
    code, told = person.ask("release", "production", "--dry-run", "--first-by", "octocat")
    assert code == 4 and "no run of exactly this is recorded" in told
    first = started(work, "release.yml")
    assert first.results == dict.fromkeys(("release", "rollout", "smoke", "record"), "success"), first.log
    assert "is healthy after" in first.jobs["rollout"].summary
    assert len(ready(cluster, STAGING)) == 1 and pods(cluster, PRODUCTION) == {}
    promoted = started(work, "promote.yml")
    assert promoted.results == dict.fromkeys(("plan", "approve", "release", "rollout"), "success"), promoted.log
    assert len(ready(cluster, PRODUCTION)) == 1


def a_prompt(work: Workbench, cluster: Plane) -> None:
    """Only what reads the bundle starts anew, with the new one."""
    before, bundle = pods(cluster, STAGING).keys(), mounts(cluster, STAGING)
    merged(work, lambda tree: edit_prompt(tree, BETTER))
    done = after_judging(work)
    assert done.results == dict.fromkeys(("release", "rollout", "smoke", "record"), "success"), done.log
    assert pods(cluster, STAGING).keys() == before, "a prompt restarts no model server"
    [name] = mounts(cluster, STAGING)
    assert name not in bundle and mounts(cluster, PRODUCTION) == bundle
    digests = cluster.get("configmap", name, "-n", STAGING)["data"]["manifest.json"]
    assert digests == git(work.git_directory, "show", "deploy/staging:bundle/manifest.json")


def a_loss(work: Workbench, cluster: Plane, person: Person) -> None:
    """Nothing is released, and what runs stays."""
    before = pods(cluster, STAGING).keys()
    merged(work, lambda tree: edit_prompt(tree, WORSE), "failure")
    done = after_judging(work)
    assert done.results == {"release": "failure"} and "which staging runs now: fail" in done.log
    assert releases(work, "staging") == ["2", "1"] and pods(cluster, STAGING).keys() == before
    assert person.standing("staging") == (0, "as wished", 2)


def a_failed_rollout(work: Workbench, cluster: Plane, person: Person) -> None:
    """Red with the reason; what ran before runs again, until a person turns Git back too."""
    work.on_main(never_ready)
    done = after_judging(work)
    assert done.results == {"release": "success", "rollout": "failure"}, done.log
    told = done.jobs["rollout"].summary
    assert "no progress within its deadline" in told and "release 2" in told
    assert len(ready(cluster, STAGING)) == len(pods(cluster, STAGING)) == 1
    assert person.standing("staging") == (1, "failed", 2)
    assert person.ask("rollback", "staging", "--to", "2", "--push")[0] == 0
    code, told = person.ask("rollout", "staging", *person.reach)
    assert code == 0, told
    assert person.standing("staging") == (0, "as wished", 4)
    assert person.standing("production") == (0, "as wished", 1)


def drift(work: Workbench, cluster: Plane) -> None:
    """Green while nothing differs; red, with the field, once somebody scaled a server by hand."""
    green = started(work, "drift.yml")
    assert green.code == 0 and all(f"{name}: as wished" in green.summary for name in ENVIRONMENTS), green.log
    (name,) = [
        one["metadata"]["name"] for one in cluster.get("deployments", "-n", PRODUCTION, "-l", IS_A_SERVER)["items"]
    ]
    assert cluster.ask("scale", "deployment", name, "-n", PRODUCTION, "--replicas=0").returncode == 0
    done = started(work, "drift.yml")
    assert done.code != 0 and "spec.replicas: 0 -> 1" in done.summary, done.log
    assert "staging: as wished" in done.summary and "production: drifted" in done.summary


def test_from_a_merge_to_production_and_what_goes_wrong(work: Workbench, cluster: Plane) -> None:
    person = Person(work, cluster)
    first_releases(work, cluster, person)
    a_prompt(work, cluster)
    a_loss(work, cluster, person)
    a_failed_rollout(work, cluster, person)
    drift(work, cluster)
    code, told = person.ask("verify", "--all")
    assert code == 0, told
