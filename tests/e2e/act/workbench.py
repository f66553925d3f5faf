"""A scratch repository at a scratch forge: this checkout's engine and workflows, a ground floor, pull requests."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.act.running import PYTHON, ROOT, Finished, run_workflow
from miniature import CARD, MODEL, PROMPT, SUITE, rows, write

REPOSITORY = "acme/answers"
ENGINE = (".ci", ".github", "scripts", "src", ".gitignore", "pyproject.toml", "README.md", "LICENSE")
IDENTITY = ("-c", "user.name=Octo Cat", "-c", "user.email=octocat@example.test", "-c", "commit.gpgsign=false")

EASY_SUITE = {**SUITE, "gates": {"correct": {"max_drop": 0.1, "floor": 0.5}}}

GroundFloor = Callable[[Path], None]


def small_floor(root: Path) -> None:
    """One served prompt with one suite, whose 180 cases suffice for its margin."""
    write(root, "prompts/answer.yaml", PROMPT)
    write(root, "datasets/questions.yaml", CARD)
    write(root, "datasets/questions.jsonl", rows(180))
    write(root, "evals/answer.yaml", EASY_SUITE)
    write(root, "models/served.yaml", MODEL)


@functools.cache
def engine_files() -> tuple[Path, ...]:
    """The files of this checkout that make the engine and its workflows, tracked or not yet."""
    locks = [path.name for path in ROOT.glob("requirements*.lock")]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *ENGINE, *locks]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    found = [ROOT / path for path in sorted(set(listed.split("\0"))) if path]
    return tuple(path for path in found if path.is_file())


@dataclass
class Pull:
    """A pull request: `head` is its branch's commit, `merge` the forge's merge with main as it was then."""

    number: int
    branch: str
    base: str
    head: str
    merge: str
    title: str
    author: str
    fork: str | None = None


@dataclass
class Workbench:
    """A forge's Git directory, a checkout in which act runs, and what every run shares."""

    place: Path
    act: Path
    environment: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    runs: int = 100

    @property
    def forge(self) -> Path:
        """The bare repository that stands for the forge."""
        return self.place / "forge.git"

    @property
    def tree(self) -> Path:
        """The checkout whose workflow files act reads."""
        return self.place / "tree"

    def start(self, floor: GroundFloor = small_floor) -> Workbench:
        """Make the repository with one commit on main."""
        self.tree.mkdir(parents=True)
        for path in engine_files():
            target = self.tree / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        floor(self.tree)
        _git(self.tree, "init", "--quiet", "--initial-branch", "main")
        self.commit("The first commit")
        _git(self.place, "clone", "--quiet", "--bare", str(self.tree), str(self.forge))
        _git(self.forge, "config", "uploadpack.allowAnySHA1InWant", "true")
        _git(self.tree, "remote", "add", "origin", str(self.forge))
        return self

    def commit(self, message: str) -> str:
        """Commit everything in the checkout."""
        _git(self.tree, "add", "--all")
        _git(self.tree, *IDENTITY, "commit", "--quiet", "--message", message)
        return self.sha("HEAD")

    def sha(self, revision: str) -> str:
        """Return a commit's hash in the checkout."""
        return _git(self.tree, "rev-parse", f"{revision}^{{commit}}").strip()

    def push_main(self) -> str:
        """Bring main to the forge and return its commit."""
        _git(self.tree, "push", "--quiet", "origin", "main")
        return self.sha("main")

    def pull(
        self,
        edit: Callable[[Path], None],
        *,
        number: int = 7,
        branch: str = "an-edit",
        title: str = "An edit",
        author: str = "octocat",
        fork: str | None = None,
    ) -> Pull:
        """Commit an edit on a branch (further ones on top), push it as the forge would hold it, and merge it."""
        known = subprocess.run(["git", "rev-parse", "--quiet", "--verify", branch], cwd=self.tree, capture_output=True)
        _git(self.tree, "checkout", "--quiet", *([branch] if known.returncode == 0 else ["-b", branch, "main"]))
        edit(self.tree)
        head = self.commit(title)
        base = self.sha("main")
        _git(self.tree, "checkout", "--quiet", "--detach", "main")
        _git(self.tree, *IDENTITY, "merge", "--quiet", "--no-ff", "--message", f"Merge {head} into {base}", head)
        merge = self.sha("HEAD")
        refs = [f"{head}:refs/pull/{number}/head", f"+{merge}:refs/pull/{number}/merge"]
        refs += [] if fork else [f"{head}:refs/heads/{branch}"]
        _git(self.tree, "push", "--quiet", "origin", *refs)
        return Pull(number, branch, base, head, merge, title, author, fork)

    def run(self, event: str, workflow: str, payload: Mapping[str, Any], at: str = "main", **options: Any) -> Finished:
        """Run a workflow as the forge would: its file and GITHUB_SHA are those of the commit `at`."""
        self.runs += 1
        _git(self.tree, "checkout", "--quiet", "--detach", at)
        shared = {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(self.runs),
            "STAND_IN_FORGE": str(self.forge),
            "STAND_IN_ARTIFACTS": str(self.place / "artifacts"),
            "STAND_IN_PYTHON": PYTHON,
            "SLUICE_VENV": str(shared_packages(self.place)),
            **self.environment,
        }
        variables = {**self.variables, **options.pop("variables", {})}
        scratch = self.place / f"run-{self.runs}"
        return run_workflow(
            self.act, self.tree, event, workflow, payload, scratch, shared, variables=variables, **options
        )

    def artifact(self, name: str, run: int | None = None) -> Path:
        """Where the files of an artifact of a run lie (by default of the last run)."""
        return self.place / "artifacts" / str(run or self.runs) / name

    def repository_payload(self) -> dict[str, Any]:
        """What every event says about the repository."""
        return repository(REPOSITORY, 1)

    def pull_request_event(self, pull: Pull) -> dict[str, Any]:
        """The payload of `pull_request`."""
        return {
            "action": "synchronize",
            "number": pull.number,
            "pull_request": self.pull_payload(pull),
            "repository": self.repository_payload(),
        }

    def pull_payload(self, pull: Pull) -> dict[str, Any]:
        """What the forge says about a pull request."""
        there = repository(pull.fork or REPOSITORY, 2 if pull.fork else 1)
        return {
            "number": pull.number,
            "title": pull.title,
            "state": "open",
            "user": {"login": pull.author, "type": "User"},
            "base": {"ref": "main", "sha": pull.base, "repo": self.repository_payload()},
            "head": {"ref": pull.branch, "sha": pull.head, "repo": there},
        }


def repository(name: str, number: int) -> dict[str, Any]:
    """What the forge says about a repository."""
    owner = {"login": name.partition("/")[0], "type": "Organization"}
    return {"id": number, "full_name": name, "owner": owner, "default_branch": "main", "fork": number != 1}


def shared_packages(place: Path) -> Path:
    """The packages that run the tests, laid out so that scripts/setup takes them for installed."""
    shared = place / "packages"
    version = subprocess.run([PYTHON, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    source = _environment_with_packages()
    for lock in sorted(ROOT.glob("requirements*.lock")):
        stamp = _git(ROOT, "hash-object", lock.name).strip()
        home = shared / f"{version.replace(' ', '-')}-{stamp}"
        if not home.is_dir():
            home.mkdir(parents=True)
            for name in ("bin", "lib", "pyvenv.cfg"):
                (home / name).symlink_to(source / name)
            (home / "packages").write_text(f"{stamp}\n")
    return shared


def _environment_with_packages() -> Path:
    """The virtual environment that holds the packages: ours, or the one that ours shares."""
    here = ROOT / ".venv"
    links = list(here.glob("lib/python*/site-packages/shared-packages.pth"))
    return Path(links[0].read_text().strip()).parents[2] if links else here


def _git(place: Path, *arguments: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=place, capture_output=True, text=True, env=clean)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
