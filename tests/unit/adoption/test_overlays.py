"""A copy has the environments that were asked for, and no other; what they render to is tested in tests/repo."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sluice.adoption import overlays
from sluice.adoption.answers import Adoption
from sluice.catalog import WorkingTree

ROOT = Path(__file__).resolve().parents[3]
PRESENT = WorkingTree(ROOT).paths("infra")


def answers(*environments: str, sample: bool = False) -> Adoption:
    return Adoption(
        owner="@acme/llm", registry="ghcr.io/acme", environments=environments, model="qwen2.5-1.5b",
        application="assistant", embedded=False, sample=sample, engine="0.1.0", template="a" * 40,
    )  # fmt: skip


def test_environments_that_nobody_asked_for_go():
    gone = overlays.stale(PRESENT, answers("production"))
    assert "infra/overlays/staging/environment.yaml" in gone and "infra/gitops/flux/staging/kustomization.yaml" in gone
    assert not [path for path in gone if "staging" not in path]
    assert not overlays.stale(PRESENT, answers("staging", "production"))


def test_an_environment_of_another_name_is_made_like_staging():
    made = overlays.written(ROOT, PRESENT, answers("canary-eu"), "tgi")
    assert set(made) == {
        "infra/overlays/canary-eu/kustomization.yaml",
        "infra/overlays/canary-eu/servers/kustomization.yaml",
        "infra/overlays/canary-eu/environment.yaml",
        "infra/gitops/flux/canary-eu/kustomization.yaml",
        "infra/gitops/argocd/canary-eu/kustomization.yaml",
    }
    assert "deploy/canary-eu" in made["infra/gitops/flux/canary-eu/kustomization.yaml"]
    assert not [path for path, text in made.items() if "staging" in text]


def test_the_first_prompt_runs_in_each():
    made = overlays.written(ROOT, PRESENT, answers("staging", "production"), "vllm")
    held = [yaml.safe_load(text) for text in made.values()]
    assert [(one["namespace"], one["prompts"], one["accept"]["engines"]) for one in held] == [
        ("sluice-staging", ["assistant"], ["vllm"]),
        ("sluice-production", ["assistant"], ["vllm"]),
    ]


@pytest.mark.parametrize(
    ("owner", "named", "approvers"),
    [
        ("@someone", (), ["@someone"]),
        ("@acme/llm", ("@ann", "@bob"), ["@ann", "@bob"]),
        ("@acme/llm", (), ["@your-login"]),
    ],
)
def test_who_may_name_a_first_release_are_persons(owner, named, approvers):
    told = answers("live").model_copy(update={"owner": owner, "approvers": named})
    made = overlays.written(ROOT, PRESENT, told, "tgi")
    assert yaml.safe_load(made["infra/overlays/live/environment.yaml"])["approvers"] == approvers


def test_with_the_sample_its_environments_stay_as_they_are():
    assert overlays.written(ROOT, PRESENT, answers("staging", "production", sample=True), "tgi") == {}


@pytest.mark.parametrize(
    ("model", "embedded", "first"),
    [
        ("portal-small", True, (["tgi", "local"], False)),
        ("qwen2.5-1.5b", True, (["tgi", "local"], True)),
        ("qwen2.5-1.5b", False, (["tgi"], False)),
    ],
)
def test_only_the_first_of_several_takes_evidence_of_the_embedded_model(model, embedded, first):
    told = answers("staging", "production").model_copy(update={"model": model, "embedded": embedded})
    made = overlays.written(ROOT, PRESENT, told, "tgi")
    held = [yaml.safe_load(made[f"infra/overlays/{name}/environment.yaml"])["accept"] for name in told.environments]
    assert [(one["engines"], one["stand_ins"]) for one in held] == [first, (["tgi"], False)]
    assert [one["verdicts"] for one in held] == [["pass", "pass (accepted)"], ["pass"]]
