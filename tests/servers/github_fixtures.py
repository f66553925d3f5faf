"""The pytest fixture around the fake forge, with builders of events and artifacts; a conftest imports it by name."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from servers.github import GitHubServer
from servers.github_state import Forge, Pull, Token
from sluice.forge.client import GitHub
from sluice.forge.patience import Patience

BASE, HEAD, NEXT = "b" * 40, "a" * 40, "c" * 40
WORKFLOW = ".github/workflows/pull-request.yml"
REPORTING = {"pull_requests": "write", "actions": "read", "contents": "read", "checks": "write"}
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Waits(list[float]):
    """The waits that a client asked for; none takes time."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client_of(server: GitHubServer, waits: Waits | None = None, patience: Patience | None = None, **permissions: str):
    """A client whose token has these permissions (default: those of the comment's job) and that never sleeps."""
    token = server.forge.token("ghs_test", **(permissions or REPORTING))
    sleep = Waits() if waits is None else waits
    chosen = patience or Patience()
    return GitHub(server.url, server.forge.full_name, token, patience=chosen, sleep=sleep, now=lambda: NOW)


@pytest.fixture
def start_forge() -> Iterator[Callable[..., GitHubServer]]:
    """Start fake forges; at the end none may have seen a violation, and every fault must have been met."""
    servers: list[GitHubServer] = []

    def start(forge: Forge | None = None) -> GitHubServer:
        servers.append(GitHubServer(forge or Forge()).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
    assert [violation for server in servers for violation in server.violations] == []
    assert [fault for server in servers for fault in server.unused_faults()] == []


@pytest.fixture
def server(start_forge: Callable[..., GitHubServer]) -> GitHubServer:
    """One forge with pull request #7 by `author`, whose head is HEAD, and a second, #8, by somebody else."""
    forge = Forge()
    forge.permissions.update(author="write", maintainer="write", reader="read", outsider="none")
    forge.add_pull(Pull(7, "author", HEAD, "reword", BASE))
    forge.add_pull(Pull(8, "other", "d" * 40, "other", BASE))
    forge.comparisons[(BASE, HEAD)] = {"merge_base": BASE, "files": [file("prompts/answer.yaml")]}
    return start_forge(forge)


def file(path: str, status: str = "modified", **more: Any) -> dict[str, Any]:
    """One file of a comparison."""
    return {"filename": path, "status": status, "sha": "e" * 40, "patch": "@@ -1 +1,2 @@\n line\n+added", **more}


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return data.getvalue()


def app_token(forge: Forge, secret: str = "ghs_app", **permissions: str) -> str:
    """A token of an App of one's own."""
    forge.tokens[secret] = Token("sluice-app[bot]", dict(permissions), 4242, "sluice-app")
    return secret


def run_event(forge: Forge, head: str = HEAD, run: int = 501, **changes: Any) -> dict[str, Any]:
    """The payload of `workflow_run`; `changes` replace keys of the run (None for `path` leaves it out)."""
    inner = {
        "id": run, "run_attempt": 1, "name": "pull request", "event": "pull_request", "path": WORKFLOW,
        "head_sha": head, "head_branch": "reword", "head_repository": forge.repository(), "conclusion": "success",
        "pull_requests": [], "html_url": "https://evil.example/run", **changes,
    }  # fmt: skip
    workflow = {"id": 9, "name": "pull request", "path": inner["path"] or WORKFLOW}
    return {"action": "completed", "workflow_run": inner, "workflow": workflow, "repository": forge.repository(),
            "sender": forge.user("author")}  # fmt: skip


def comment_event(forge: Forge, number: int, login: str, body: str, **changes: Any) -> dict[str, Any]:
    """The payload of `issue_comment`, with the comment itself at the forge; `changes` replace keys of the comment."""
    comment = forge.add_comment(number, login, body)
    shown = {key: value for key, value in comment.items() if key not in ("issue", "reactions")}
    pull = {"url": "…"} if number in forge.pulls else None
    issue = {"number": number, "state": "open", "title": "A change", **({"pull_request": pull} if pull else {})}
    return {"action": "created", "issue": issue, "comment": {**shown, "performed_via_github_app": None, **changes},
            "repository": forge.repository(), "sender": forge.user(login)}  # fmt: skip
