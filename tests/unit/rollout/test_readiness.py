"""What a machine lacks for releases is a note with what to do; without environments nothing is asked."""

from __future__ import annotations

import pytest
from miniature import git, miniature, write

from sluice.catalog import WorkingTree, load
from sluice.rollout import branch as deploy
from sluice.rollout.readiness import inspect

HERE = {
    "description": "For tests.",
    "cluster": "staging",
    "namespace": "sluice-staging",
    "prompts": ["answer"],
    "accept": {"engines": ["tgi"]},
    "approvers": ["@ann"],
    "capacity": {"nvidia.com/gpu": 1},
}


def program(directory, name: str, says: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (directory / name).chmod(0o755)


@pytest.fixture
def root(tmp_path, monkeypatch):
    made = miniature(tmp_path / "repository", count=2)
    write(made, "infra/overlays/staging/environment.yaml", HERE)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    program(tmp_path / "bin", "kubectl", '{"clientVersion": {"gitVersion": "v1.31.2"}, "kustomizeVersion": "v5.8.1"}')
    return made


def look(root):
    return {one.name: one for one in inspect(root, load(WorkingTree(root)))}


def test_all_but_a_release_is_there(root):
    found = look(root)
    assert found["kustomize"].found.startswith("v5.8.1") and found["kubectl"].found.startswith("v1.31.2")
    assert {name for name, one in found.items() if one.state != "ok"} == {"staging, releases"}
    assert "sluice release staging --first-by" in found["staging, releases"].repair


@pytest.mark.parametrize(
    "says", ["no JSON", '{"clientVersion": {"gitVersion": "v1.21.0"}, "kustomizeVersion": "v4.0.5"}']
)
def test_old_programs_are_named_with_what_to_do(root, tmp_path, says):
    program(tmp_path / "bin", "kubectl", says)
    program(tmp_path / "bin", "kustomize", "v5.7.0")
    found = look(root)
    assert found["kustomize"].state == "note" and "scripts/tools kustomize" in found["kustomize"].repair
    assert found["kubectl"].state == "note" and "1.26" in found["kubectl"].repair


def test_an_update_that_can_never_fit_is_told_before_a_release_is(root):
    write(root, "infra/overlays/staging/environment.yaml", {**HERE, "serving": {"served": {"resources": {"gpus": 1}}}})
    found = look(root)["staging, GPUs"]
    assert found.state == "note" and "served starts a new pod before an old one ends" in found.found


def test_a_deploy_branch_that_holds_no_release_is_told(root, monkeypatch):
    git(root, "branch", "deploy/staging")
    found = look(root)["staging, releases"]
    assert found.state == "note" and "sluice verify" in found.repair
    assert deploy.head(root, "staging")


def test_where_nothing_is_released_nothing_is_asked(tmp_path):
    assert list(inspect(tmp_path, load(WorkingTree(miniature(tmp_path, count=2))))) == []
