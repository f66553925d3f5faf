"""The workflow's environment and the event that started it, as typed values; anything else is refused in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice.errors import UsageError
from sluice.forge.answers import Answer, Body, Branch, Number, Repository, Sha, User, read
from sluice.forge.client import GitHub
from sluice.forge.failures import ForgeError
from sluice.forge.transport import checked_url

DEFAULT_AUTHOR = "github-actions[bot]"
AUTHOR_VARIABLE = "SLUICE_FORGE_AUTHOR"
WORKFLOW = ".github/workflows/pull-request.yml"
"""The workflow that judges pull requests; another of the same name in a pull request is not it."""
COMMANDS = ".github/workflows/commands.yml"
"""The workflow that carries out commands, with the default branch's code."""

MOST_PAYLOAD_BYTES = 32 * 2**20
_JUDGING_EVENTS = frozenset({"pull_request", "merge_group"})


class TriggeringRepository(Repository):
    """The repository that an event belongs to."""

    default_branch: Branch


class FinishedRun(Answer):
    """The workflow run that a `workflow_run` event is about."""

    id: Number
    run_attempt: Number = 1
    event: str
    path: str | None = None
    head_sha: Sha
    head_branch: Branch | None = None
    head_repository: Repository | None = None
    conclusion: str | None = None


class _Workflow(Answer):
    path: str


class RunEvent(Answer):
    """The payload of `workflow_run`."""

    action: str
    workflow_run: FinishedRun
    workflow: _Workflow | None = None
    repository: TriggeringRepository


class CommandComment(Answer):
    """The comment of an `issue_comment` event."""

    id: Number
    body: Body | None = None
    user: User | None = None
    created_at: str
    html_url: str = ""
    performed_via_github_app: dict[str, Any] | None = None


class _Issue(Answer):
    number: Number
    state: str
    pull_request: dict[str, Any] | None = None


class CommentEvent(Answer):
    """The payload of `issue_comment`."""

    action: str
    issue: _Issue
    comment: CommandComment
    repository: TriggeringRepository

    @property
    def ignored(self) -> str | None:
        """Say why nothing in this comment may be a command, None where it may."""
        author = self.comment.user
        if self.action != "created":
            return "only new comments are read; this one was edited or deleted"
        if self.issue.pull_request is None:
            return "this comment is on an issue, not on a pull request"
        if author is None or author.is_bot or self.comment.performed_via_github_app is not None:
            return "this comment was written by a program; commands are given by people"
        return None


@dataclass(frozen=True, slots=True)
class Environment:
    """What a step of a workflow knows. `author` is the login that writes with this token."""

    event: str
    repository: str
    run: int
    attempt: int
    api_url: str
    server_url: str
    author: str
    token: str = field(repr=False)
    payload: Any = field(repr=False)

    @property
    def run_url(self) -> str:
        """The page of the run that this step belongs to."""
        return self.url_of_run(self.run)

    def url_of_run(self, run: int) -> str:
        """The page of a run of this repository; never taken from a payload."""
        return f"{self.server_url}/{self.repository}/actions/runs/{run}"

    def client(self) -> GitHub:
        """Return a client for this repository."""
        return GitHub(self.api_url, self.repository, self.token)

    def finished_run(self) -> RunEvent:
        """Return the payload of `workflow_run`, of the workflow that judges pull requests and of no other."""
        event = read(RunEvent, self.payload, "the event's payload")
        self._same_repository(event.repository)
        named = (event.workflow_run.path, event.workflow.path if event.workflow else None)
        paths = {path.split("@")[0] for path in named if path}
        if event.action != "completed" or paths != {WORKFLOW}:
            raise ForgeError(f"this run is not a completed one of {WORKFLOW}; its artifacts are not read")
        if event.workflow_run.event not in _JUDGING_EVENTS:
            raise ForgeError(f"this run was not started by {' or '.join(sorted(_JUDGING_EVENTS))}; it is not read")
        return event

    def comment(self) -> CommentEvent:
        """Return the payload of `issue_comment`."""
        event = read(CommentEvent, self.payload, "the event's payload")
        self._same_repository(event.repository)
        return event

    def _same_repository(self, repository: Repository) -> None:
        if repository.full_name.lower() != self.repository.lower():
            raise ForgeError(f"the event's payload belongs to another repository than {self.repository}")


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Return the workflow's environment; raise UsageError where this is none, ForgeError for a hostile payload."""
    return Environment(
        event=_required(environ, "GITHUB_EVENT_NAME"),
        repository=_required(environ, "GITHUB_REPOSITORY"),
        run=_number(environ, "GITHUB_RUN_ID"),
        attempt=_number(environ, "GITHUB_RUN_ATTEMPT", 1),
        api_url=environ.get("GITHUB_API_URL") or "https://api.github.com",
        server_url=checked_url(environ.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/"),
        author=environ.get(AUTHOR_VARIABLE) or DEFAULT_AUTHOR,
        token=_required(environ, "GITHUB_TOKEN"),
        payload=_payload(Path(_required(environ, "GITHUB_EVENT_PATH"))),
    )


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise UsageError(f"`sluice forge` runs in a workflow's step; {name} is not set here")
    return value


def _number(environ: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environ.get(name, "")
    if not text and default is not None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise UsageError(f"`sluice forge` runs in a workflow's step; {name} is no number here")
    return int(text)


def _payload(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_PAYLOAD_BYTES + 1)
    except OSError:
        raise UsageError("GITHUB_EVENT_PATH names no file that can be read") from None
    if len(data) > MOST_PAYLOAD_BYTES:
        raise ForgeError(f"the event's payload is larger than {MOST_PAYLOAD_BYTES:,} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise ForgeError("the event's payload is no JSON") from None
