"""What `infra/` renders to: each environment and component, by strict schemas, pod security, a linter, arithmetic."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_schemas import NEWEST, problems
from kubernetes_validate.utils import all_versions, major_minor
from outside_tools import outside_tool
from pod_security import containers, restricted
from unit.rollout.released import bundle, copied, lock, model_lock

from sluice.catalog import WorkingTree, load
from sluice.release.bundle import make_bundle
from sluice.release.lock import Lock, make_lock
from sluice.rollout import capacity, parity
from sluice.rollout.kustomize import Kustomize
from sluice.rollout.manifests import Manifest, documents, manifest
from sluice.rollout.rendering import render
from sluice.schema import Resources
from sluice.shapes import find_secrets

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
ENVIRONMENTS = tuple(sorted(path.parent.name for path in INFRA.glob("overlays/*/kustomization.yaml")))
ENTRY_POINTS = [f"gitops/{kind}/{name}" for kind in ("flux", "argocd") for name in ENVIRONMENTS] + ["runners", "evals"]
VARIANTS = ("as it is", "vllm", "in-place", "recreate", "amd", "without a GPU")
FILES = sorted(path for path in INFRA.rglob("*.yaml") if path.is_file())
MANIFESTS = [path for path in FILES if path.name not in ("kustomization.yaml", "environment.yaml", "findings.yaml")]
KUSTOMIZATIONS = [path for path in FILES if path.name == "kustomization.yaml"]
OLD_FIELDS = {
    "bases",
    "commonLabels",
    "commonAnnotations",
    "vars",
    "patchesStrategicMerge",
    "patchesJson6902",
    "helmCharts",
}
WRITABLE = {"tgi": {"/tmp", "/dev/shm", "/usr/src/out", "/data"}, "vllm": {"/tmp", "/dev/shm"}}
CATALOG = load(WorkingTree(ROOT))


@pytest.fixture(scope="module")
def kustomize() -> Kustomize:
    return Kustomize((str(outside_tool("kustomize")), "build"), "of the tests")


def lock_of(environment: str, variant: str = "as it is") -> Lock:
    """Return a lock of an environment with one model, served as a variant that `infra/` offers."""
    changes: dict[str, Any] = {
        "as it is": {"replicas": 1},
        "vllm": {"engine": "vllm", "arguments": {"max_model_len": 512}},
        "in-place": {"strategy": "in-place", "replicas": 3},
        "recreate": {"strategy": "recreate", "replicas": 1},
        "amd": {"resources": Resources(gpus=1, memory="8Gi", cpu="2", gpu_class="amd.com/gpu")},
        "without a GPU": {"resources": Resources(memory="8Gi", cpu="2")},
    }[variant]
    return lock(environment=environment, served=model_lock(**changes))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `infra/` in which no environment names prompts or models of the sample."""
    return copied(tmp_path_factory.mktemp("infra"))


@pytest.fixture(scope="module", params=[(name, how) for name in ENVIRONMENTS for how in VARIANTS], ids=" ".join)
def rendered(request: pytest.FixtureRequest, root: Path, kustomize: Kustomize) -> tuple[Manifest, ...]:
    return render(root, lock_of(*request.param), bundle(), kustomize)


@pytest.fixture(scope="module")
def released(root: Path, kustomize: Kustomize) -> dict[str, tuple[Manifest, ...]]:
    """Every environment, with one replica: once as it is, and once with the strategy that needs no GPU to spare."""
    asked = [lock_of(name, variant) for name in ENVIRONMENTS for variant in ("as it is", "recreate")]
    return {one.digest: render(root, one, bundle(), kustomize) for one in asked}


@pytest.fixture(scope="module")
def entry_points(kustomize: Kustomize) -> dict[str, list[Manifest]]:
    return {name: [manifest(one) for one in documents(kustomize.build(INFRA / name))] for name in ENTRY_POINTS}


def templates(manifests: Any) -> Iterator[tuple[Manifest, dict[str, Any]]]:
    for one in manifests:
        if one.kind in ("Deployment", "Job"):
            yield one, one.value["spec"]["template"]["spec"]


def runner() -> dict[str, Any]:
    return dict(yaml.safe_load((INFRA / "runners/values.yaml").read_text())["template"]["spec"])


def test_the_newest_minors_are_those_of_the_validator():
    assert tuple(dict.fromkeys(map(major_minor, all_versions())))[-3:] == NEWEST


@pytest.mark.parametrize("version", NEWEST)
def test_every_manifest_is_valid_by_the_strict_schema(version: str, rendered: tuple[Manifest, ...]):
    found = {f"{one.kind} {one.name}": problems(one.value, version) for one in rendered}
    assert not {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize("version", NEWEST)
def test_entry_points_are_valid_by_the_strict_schema(version: str, entry_points: dict[str, list[Manifest]]):
    found = {
        f"{name}: {one.kind} {one.name}": problems(one.value, version)
        for name, held in entry_points.items()
        for one in held
    }
    assert not {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize("version", NEWEST)
def test_the_runners_pod_is_valid(version: str):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "runner"}, "spec": runner()}
    assert problems(pod, version) == []


def test_the_schemas_are_strict():
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"port": 80}}
    custom = {
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "x"},
        "spec": {"groups": [{"name": "x", "rules": [{"expr": "1", "alarm": "x"}]}]},
    }  # fmt: skip
    assert problems(wrong, NEWEST[-1]) and problems(custom, NEWEST[-1])


LOCKED = {
    "runAsNonRoot": True, "runAsUser": 1, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        {"hostNetwork": True},
        {"volumes": [{"name": "x", "hostPath": {"path": "/"}}]},
        {"containers": [{"name": "x", "securityContext": {**LOCKED, "runAsUser": 0}}]},
        {"containers": [{"name": "x", "securityContext": {**LOCKED, "privileged": True}}]},
        {"containers": [{"name": "x", "securityContext": {**LOCKED, "capabilities": {"drop": ["NET_RAW"]}}}]},
        {"containers": [{"name": "x", "securityContext": {**LOCKED, "seccompProfile": {"type": "Unconfined"}}}]},
        {"initContainers": [{"name": "x"}]},
        {"containers": [{"name": "x", "securityContext": LOCKED, "ports": [{"hostPort": 80}]}]},
    ],
)
def test_what_is_not_restricted_is_found(broken: dict[str, Any]):
    fine = {"containers": [{"name": "x", "securityContext": LOCKED}]}
    assert not list(restricted(fine))
    assert list(restricted({**fine, **broken}))


def test_pods_are_restricted(rendered: tuple[Manifest, ...]):
    for one, pod in templates(rendered):
        assert not list(restricted(pod)), one.name
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
        assert all(box["securityContext"]["readOnlyRootFilesystem"] is True for box in containers(pod))
    (namespace,) = [one for one in rendered if one.kind == "Namespace"]
    assert namespace.value["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_runners_pod_is_restricted_and_keeps_nothing():
    pod = runner()
    assert not list(restricted(pod))
    kept = [one for one in pod["volumes"] if "emptyDir" not in one]
    assert [one["persistentVolumeClaim"]["readOnly"] for one in kept] == [True]
    assert pod["initContainers"][0]["restartPolicy"] == "Always", "a sidecar, else the runner never starts"
    assert all(box["securityContext"]["readOnlyRootFilesystem"] is True for box in containers(pod))


def test_the_linter_finds_what_has_a_written_reason_and_nothing_else(
    released: dict[str, tuple[Manifest, ...]], entry_points: dict[str, list[Manifest]]
):
    accepted = yaml.safe_load((INFRA / "findings.yaml").read_text())
    assert all(len(one["reason"]) > 20 for one in accepted)
    found = {one for held in (*released.values(), tuple(entry_points["evals"])) for one in lint(held)}
    assert found == {(one["check"], one["kind"], one["finding"]) for one in accepted}


def lint(manifests: tuple[Manifest, ...]) -> Iterator[tuple[str, str, str]]:
    optional = ("container-seccomp-profile", "container-memory-requests-equal-limits", "container-ports-check")
    command = [str(outside_tool("kube-score")), "score", "--kubernetes-version", f"v{NEWEST[-1]}", "-o", "json", "-"]
    command[2:2] = [word for name in optional for word in ("--enable-optional-test", name)]
    text = "---\n".join(one.text for one in manifests)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    for one in json.loads(done.stdout):
        for check in one["checks"]:
            if not check["skipped"] and check["grade"] < 10:
                summaries = {
                    comment["summary"] for comment in check["comments"] or [{"summary": check["check"]["name"]}]
                }
                yield from ((check["check"]["id"], one["type_meta"]["kind"], words) for words in summaries)


def test_images_are_named_by_digest(rendered: tuple[Manifest, ...]):
    pods = [runner(), *(pod for _, pod in templates(rendered))]
    images = {box["image"] for pod in pods for box in containers(pod)}
    assert all(re.search(r"@sha256:[0-9a-f]{64}\Z", image) for image in images), images


def test_no_secret_is_written_down(rendered: tuple[Manifest, ...], entry_points: dict[str, list[Manifest]]):
    every = [*rendered, *(one for held in entry_points.values() for one in held)]
    assert "Secret" not in {one.kind for one in every}
    for pod in [runner(), *(pod for _, pod in templates(rendered))]:
        named = [
            one for box in containers(pod) for one in box.get("env", ()) if re.search("TOKEN|KEY|SECRET", one["name"])
        ]
        assert all("secretKeyRef" in one["valueFrom"] for one in named)
    raw = [path.read_bytes() for path in INFRA.rglob("*") if path.is_file()]
    assert not [found for data in raw for found in find_secrets(data)]


def test_time_to_start_and_time_to_drain_add_up(
    rendered: tuple[Manifest, ...], entry_points: dict[str, list[Manifest]]
):
    for one, pod in templates(rendered):
        if one.kind != "Deployment":
            continue
        (server,) = pod["containers"]
        variables = {entry["name"]: entry.get("value") for entry in server["env"]}
        drain = int(variables.get("GRACEFUL_TERMINATION_TIMEOUT", 90))
        pause = server["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] >= pause + drain + 15
        start, ready, alive = (server[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness"))
        budget = start["periodSeconds"] * start["failureThreshold"]
        assert one.value["spec"]["progressDeadlineSeconds"] >= 1.5 * budget
        assert pause >= ready["periodSeconds"] * 2, "endpoints must have forgotten the pod"
        assert alive["timeoutSeconds"] >= 2 * ready["timeoutSeconds"] > 2, "a red /health runs a prefill"
        for name in ENVIRONMENTS:
            (sync,) = [held for held in entry_points[f"gitops/flux/{name}"] if held.kind == "Kustomization"]
            assert minutes(sync.value["spec"]["timeout"]) * 60 > one.value["spec"]["progressDeadlineSeconds"]


def minutes(text: str) -> int:
    found = re.fullmatch(r"(\d+)m", text)
    assert found, text
    return int(found[1])


def test_servers_may_write_where_their_engine_must(rendered: tuple[Manifest, ...]):
    for one, pod in templates(rendered):
        if one.kind == "Deployment":
            (server,) = pod["containers"]
            empty = {volume["name"] for volume in pod["volumes"] if "emptyDir" in volume}
            mounts = {mount["mountPath"] for mount in server["volumeMounts"] if mount["name"] in empty}
            assert (
                mounts == WRITABLE[one.value["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]]
            )
            assert all(mount["readOnly"] for mount in server["volumeMounts"] if mount["name"] not in empty)


def test_servers_have_no_way_out(rendered: tuple[Manifest, ...]):
    policies = {one.name: one.value["spec"] for one in rendered if one.kind == "NetworkPolicy"}
    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for one in rendered:
        if one.kind == "Deployment":
            labels = one.value["spec"]["template"]["metadata"]["labels"].items()
            own = [spec for spec in policies.values() if spec["podSelector"].get("matchLabels", {}).items() <= labels]
            assert not [spec["egress"] for spec in own if spec.get("egress")]


def test_what_a_pod_refers_to_is_there(rendered: tuple[Manifest, ...]):
    there = {(one.kind, one.name) for one in rendered}
    for one, pod in templates(rendered):
        assert {("ServiceAccount", pod["serviceAccountName"]), ("PriorityClass", pod["priorityClassName"])} <= there, (
            one.name
        )
        maps = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
        maps += [source["configMapRef"]["name"] for box in containers(pod) for source in box.get("envFrom", ())]
        claims = [
            volume["persistentVolumeClaim"]["claimName"]
            for volume in pod["volumes"]
            if "persistentVolumeClaim" in volume
        ]
        assert len(maps) >= 2 and {("ConfigMap", name) for name in maps} <= there
        assert {("PersistentVolumeClaim", name) for name in claims} <= there


def test_what_stands_around_a_server_selects_its_pods(rendered: tuple[Manifest, ...]):
    (server,) = [one.value for one in rendered if one.kind == "Deployment"]
    labels = server["spec"]["template"]["metadata"]["labels"].items()
    around = [one.value["spec"] for one in rendered if one.name == "model-served" and one.kind != "Deployment"]
    selectors = [spec.get("selector") or spec["podSelector"] for spec in around]
    assert len(selectors) == 3, "Service, disruption budget, network policy"
    assert all(one.get("matchLabels", one).items() <= labels for one in selectors)
    assert all(spread["labelSelector"]["matchLabels"].items() <= labels for spread in spreads(server))


def spreads(server: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(server["spec"]["template"]["spec"]["topologySpreadConstraints"])


def test_gpus_are_asked_for_and_tolerated_alike(rendered: tuple[Manifest, ...]):
    for one, pod in templates(rendered):
        if one.kind == "Deployment":
            held = pod["containers"][0]["resources"]
            gpus = {name: count for name, count in held["limits"].items() if "/gpu" in name}
            assert gpus == {name: count for name, count in held["requests"].items() if "/gpu" in name}
            assert {key["key"] for key in pod.get("tolerations", ())} == set(gpus)


@pytest.mark.parametrize("name", sorted(CATALOG.environments))
def test_every_environment_can_be_released_as_it_stands(name: str, kustomize: Kustomize):
    made = make_bundle(CATALOG, name)
    asked = make_lock(CATALOG, name, made)
    assert parity.differences(asked, render(ROOT, asked, made.files, kustomize)) == ()
    running = capacity.demands(asked)
    assert not capacity.shortages(running, running, CATALOG.environment(name).value.capacity)


def test_what_pods_still_need_is_never_pruned_under_them(rendered: tuple[Manifest, ...]):
    kept = [one for one in rendered if one.value.get("immutable") or one.kind in ("Namespace", "PersistentVolumeClaim")]
    assert len(kept) >= 6
    for one in kept:
        notes = one.value["metadata"]["annotations"]
        assert notes["kustomize.toolkit.fluxcd.io/prune"] == "Disabled"
        assert notes["argocd.argoproj.io/sync-options"] == "Prune=false"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_controllers_follow_the_deploy_branch(name: str, entry_points: dict[str, list[Manifest]]):
    (source,) = [one for one in entry_points[f"gitops/flux/{name}"] if one.kind == "GitRepository"]
    (application,) = [one for one in entry_points[f"gitops/argocd/{name}"] if one.kind == "Application"]
    assert source.value["spec"]["ref"] == {"branch": f"deploy/{name}"}
    assert application.value["spec"]["source"]["targetRevision"] == f"deploy/{name}"
    assert application.value["spec"]["destination"]["namespace"] == f"sluice-{name}"


def test_whoever_deploys_may_change_exactly_what_is_rendered(
    released: dict[str, tuple[Manifest, ...]], entry_points: dict[str, list[Manifest]]
):
    wanted = {(one.value["apiVersion"].rpartition("/")[0], one.kind) for held in released.values() for one in held}
    (role,) = [one.value for one in entry_points[f"gitops/flux/{ENVIRONMENTS[0]}"] if one.kind == "ClusterRole"]
    writes = {
        (rule["apiGroups"][0], word) for rule in role["rules"] if "patch" in rule["verbs"] for word in rule["resources"]
    }
    plural = {(group, kind.lower() + ("es" if kind.endswith("s") else "s")) for group, kind in wanted}
    plural = {(group, word.replace("policys", "policies")) for group, word in plural}
    assert writes == plural | {("coordination.k8s.io", "leases")}
    (project,) = [
        one.value["spec"] for one in entry_points[f"gitops/argocd/{ENVIRONMENTS[0]}"] if one.kind == "AppProject"
    ]
    listed = [*project["clusterResourceWhitelist"], *project["namespaceResourceWhitelist"]]
    assert {(one["group"], one["kind"]) for one in listed} == wanted


@pytest.mark.skipif("portal-small" not in CATALOG.models, reason="the sample's model is not in this copy")
def test_runners_serve_the_model_that_the_repository_serves():
    model = CATALOG.model("portal-small").value.serving
    lines = (INFRA / "runners/engine.env").read_text().splitlines()
    told = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert told.pop("MODEL_ID") == "/weights/portal-small"
    fixed = {one["name"]: one["value"] for one in runner()["initContainers"][0]["env"]}
    judged = {name.upper(): str(value) for name, value in model.arguments.items()}
    assert {**told, "USAGE_STATS": fixed["USAGE_STATS"]} == judged
    assert runner()["initContainers"][0]["image"] == model.image


def test_manifests_are_short():
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in MANIFESTS]
    assert len(lengths) > 20 and statistics.median(lengths) <= 22
    assert max(lengths) <= 110


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=lambda path: str(path.parent.relative_to(INFRA)))
def test_kustomizations_use_what_kustomize_keeps(path: Path):
    held = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert not OLD_FIELDS & set(held)
    assert held["kind"] == ("Component" if "components" in path.parts or "servers" in path.parts else "Kustomization")
    assert not [one for one in (*held.get("resources", ()), *held.get("components", ())) if ":" in one or "?" in one]


def test_every_file_is_used():
    """A manifest that no kustomization names is one that nobody applies."""
    for path in MANIFESTS:
        if path.name != "values.yaml":
            held = (path.parent / "kustomization.yaml").read_text(encoding="utf-8")
            assert path.name in held, path


def test_rules_of_prometheus(released: dict[str, tuple[Manifest, ...]], tmp_path: Path):
    rules = next(one for held in released.values() for one in held if one.kind == "PrometheusRule")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules.value["spec"]))
    (tmp_path / "tests.yaml").write_text((Path(__file__).parent / "prometheus.yaml").read_text())
    promtool = str(outside_tool("promtool"))
    for words in (["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"], ["test", "rules", "tests.yaml"]):
        done = subprocess.run([promtool, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_that_fires_it_and_one_that_does_not():
    rules = yaml.safe_load((INFRA / "components/monitoring/rules.yaml").read_text())
    alerts = {rule["alert"] for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule}
    tests = yaml.safe_load((Path(__file__).parent / "prometheus.yaml").read_text())["tests"]
    asked = [one for test in tests for one in test.get("alert_rule_test", ())]
    assert {one["alertname"] for one in asked if one.get("exp_alerts")} == alerts
    assert {one["alertname"] for one in asked if not one.get("exp_alerts")} == alerts


def test_the_dashboard_asks_for_what_is_recorded_or_scraped():
    rules = yaml.safe_load((INFRA / "components/monitoring/rules.yaml").read_text())
    recorded = {rule["record"] for group in rules["spec"]["groups"] for rule in group["rules"] if "record" in rule}
    board = json.loads((INFRA / "components/monitoring/model-servers.json").read_text())
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    assert set(re.findall(r"model:\w+:\w+", asked)) == recorded
    assert set(re.findall(r"(?<![\w:])(?:tgi_\w+|vllm:\w+)", asked)) == {
        "tgi_request_generated_tokens_sum", "vllm:generation_tokens_total",
    }  # fmt: skip
