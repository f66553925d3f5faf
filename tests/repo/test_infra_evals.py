"""An eval in parts on Kubernetes: what the Jobs say is what Sluice and the model servers' policies take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from outside_tools import outside_tool
from pod_security import containers, restricted

from sluice.cli import parser
from sluice.rollout.kustomize import Kustomize
from sluice.rollout.manifests import Manifest, documents, manifest
from sluice.runner.plan import Part

INFRA = Path(__file__).resolve().parents[2] / "infra"


@pytest.fixture(scope="module")
def rendered() -> dict[str, Manifest]:
    kustomize = Kustomize((str(outside_tool("kustomize")), "build"), "of the tests")
    return {f"{one.kind} {one.name}": one for one in map(manifest, documents(kustomize.build(INFRA / "evals")))}


def job(rendered: dict[str, Manifest], name: str) -> dict[str, Any]:
    return dict(rendered[f"Job {name}"].value["spec"])


def box(rendered: dict[str, Manifest], name: str) -> dict[str, Any]:
    [one] = job(rendered, name)["template"]["spec"]["containers"]
    return dict(one)


def told(rendered: dict[str, Manifest], name: str) -> dict[str, str]:
    """The variables of a container, from its ConfigMap and its own."""
    one = box(rendered, name)
    [source] = one["envFrom"]
    data = rendered[f"ConfigMap {source['configMapRef']['name']}"].value["data"]
    return {**data, **{each["name"]: each["value"] for each in one["env"] if "value" in each}}


def expanded(word: str, variables: dict[str, str]) -> str:
    """As the kubelet expands a command's words."""
    return re.sub(r"\$\((\w+)\)", lambda found: variables[found[1]], word)


def test_every_pod_of_the_job_asks_for_its_part(rendered: dict[str, Manifest], monkeypatch: pytest.MonkeyPatch):
    spec, variables = job(rendered, "eval-shards"), told(rendered, "eval-shards")
    program, verb, *words = [expanded(word, variables) for word in box(rendered, "eval-shards")["command"]]
    assert (program, verb, spec["completionMode"]) == ("sluice", "eval", "Indexed")
    assert spec["completions"] == spec["parallelism"] == int(variables["SHARDS"])
    parts = []
    for index in range(spec["completions"]):
        monkeypatch.setenv("JOB_COMPLETION_INDEX", str(index))
        parts.append(parser("eval").parse_args(words).shard)
    assert parts == [Part(number, spec["completions"]) for number in range(1, spec["completions"] + 1)]


def test_what_is_joined_is_judged_with_the_options_of_the_parts(rendered: dict[str, Manifest]):
    variables = told(rendered, "eval-join")
    shell, _, script = box(rendered, "eval-join")["command"]
    assert shell == "/bin/sh"
    merge, judge = (shlex.split(part) for part in script.split(";"))
    assert merge == ["sluice", "merge", "/shards/*"]
    assert judge[:3] == ["exec", "sluice", "eval"]
    words = [variables.get(word.removeprefix("$"), word) for word in judge[3:]]
    joined = parser("eval").parse_args(words)
    sent = [expanded(word, variables) for word in box(rendered, "eval-shards")["command"][2:]]
    parts = parser("eval").parse_args([word if not word.startswith("job/") else "1/4" for word in sent])
    assert joined.stored and not parts.stored
    for option in ("suites", "base", "head", "complete", "environment", "no_evidence", "unproven"):
        assert getattr(joined, option) == getattr(parts, option), option


def test_parts_have_directories_of_their_own_and_the_join_reads_them(rendered: dict[str, Manifest]):
    [part] = [one for one in box(rendered, "eval-shards")["volumeMounts"] if one["name"] == "shards"]
    index = next(one for one in box(rendered, "eval-shards")["env"] if one["name"] == "INDEX")
    assert part["subPathExpr"] == "shards/$(INDEX)" and "completion-index" in str(index["valueFrom"])
    assert part["mountPath"] == "/repository/.sluice" and box(rendered, "eval-shards")["workingDir"] == "/repository"
    read, written = [one for one in box(rendered, "eval-join")["volumeMounts"] if one["name"] == "shards"]
    assert (read["subPath"], read["mountPath"], read["readOnly"]) == ("shards", "/shards", True)
    assert (written["subPath"], written["mountPath"]) == ("joined", "/repository/.sluice")
    assert job(rendered, "eval-join")["suspend"] is True


def test_pods_are_restricted_and_have_no_token(rendered: dict[str, Manifest]):
    for name in ("eval-shards", "eval-join"):
        pod = job(rendered, name)["template"]["spec"]
        assert not list(restricted(pod))
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
        assert all(one["securityContext"]["readOnlyRootFilesystem"] is True for one in containers(pod))
        assert all(re.search(r"@sha256:[0-9a-f]{64}\Z", one["image"]) for one in containers(pod))


def test_a_part_reaches_model_servers_and_nothing_else(rendered: dict[str, Manifest]):
    base = documents((INFRA / "base/model-server/network-policy.yaml").read_text())
    [rule] = base[0]["spec"]["ingress"]
    [allowed] = rule["from"][0]["podSelector"]["matchExpressions"]
    labels = job(rendered, "eval-shards")["template"]["metadata"]["labels"]
    assert labels[allowed["key"]] in allowed["values"]
    assert allowed["key"] not in job(rendered, "eval-join")["template"]["metadata"]["labels"]
    policy = rendered["NetworkPolicy eval"].value["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items() and policy["ingress"] == []
    ways = [(list(to), port["port"]) for one in policy["egress"] for to in one["to"] for port in one["ports"]]
    assert ways == [(["namespaceSelector"], 53), (["namespaceSelector"], 53), (["podSelector"], 8080)]


def test_what_a_retry_cannot_cure_is_not_tried_again(rendered: dict[str, Manifest]):
    """Exit 4 may pass (a server that loads); a wrong command or invalid files stay wrong."""
    rules = job(rendered, "eval-shards")["podFailurePolicy"]["rules"]
    [codes] = [rule["onExitCodes"] for rule in rules if "onExitCodes" in rule]
    assert codes["containerName"] == box(rendered, "eval-shards")["name"] and set(codes["values"]) == {1, 2, 3}
    assert [rule["action"] for rule in rules] == ["Ignore", "FailIndex"]
    assert job(rendered, "eval-shards")["template"]["spec"]["restartPolicy"] == "Never"
    assert job(rendered, "eval-join")["backoffLimit"] == 0
