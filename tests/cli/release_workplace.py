"""A miniature repository with an environment, a key, a bare remote, and what main judged."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from miniature import MODEL, commit, edit_prompt, git, write
from outside_tools import outside_tool

from sluice.adoption.placeholders import Known
from sluice.catalog import WorkingTree
from sluice.evidence.keys import SECRET_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
HERE = "infra/overlays/staging/environment.yaml"
WHO = "@example/owners"
ENVIRONMENT = {
    "description": "For tests.",
    "cluster": "staging",
    "namespace": "sluice-staging",
    "prompts": ["answer"],
    "serving": {"served": {"strategy": "recreate", "replicas": 1}},
    "accept": {"engines": ["tgi"]},
    "approvers": [WHO],
    "capacity": {"nvidia.com/gpu": 1},
}
GOOD = "Answer with the last word.\nBe very brief."
BAD = "Answer with the last word, never."


class Workplace:
    """The repository of a test, and what people and workflows do in it."""

    def __init__(self, root: Path, remote: Path, sluice) -> None:
        self.root, self.remote, self.sluice = root, remote, sluice

    def merge(self, system: str | None = None, **here) -> str:
        """Bring a prompt, or another environment, to main."""
        if system is not None:
            edit_prompt(self.root, system)
        if here:
            write(self.root, HERE, {**ENVIRONMENT, **here})
        made = commit(self.root, "merge")
        git(self.root, "push", "--quiet", "origin", "main")
        return made

    def judge(self) -> None:
        """What judge.yml does after a push to main."""
        self.sluice("eval", "--base", "HEAD^", "--head", "HEAD", "--complete", "--unproven")
        code, out, err = self.sluice("evidence", "record", "--push")
        assert code == 0, out + err

    def release(self, *words: str) -> tuple[int, str, str]:
        """Release to staging, and bring it to the remote."""
        return self.sluice("release", "staging", "--push", *words)

    def first(self) -> None:
        """The first release, by somebody who may."""
        code, out, err = self.release("--first-by", WHO)
        assert code == 0, out + err

    def remote_log(self, form: str = "%s") -> list[str]:
        """One line for each release at the remote, the newest first."""
        return git(self.remote, "log", f"--format={form}", "deploy/staging").splitlines()

    def show(self, path: str, revision: str = "deploy/staging") -> str:
        """A file of the newest release at the remote."""
        return git(self.remote, "show", f"{revision}:{path}")

    def clone(self, directory: Path) -> Path:
        """A fresh clone of the remote with every branch, which has no way back to it."""
        subprocess.run(["git", "clone", "--quiet", str(self.remote), str(directory)], check=True)
        git(directory, "remote", "set-url", "origin", "/nowhere")
        return directory


def fill_examples(root: Path) -> None:
    """Put a repository in the place of the template's examples, as `sluice init` does."""
    known = Known("acme/prompts", (WHO,))
    texts = {path: (root / path).read_text() for path in WorkingTree(root).paths("infra") if path.endswith(".yaml")}
    for path, text in known.filled(texts).items():
        (root / path).write_text(text)


def workplace(root: Path, sluice, monkeypatch: pytest.MonkeyPatch, outside: Path) -> Workplace:
    """Return the workplace whose main is judged."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(outside_tool("kustomize").parent), os.environ["PATH"]]))
    for name in ("base", "components"):
        shutil.copytree(ROOT / "infra" / name, root / "infra" / name)
    shutil.copytree(ROOT / "infra/overlays/staging", root / "infra/overlays/staging")
    write(root, HERE, ENVIRONMENT)
    fill_examples(root)
    resources = {"gpus": 1, "memory": "8Gi"}
    write(root, "models/served.yaml", {**MODEL, "serving": {**MODEL["serving"], "resources": resources}})
    secrets, remote = outside / "secrets", outside / "remote"
    secrets.mkdir()
    remote.mkdir()
    assert sluice("evidence", "keygen", str(secrets))[0] == 0
    monkeypatch.setenv(SECRET_VARIABLE, (secrets / "evidence.pem").read_text())
    git(remote, "init", "--quiet", "--bare", "--initial-branch", "main")
    git(root, "remote", "add", "origin", str(remote))
    place = Workplace(root, remote, sluice)
    place.merge()
    place.judge()
    return place
