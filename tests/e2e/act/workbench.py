"""A scratch repository at a fake forge: this checkout's engine and workflows, a ground floor, pull requests, runs."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.act.running import PYTHON, ROOT, TOKEN, Finished, run_workflow, workflow_file
from miniature import CARD, MODEL, PROMPT, SUITE, rows, write
from servers.github import GitHubServer
from servers.github_fixtures import WORKFLOW, archive, run_event
from servers.github_routes import pull_json
from servers.github_state import Artifact, Forge, Run, Token
from servers.github_state import Pull as Proposed

REPOSITORY = "acme/answers"
ENGINE = (".ci", ".github", "scripts", "src", ".gitignore", "pyproject.toml", "README.md", "LICENSE")
IDENTITY = ("-c", "user.name=Octo Cat", "-c", "user.email=octocat@example.test", "-c", "commit.gpgsign=false")
APP_TOKEN, APP_KEY, APP_ID = "the-token-of-the-app", "the-key-of-the-app", 4242
EASY_SUITE = {**SUITE, "gates": {"correct": {"max_drop": 0.1, "floor": 0.5}}}

GroundFloor = Callable[[Path], None]


def small_floor(root: Path) -> None:
    """One served prompt with one suite, whose 180 cases suffice for its margin."""
    write(root, "prompts/answer.yaml", PROMPT)
    write(root, "datasets/questions.yaml", CARD)
    write(root, "datasets/questions.jsonl", rows(180))
    write(root, "evals/answer.yaml", EASY_SUITE)
    write(root, "models/served.yaml", MODEL)


def signing_floor(root: Path) -> None:
    """The small floor, with the public half of a key; the secret half lies beside the checkout."""
    small_floor(root)
    made = sluice(root, "evidence", "keygen", str(root.parent), "--root", str(root))
    assert made.returncode == 0, made.stdout + made.stderr


@functools.cache
def engine_files() -> tuple[Path, ...]:
    """The files of this checkout that make the engine and its workflows, tracked or not yet."""
    locks = [path.name for path in ROOT.glob("requirements*.lock")]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *ENGINE, *locks]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    found = [ROOT / path for path in sorted(set(listed.split("\0"))) if path]
    return tuple(path for path in found if path.is_file())


class StoringForge(Forge):
    """A forge that also has the artifacts which the workflows of the test uploaded."""

    def __init__(self, git: Path, store: Path) -> None:
        self._store = store
        self._given: list[Artifact] = []
        self._ids: dict[tuple[int, str], int] = {}
        super().__init__(REPOSITORY, git)

    @property
    def artifacts(self) -> list[Artifact]:
        """What was given by hand, and what lies in the store."""
        places = sorted(self._store.glob("*/*")) if self._store.is_dir() else []
        return [*self._given, *(self._uploaded(int(place.parent.name), place) for place in places)]

    @artifacts.setter
    def artifacts(self, value: list[Artifact]) -> None:
        self._given = value

    def _uploaded(self, run: int, place: Path) -> Artifact:
        number = self._ids.setdefault((run, place.name), self.number())
        files = [path for path in sorted(place.rglob("*")) if path.is_file()]
        data = archive({path.relative_to(place).as_posix(): path.read_bytes() for path in files})
        head = self.runs[run].head_sha if run in self.runs else "0" * 40
        return Artifact(number, run, place.name, data, head)

    def give(self, run: int, data: bytes, head_sha: str) -> None:
        """Put an artifact of a run there that no workflow of the test uploaded."""
        self._given.append(Artifact(self.number(), run, "sluice-judgement", data, head_sha))


@dataclass
class Pull:
    """A pull request: `head` is its branch's commit, `merge` the forge's merge with main as it was then."""

    number: int
    branch: str
    base: str
    head: str
    merge: str
    fork: str | None = None


@dataclass
class Workbench:
    """The forge, its Git directory, a checkout in which act runs, and what every run shares.

    `environment`, `programs`: variables and directories of programs that the runner has besides.
    """

    place: Path
    act: Path
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    programs: list[Path] = field(default_factory=list)
    runs: int = 100
    forge: StoringForge = field(init=False)
    server: GitHubServer = field(init=False)

    @property
    def git_directory(self) -> Path:
        """The bare repository that stands for the forge's."""
        return self.place / "forge.git"

    @property
    def tree(self) -> Path:
        """The checkout whose workflow files act reads."""
        return self.place / "tree"

    def start(self, floor: GroundFloor = small_floor) -> Workbench:
        """Make the repository with one commit on main, and start the forge."""
        self.tree.mkdir(parents=True)
        for path in engine_files():
            target = self.tree / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        floor(self.tree)
        git(self.tree, "init", "--quiet", "--initial-branch", "main")
        self.commit("The first commit")
        git(self.place, "clone", "--quiet", "--bare", str(self.tree), str(self.git_directory))
        git(self.git_directory, "config", "uploadpack.allowAnySHA1InWant", "true")
        git(self.tree, "remote", "add", "origin", str(self.git_directory))
        self.forge = StoringForge(self.git_directory, self.place / "artifacts")
        self.forge.permissions.update(octocat="write", maintainer="write", reader="read")
        self.server = GitHubServer(self.forge).start()
        return self

    def signing_key(self) -> str:
        """The secret key that `signing_floor` made."""
        [secret] = [
            path for path in self.place.iterdir() if path.is_file() and "PRIVATE KEY" in path.read_text("utf-8")
        ]
        return secret.read_text(encoding="utf-8")

    def stop(self) -> None:
        """Stop the forge; it must have seen nothing that departs from GitHub's contract."""
        self.server.stop()
        assert self.server.violations == []

    def commit(self, message: str) -> str:
        """Commit everything in the checkout."""
        git(self.tree, "add", "--all")
        git(self.tree, *IDENTITY, "commit", "--quiet", "--message", message)
        return self.sha("HEAD")

    def sha(self, revision: str) -> str:
        """Return a commit's hash in the checkout."""
        return git(self.tree, "rev-parse", f"{revision}^{{commit}}").strip()

    def on_main(self, edit: Callable[[Path], None], message: str = "An edit of main") -> str:
        """Commit an edit on main and push it; return the commit."""
        git(self.tree, "checkout", "--quiet", "main")
        edit(self.tree)
        commit = self.commit(message)
        git(self.tree, "push", "--quiet", "origin", "main")
        return commit

    def merge(self, pull: Pull) -> str:
        """Merge a pull request into main as the forge would squash it: the same content in a commit of its own."""
        git(self.tree, "checkout", "--quiet", "main")
        git(self.tree, "merge", "--quiet", "--squash", pull.head)
        commit = self.commit(f"Squashed #{pull.number}")
        git(self.tree, "push", "--quiet", "origin", "main")
        return commit

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
        git(self.tree, "checkout", "--quiet", *([branch] if known.returncode == 0 else ["-b", branch, "main"]))
        edit(self.tree)
        head = self.commit(title)
        base = self.sha("main")
        git(self.tree, "checkout", "--quiet", "--detach", "main")
        git(self.tree, *IDENTITY, "merge", "--quiet", "--no-ff", "--message", f"Merge {head} into {base}", head)
        merge = self.sha("HEAD")
        refs = [f"+{head}:refs/pull/{number}/head", f"+{merge}:refs/pull/{number}/merge"]
        refs += [] if fork else [f"{head}:refs/heads/{branch}"]
        git(self.tree, "push", "--quiet", "origin", *refs)
        self.forge.add_pull(Proposed(number, author, head, branch, base, fork=fork, title=title))
        return Pull(number, branch, base, head, merge, fork)

    def run(self, event: str, workflow: str, payload: Mapping[str, Any], at: str = "main", **options: Any) -> Finished:
        """Run a workflow as the forge would: its file and GITHUB_SHA are those of the commit `at`.

        `attempt` above 1 is the last run once more, under its number.
        """
        attempt = options.pop("attempt", 1)
        self.runs += attempt == 1
        git(self.tree, "checkout", "--quiet", "--detach", at)
        allowed = rights(workflow)
        self.forge.token(TOKEN, **allowed)
        self.forge.tokens[APP_TOKEN] = Token("answers-app[bot]", allowed, APP_ID, "answers-app")
        environment = {
            "GITHUB_API_URL": self.server.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(self.runs),
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "STAND_IN_FORGE": str(self.git_directory),
            "STAND_IN_ARTIFACTS": str(self.place / "artifacts"),
            "STAND_IN_PYTHON": PYTHON,
            "SLUICE_VENV": str(shared_packages(self.place)),
            **self.environment,
        }
        given = {
            "variables": self.variables | options.pop("variables", {}),
            "secrets": self.secrets | options.pop("secrets", {}),
            "programs": self.programs,
        }
        scratch = self.place / f"run-{self.runs}-{attempt}"
        done = run_workflow(self.act, self.tree, event, workflow, payload, scratch, environment, **given, **options)
        head = payload.get("pull_request", {}).get("head", {}).get("sha") or self.sha(at)
        path = f".github/workflows/{workflow}"
        self.forge.runs[self.runs] = Run(self.runs, path, event, head, "failure" if done.code else "success")
        return done

    def judge(self, pull: Pull, attempt: int = 1, **variables: str) -> Finished:
        """Play a push to a pull request, or another attempt of the run about it."""
        payload = {
            "action": "synchronize",
            "number": pull.number,
            "pull_request": pull_json(self.forge, self.forge.pulls[pull.number]),
            "repository": self.forge.repository(),
        }
        options = {"at": pull.merge, "variables": variables, "attempt": attempt}
        return self.run("pull_request", "pull-request.yml", payload, **options)

    def artifact(self, name: str, run: int | None = None) -> Path:
        """Where the files of an artifact of a run lie (by default of the last run)."""
        return self.place / "artifacts" / str(run or self.runs) / name

    def judgement(self, run: int | None = None) -> Any:
        """The judgement that a run stored."""
        return read_json(self.artifact("sluice-judgement", run) / "judgement.json")

    def by_hand(self, pull: Pull, endpoint: str) -> Path:
        """What a person gets who runs the workflow's command in a clone: the file with the judgement."""
        clone = self.place / f"by-hand-{pull.merge}"
        if not clone.is_dir():
            git(self.place, "clone", "--quiet", str(self.git_directory), str(clone))
            git(clone, "fetch", "--quiet", "origin", f"refs/pull/{pull.number}/merge")
        words = ("eval", "--base", pull.base, "--head", pull.merge, "--output", "judgement.json")
        assert sluice(clone, *words, SLUICE_ENDPOINT=endpoint).returncode in (0, 1, 4)
        return clone / "judgement.json"

    def ended(
        self, pull: Pull, judgement: bytes | None, conclusion: str = "success", event: str = "pull_request"
    ) -> dict[str, Any]:
        """Pretend that pull-request.yml ran and stored this; return the payload of `workflow_run`."""
        self.runs += 1
        head = pull.merge if event == "merge_group" else pull.head
        self.forge.runs[self.runs] = Run(self.runs, WORKFLOW, event, head, conclusion)
        if judgement is not None:
            self.forge.give(self.runs, archive({"judgement.json": judgement}), head)
        there = self.forge.repository(pull.fork)
        changes = {"event": event, "conclusion": conclusion, "head_branch": pull.branch, "head_repository": there}
        return run_event(self.forge, head, self.runs, **changes)

    def last_run(self, pull: Pull) -> dict[str, Any]:
        """The payload of `workflow_run` about the run that was played last."""
        run = self.forge.runs[self.runs]
        there = self.forge.repository(pull.fork)
        changes = {"conclusion": run.conclusion, "head_branch": pull.branch, "head_repository": there}
        return run_event(self.forge, pull.head, self.runs, **changes)


def rights(workflow: str) -> dict[str, str]:
    """What the token of a workflow may do at most, as its file grants it: act gives every job the same one."""
    found: dict[str, str] = {}
    for job in workflow_file(workflow)["jobs"].values():
        for name, level in (job.get("permissions") or {}).items():
            key = name.replace("-", "_")
            found[key] = "write" if "write" in (level, found.get(key)) else level
    return found


def shared_packages(place: Path) -> Path:
    """The packages that run the tests, laid out so that scripts/setup takes them for installed."""
    shared = place / "packages"
    version = subprocess.run([PYTHON, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    source = _environment_with_packages()
    for lock in sorted(ROOT.glob("requirements*.lock")):
        stamp = git(ROOT, "hash-object", lock.name).strip()
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


def sluice(place: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this checkout's command line in a directory."""
    given = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "CI": "true", **environment}
    command = [sys.executable, "-m", "sluice.cli", *words]
    return subprocess.run(command, cwd=place, env=given, capture_output=True, text=True)


def git(place: Path, *arguments: str) -> str:
    """Run Git; it must end well."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=place, capture_output=True, text=True, env=clean)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
