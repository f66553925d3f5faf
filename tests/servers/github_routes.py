"""The routes of the fake forge that pull requests need: what each takes, who may, and what it does."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from servers.github_state import Artifact, Forge, Pull, Token

MOST_BODY = 65_536
MOST_OUTPUT = 65_535
MOST_ANNOTATIONS = 50
REACTIONS = {"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}
CONCLUSIONS = {"success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"}
Check = Callable[[Any], bool]


class ApiError(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, message: str, errors: list[Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "documentation_url": "https://docs.github.com/rest"}
        if errors:
            self.body["errors"] = errors


@dataclass
class Call:
    """A request that passed the gate: named parts of its path, query, body, and the token that it came with."""

    forge: Forge
    token: Token
    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    blob_url: str
    headers: dict[str, str] = field(default_factory=dict)
    """What the answer carries besides its body."""

    def int(self, name: str) -> int:
        return int(self.parts[name])


@dataclass(frozen=True)
class Page:
    """A list to be cut into pages; `key` wraps it into an object with `total_count`."""

    items: list[Any]
    key: str | None = None


@dataclass(frozen=True)
class Answered:
    """A status other than 200 with its body."""

    status: int
    body: Any = None


@dataclass(frozen=True)
class Route:
    """One method on one path. `body` maps keys to checks; keys that end in `!` are required."""

    method: str
    pattern: re.Pattern[str]
    handle: Callable[[Call], Any]
    permissions: tuple[str, ...]
    query: frozenset[str]
    body: Mapping[str, Check] | None

    def unmet(self, token: Token) -> str | None:
        """Return what a token lacks, as the API tells it; one of several permissions is enough."""
        wanted = [one.split("=") for one in self.permissions]
        return None if any(token.may(*one) for one in wanted) else " , ".join(self.permissions)


ROUTES: list[Route] = []
PAGED = {"per_page", "page"}


def route(
    method: str, path: str, permissions: str, query: set[str] = frozenset(), body: Mapping[str, Check] | None = None
) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Register a handler; `{name}` in a path stands for one part, `{name:+}` for the rest."""

    def register(handle: Callable[[Call], Any]) -> Callable[[Call], Any]:
        pattern = re.sub(r"\{(\w+):\+\}", r"(?P<\1>.+)", path)
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern))
        ROUTES.append(Route(method, pattern, handle, tuple(permissions.split("|")), frozenset(query), body))
        return handle

    return register


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def one_of(*values: str) -> Check:
    return lambda value: value in values


def is_hash(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{40}", value) is not None


REPO = "/repos/{owner}/{repo}"


@route("GET", REPO, "metadata=read")
def repository(call: Call) -> Any:
    return call.forge.repository()


# Pull requests


def pull_json(forge: Forge, pull: Pull) -> dict[str, Any]:
    return {
        "number": pull.number, "state": pull.state, "title": pull.title, "user": forge.user(pull.author),
        "merged": False, "draft": False,
        "head": {"sha": pull.head_sha, "ref": pull.head_ref, "label": f"{_owner(forge, pull)}:{pull.head_ref}",
                 "repo": None if pull.fork == "" else forge.repository(pull.fork)},
        "base": {"sha": pull.base_sha, "ref": pull.base_ref, "repo": forge.repository()},
    }  # fmt: skip


def _owner(forge: Forge, pull: Pull) -> str:
    return (pull.fork or forge.full_name).split("/")[0]


def _pull(call: Call) -> Pull:
    pull = call.forge.pulls.get(call.int("number"))
    if pull is None:
        raise ApiError(404, "Not Found")
    return pull


@route("GET", f"{REPO}/pulls", "pull_requests=read", {"state", "head", "base", *PAGED})
def list_pulls(call: Call) -> Any:
    state, head = call.query.get("state", "open"), call.query.get("head")
    found = [pull_json(call.forge, pull) for pull in call.forge.pulls.values() if state in ("all", pull.state)]
    return Page([pull for pull in found if head in (None, pull["head"]["label"])])


@route("GET", f"{REPO}/pulls/{{number}}", "pull_requests=read")
def get_pull(call: Call) -> Any:
    return pull_json(call.forge, _pull(call))


@route("GET", f"{REPO}/pulls/{{number}}/commits", "pull_requests=read", PAGED)
def pull_commits(call: Call) -> Any:
    return Page([
        {"sha": sha, "author": call.forge.user(login) if login else {}, "committer": call.forge.user("web-flow"),
         "parents": [{"sha": "0" * 40}] * parents, "commit": {"message": "…"}}
        for sha, login, parents in _pull(call).commits
    ][:250])  # fmt: skip


@route("GET", f"{REPO}/commits/{{sha}}/pulls", "pull_requests=read", PAGED)
def pulls_of_commit(call: Call) -> Any:
    """As the real one: commits that only a fork has are in no pull request here."""
    pulls = [pull for pull in call.forge.pulls.values() if pull.head_sha == call.parts["sha"] and pull.fork is None]
    return Page([pull_json(call.forge, pull) for pull in pulls])


@route("GET", f"{REPO}/collaborators/{{login}}/permission", "metadata=read")
def permission(call: Call) -> Any:
    login = call.parts["login"]
    level = call.forge.permissions.get(login, "none" if call.forge.private else "read")
    legacy = {"maintain": "write", "triage": "read"}.get(level, level)
    return {"permission": legacy, "role_name": level, "user": call.forge.user(login)}


# Comments and reactions


def _comment_json(comment: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in comment.items() if key not in ("issue", "reactions")}


def _body(call: Call) -> str:
    body = call.body["body"]
    if not body:
        raise ApiError(422, "Validation Failed", [{"resource": "IssueComment", "code": "missing_field"}])
    if len(body) > MOST_BODY:
        raise ApiError(422, "Validation Failed", [f"Body is too long (maximum is {MOST_BODY} characters)"])
    return body


def _comment(call: Call) -> dict[str, Any]:
    found = [comment for comment in call.forge.comments if comment["id"] == call.int("id")]
    if not found:
        raise ApiError(404, "Not Found")
    return found[0]


COMMENTING = "issues=write|pull_requests=write"


@route("GET", f"{REPO}/issues/{{number}}/comments", "issues=read|pull_requests=read", PAGED)
def list_comments(call: Call) -> Any:
    if call.int("number") not in {*call.forge.pulls, *call.forge.issues}:
        raise ApiError(404, "Not Found")
    return Page([_comment_json(comment) for comment in call.forge.comments_on(call.int("number"))])


@route("POST", f"{REPO}/issues/{{number}}/comments", COMMENTING, body={"body!": is_text})
def create_comment(call: Call) -> Any:
    if call.int("number") not in {*call.forge.pulls, *call.forge.issues}:
        raise ApiError(404, "Not Found")
    return Answered(201, _comment_json(call.forge.add_comment(call.int("number"), call.token.login, _body(call))))


@route("PATCH", f"{REPO}/issues/comments/{{id}}", COMMENTING, body={"body!": is_text})
def edit_comment(call: Call) -> Any:
    comment = _comment(call)
    comment.update(body=_body(call), updated_at=call.forge.tick())
    return _comment_json(comment)


@route("DELETE", f"{REPO}/issues/comments/{{id}}", COMMENTING)
def delete_comment(call: Call) -> Any:
    call.forge.comments.remove(_comment(call))
    return Answered(204)


@route("POST", f"{REPO}/issues/comments/{{id}}/reactions", COMMENTING, body={"content!": one_of(*REACTIONS)})
def react(call: Call) -> Any:
    comment = _comment(call)
    reaction = (call.token.login, call.body["content"])
    known = reaction in comment["reactions"]
    if not known:
        comment["reactions"].append(reaction)
    return Answered(200 if known else 201, {"id": call.forge.number(), "content": call.body["content"]})


# Issues


@route("GET", f"{REPO}/issues", "issues=read", {"state", *PAGED})
def list_issues(call: Call) -> Any:
    state = call.query.get("state", "open")
    issues = [issue for issue in call.forge.issues.values() if state in ("all", issue["state"])]
    pulls = [{"number": pull.number, "title": pull.title, "body": None, "user": call.forge.user(pull.author),
              "state": pull.state, "pull_request": {"url": "…"}} for pull in call.forge.pulls.values()]  # fmt: skip
    return Page([*issues, *pulls])


@route("POST", f"{REPO}/issues", "issues=write", body={"title!": is_text, "body": is_text})
def create_issue(call: Call) -> Any:
    return Answered(201, call.forge.add_issue(call.token.login, call.body["title"], call.body.get("body", "")))


ISSUE_FIELDS = {
    "title": is_text,
    "body": is_text,
    "state": one_of("open", "closed"),
    "state_reason": one_of("completed", "not_planned", "reopened"),
}


@route("PATCH", f"{REPO}/issues/{{number}}", "issues=write", body=ISSUE_FIELDS)
def edit_issue(call: Call) -> Any:
    issue = call.forge.issues.get(call.int("number"))
    if issue is None:
        raise ApiError(404, "Not Found")
    issue.update(call.body)
    return issue


# Checks


def _annotation(value: Any) -> bool:
    wanted = {"path": str, "start_line": int, "end_line": int, "annotation_level": str, "title": str, "message": str}
    if not isinstance(value, dict) or set(value) - set(wanted):
        return False
    typed = all(isinstance(value.get(key), kind) for key, kind in wanted.items() if key != "title")
    ordered = typed and 1 <= value["start_line"] <= value["end_line"]
    return ordered and value["annotation_level"] in ("notice", "warning", "failure")


def _is_output(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) - {"title", "summary", "text", "annotations"}:
        return False
    texts = [value.get("title"), value.get("summary")]
    annotations = value.get("annotations", [])
    return all(map(is_text, texts)) and isinstance(annotations, list) and all(map(_annotation, annotations))


CHECK_FIELDS: dict[str, Check] = {
    "status": one_of("queued", "in_progress", "completed"),
    "conclusion": lambda value: value in CONCLUSIONS,
    "details_url": lambda value: is_text(value) and value.startswith("http"),
    "external_id": is_text,
    "output": _is_output,
}


def _apply_output(run: dict[str, Any], body: Mapping[str, Any]) -> None:
    output = body.get("output")
    if output is None:
        return
    if len(output.get("annotations", [])) > MOST_ANNOTATIONS:
        raise ApiError(422, "Invalid request.", ["No more than 50 annotations"])
    if len(output["summary"]) > MOST_OUTPUT:
        raise ApiError(422, "Only 65535 characters are allowed; summary is too long.")
    run["annotations"] += output.get("annotations", [])
    run["output"] = {
        "title": output["title"],
        "summary": output["summary"],
        "annotations_count": len(run["annotations"]),
    }


@route("POST", f"{REPO}/check-runs", "checks=write", body={"name!": is_text, "head_sha!": is_hash, **CHECK_FIELDS})
def create_check(call: Call) -> Any:
    if call.token.app_id is None:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    if call.body.get("status") == "completed" and "conclusion" not in call.body:
        raise ApiError(422, "Invalid request.", ["conclusion is missing"])
    run = {"id": call.forge.number(), "app": {"id": call.token.app_id, "slug": call.token.app_slug}, "annotations": [],
           "external_id": "", "status": "queued", "conclusion": None, "details_url": None,
           "output": {"title": None, "summary": None, "annotations_count": 0}}  # fmt: skip
    run.update({key: value for key, value in call.body.items() if key != "output"})
    _apply_output(run, call.body)
    call.forge.checks.append(run)
    return Answered(201, _check_json(run))


def _check_json(run: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if key != "annotations"}


def _check(call: Call) -> dict[str, Any]:
    found = [run for run in call.forge.checks if run["id"] == call.int("id")]
    if not found:
        raise ApiError(404, "Not Found")
    return found[0]


@route("GET", f"{REPO}/check-runs/{{id}}", "checks=read")
def get_check(call: Call) -> Any:
    return _check_json(_check(call))


@route("PATCH", f"{REPO}/check-runs/{{id}}", "checks=write", body=CHECK_FIELDS)
def edit_check(call: Call) -> Any:
    run = _check(call)
    if run["app"]["id"] != call.token.app_id:
        raise ApiError(403, "Invalid app_id")
    _apply_output(run, call.body)
    run.update({key: value for key, value in call.body.items() if key != "output"})
    return _check_json(run)


@route("GET", f"{REPO}/commits/{{sha}}/check-runs", "checks=read", {"check_name", "filter", "app_id", *PAGED})
def list_checks(call: Call) -> Any:
    runs = [run for run in call.forge.checks if run["head_sha"] == call.parts["sha"]]
    named = [run for run in runs if call.query.get("check_name") in (None, run["name"])]
    return Page([_check_json(run) for run in named], "check_runs")


# Runs and artifacts


@route("GET", f"{REPO}/actions/runs/{{run}}/artifacts", "actions=read", {"name", *PAGED})
def list_artifacts(call: Call) -> Any:
    found = [one for one in call.forge.artifacts if one.run == call.int("run")]
    return Page([_artifact_json(one) for one in found if call.query.get("name") in (None, one.name)], "artifacts")


def _artifact_json(one: Artifact) -> dict[str, Any]:
    size = len(one.data) if one.announced is None else one.announced
    return {"id": one.id, "name": one.name, "size_in_bytes": size, "expired": one.expired,
            "workflow_run": {"id": one.run, "head_sha": one.head_sha}}  # fmt: skip


@route("GET", f"{REPO}/actions/artifacts/{{id}}/zip", "actions=read")
def download_artifact(call: Call) -> Any:
    found = [one for one in call.forge.artifacts if one.id == call.int("id")]
    if not found:
        raise ApiError(404, "Not Found")
    if found[0].expired:
        raise ApiError(410, "Artifact has expired")
    call.headers["Location"] = f"{call.blob_url}/{found[0].id}?sig=secret-signature"
    return Answered(302)


def run_json(forge: Forge, run_id: int) -> dict[str, Any]:
    run = forge.runs[run_id]
    return {"id": run.id, "path": run.path, "event": run.event, "head_sha": run.head_sha, "status": run.status,
            "conclusion": run.conclusion, "run_attempt": run.attempt}  # fmt: skip


@route("GET", f"{REPO}/actions/runs/{{run}}", "actions=read")
def get_run(call: Call) -> Any:
    if call.int("run") not in call.forge.runs:
        raise ApiError(404, "Not Found")
    return run_json(call.forge, call.int("run"))


@route("GET", f"{REPO}/actions/workflows/{{file}}/runs", "actions=read", {"head_sha", "event", *PAGED})
def list_runs(call: Call) -> Any:
    chosen = [run for run in call.forge.runs.values() if run.path.endswith(f"/{call.parts['file']}")]
    chosen = [run for run in chosen if call.query.get("head_sha") in (None, run.head_sha)]
    chosen = [run for run in chosen if call.query.get("event") in (None, run.event)]
    return Page([run_json(call.forge, run.id) for run in sorted(chosen, key=lambda run: -run.id)], "workflow_runs")


@route("POST", f"{REPO}/actions/runs/{{run}}/rerun-failed-jobs", "actions=write")
def rerun_failed(call: Call) -> Any:
    run = call.forge.runs.get(call.int("run"))
    if run is None:
        raise ApiError(404, "Not Found")
    if run.status != "completed":
        raise ApiError(403, "This workflow is already running")
    run.attempt, run.status, run.conclusion = run.attempt + 1, "queued", None
    return Answered(201, {})


# Git


@route("GET", f"{REPO}/compare/{{range:+}}", "contents=read", PAGED)
def compare(call: Call) -> Any:
    base, _, head = call.parts["range"].partition("...")
    found = call.forge.comparison(base, head)
    if found is None:
        raise ApiError(404, "Not Found")
    return {"merge_base_commit": {"sha": found["merge_base"]}, "files": found["files"][:300], "commits": []}


@route("GET", f"{REPO}/git/blobs/{{sha}}", "contents=read")
def blob(call: Call) -> Any:
    data = call.forge.blob(call.parts["sha"])
    if data is None:
        raise ApiError(404, "Not Found")
    content = base64.encodebytes(data).decode("ascii")
    return {"sha": call.parts["sha"], "encoding": "base64", "content": content, "size": len(data)}


@route("GET", f"{REPO}/git/commits/{{sha}}", "contents=read")
def commit(call: Call) -> Any:
    parents = call.forge.commit_parents(call.parts["sha"])
    if parents is None:
        raise ApiError(404, "Not Found")
    author = {"name": "A Person", "email": "person@example.test", "date": "2026-11-22T12:00:00Z"}
    return {"sha": call.parts["sha"], "author": author, "parents": [{"sha": parent} for parent in parents]}


@route("GET", f"{REPO}/branches/{{name:+}}", "contents=read")
def branch(call: Call) -> Any:
    name = call.parts["name"]
    if name not in call.forge.branches:
        raise ApiError(404, "Branch not found")
    return {"name": name, "commit": {"sha": call.forge.branches[name]}, "protected": True}
