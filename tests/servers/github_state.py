"""What the fake forge knows: accounts, tokens, pull requests, comments, issues, checks, artifacts, Git objects."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ACTIONS_APP = 15368
ACTIONS_BOT = "github-actions[bot]"


@dataclass(frozen=True)
class Token:
    """Who a token writes as, by which App, and what it may do (`issues` -> `read` or `write`; `metadata` is free)."""

    login: str = ACTIONS_BOT
    permissions: dict[str, str] = field(default_factory=dict)
    app_id: int | None = ACTIONS_APP
    app_slug: str = "github-actions"

    def may(self, permission: str, level: str) -> bool:
        if permission == "metadata":
            return True
        return self.permissions.get(permission) in (("write",) if level == "write" else ("read", "write"))


@dataclass
class Pull:
    """A pull request. `fork` is the full name of the repository that its head lies in, where it is another one."""

    number: int
    author: str
    head_sha: str
    head_ref: str
    base_sha: str
    base_ref: str = "main"
    fork: str | None = None
    state: str = "open"
    title: str = "A change"
    commits: list[tuple[str, str | None, int]] = field(default_factory=list)
    """(hash, login of the author or None, number of parents)"""


@dataclass
class Artifact:
    """A stored artifact; `data` is the whole zip archive."""

    id: int
    run: int
    name: str
    data: bytes
    head_sha: str
    expired: bool = False
    announced: int | None = None


@dataclass
class Run:
    """A workflow run."""

    id: int
    path: str
    event: str
    head_sha: str
    conclusion: str | None = "success"
    status: str = "completed"
    attempt: int = 1


class Forge:
    """The state of one repository at the fake forge. Times go forward by a second with each change."""

    def __init__(self, full_name: str = "octo/portal", git: Path | None = None) -> None:
        self.full_name = full_name
        self.git = git
        self.private = False
        self.default_branch = "main"
        self.tokens: dict[str, Token] = {}
        self.permissions: dict[str, str] = {}
        self.pulls: dict[int, Pull] = {}
        self.comments: list[dict[str, Any]] = []
        self.issues: dict[int, dict[str, Any]] = {}
        self.checks: list[dict[str, Any]] = []
        self.artifacts: list[Artifact] = []
        self.runs: dict[int, Run] = {}
        self.branches: dict[str, str] = {}
        self.blobs: dict[str, bytes] = {}
        self.parents: dict[str, list[str]] = {}
        self.comparisons: dict[tuple[str, str], dict[str, Any]] = {}
        self.settings: dict[str, Any] = {}
        self.numbers = itertools.count(1001)
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def number(self) -> int:
        """A new id."""
        return next(self.numbers)

    def tick(self, seconds: float = 1.0) -> str:
        """Let time pass and return it as the API writes it."""
        self.now += timedelta(seconds=seconds)
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def token(self, secret: str = "ghs_test", **permissions: str) -> str:
        """Make a token of the workflow's own App with these permissions (`pull_requests="write"`)."""
        self.tokens[secret] = Token(permissions=dict(permissions))
        return secret

    def user(self, login: str) -> dict[str, Any]:
        kind = "Bot" if login.endswith("[bot]") else "User"
        return {"login": login, "id": int(hashlib.sha256(login.encode()).hexdigest()[:6], 16) + 1, "type": kind}

    def repository(self, full_name: str | None = None) -> dict[str, Any]:
        name = full_name or self.full_name
        number = int(hashlib.sha256(name.encode()).hexdigest()[:7], 16) + 1
        owner = {**self.user(name.split("/")[0]), "type": "Organization"}
        return {"id": number, "name": name.split("/")[1], "full_name": name, "owner": owner, "private": self.private,
                "fork": name != self.full_name, "default_branch": self.default_branch, "archived": False}  # fmt: skip

    def add_pull(self, pull: Pull) -> Pull:
        """Propose a change; its commits default to one by its author."""
        pull.commits = pull.commits or [(pull.head_sha, pull.author, 1)]
        self.pulls[pull.number] = pull
        return pull

    def add_comment(self, number: int, login: str, body: str) -> dict[str, Any]:
        moment = self.tick()
        comment = {"id": self.number(), "issue": number, "body": body, "user": self.user(login), "created_at": moment,
                   "updated_at": moment, "reactions": []}  # fmt: skip
        comment["html_url"] = f"https://github.com/{self.full_name}/pull/{number}#issuecomment-{comment['id']}"
        self.comments.append(comment)
        return comment

    def add_issue(self, login: str, title: str, body: str) -> dict[str, Any]:
        number = max([0, *self.issues, *self.pulls]) + 1
        self.issues[number] = {"number": number, "title": title, "body": body, "user": self.user(login),
                               "state": "open", "state_reason": None}  # fmt: skip
        return self.issues[number]

    def add_artifact(self, run: int, data: bytes, head_sha: str, name: str = "sluice-judgement") -> Artifact:
        artifact = Artifact(self.number(), run, name, data, head_sha)
        self.artifacts.append(artifact)
        return artifact

    def comments_on(self, number: int) -> list[dict[str, Any]]:
        return [comment for comment in self.comments if comment["issue"] == number]

    def add_blob(self, data: bytes) -> str:
        name = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        self.blobs[name] = data
        return name

    def blob(self, name: str) -> bytes | None:
        if name in self.blobs or self.git is None:
            return self.blobs.get(name)
        return self._git("cat-file", "blob", name)

    def commit_parents(self, name: str) -> list[str] | None:
        if name in self.parents or self.git is None:
            return self.parents.get(name)
        shown = self._git("rev-list", "--parents", "-n", "1", name)
        return None if shown is None else shown.decode().split()[1:]

    def comparison(self, base: str, head: str) -> dict[str, Any] | None:
        """What `head` changes since it left `base`: as told, or from the Git repository behind the forge."""
        if (base, head) in self.comparisons or self.git is None:
            return self.comparisons.get((base, head))
        shared = self._git("merge-base", base, head)
        if shared is None:
            return None
        start = shared.decode().strip()
        raw = self._git("diff-tree", "-r", "-z", "-M", "--raw", "--no-abbrev", start, head) or b""
        return {"merge_base": start, "files": list(self._changed(raw.decode().split("\0"), start, head))}

    def _changed(self, fields: list[str], start: str, head: str) -> Any:
        words = iter(fields)
        for header in words:
            if not header:
                return
            _, _, _, blob, status = header.lstrip(":").split()
            name = next(words)
            new = next(words) if status[0] in "RC" else name
            patch = self._git("diff", "-M", start, head, "--", name, new) or b""
            text = patch.decode("utf-8", "replace")
            file = {"filename": new, "status": _STATUS[status[0]], "sha": None if status[0] == "D" else blob,
                    "patch": text[text.find("@@") :].rstrip("\n") if "@@" in text else None}  # fmt: skip
            yield {**file, "previous_filename": name} if new != name else file

    def _git(self, *arguments: str) -> bytes | None:
        done = subprocess.run(["git", *arguments], cwd=self.git, capture_output=True, check=False)
        return done.stdout if done.returncode == 0 else None


_STATUS = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}
