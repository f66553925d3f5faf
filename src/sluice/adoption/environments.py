"""Environments at the forge: who may use them, who must approve, and how a found one falls short of a wanted one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sluice.adoption.answers import Owner
from sluice.adoption.settings import Environment
from sluice.forge.client import GitHub
from sluice.forge.failures import Missing

Reviewer = dict[str, Any]
"""`type` (User or Team) and `id`, as the API takes them."""


def path_of(name: str) -> str:
    """Return an environment's path in the API."""
    return f"environments/{quote(name, safe='')}"


def found(github: GitHub, name: str) -> Any:
    """Return an environment as the API shows it, or None where there is none."""
    try:
        return github.get(path_of(name))
    except Missing:
        return None


def reviewers(github: GitHub, wanted: Environment) -> list[Reviewer]:
    """Return who must approve; raise Missing or NotAllowed where the forge does not tell who that is."""
    return [_reviewer(github, name) for name in wanted.reviewers]


def _reviewer(github: GitHub, name: Owner) -> Reviewer:
    account, _, team = name.removeprefix("@").partition("/")
    if team:
        return {"type": "Team", "id": github.get(f"/orgs/{account}/teams/{team}")["id"]}
    return {"type": "User", "id": github.get(f"/users/{account}")["id"]}


def put(github: GitHub, name: str, wanted: Environment, approvers: Sequence[Reviewer]) -> bool:
    """Bring an environment to what is wanted; return whether anything had to change.

    Without `approvers` those that are set already stay.
    """
    there = found(github, name)
    if not list(shortfalls(wanted, approvers, there)):
        return False
    chosen = list(approvers) or _present(there)
    body = {
        "wait_timer": wanted.wait_timer,
        "prevent_self_review": wanted.prevent_self_review and bool(chosen),
        "reviewers": chosen or None,
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    }
    github.send("PUT", path_of(name), body)
    return True


def shortfalls(wanted: Environment, approvers: Sequence[Reviewer], there: Any) -> Iterator[str]:
    """Yield how an environment that the API returned falls short of the one that is wanted."""
    if there is None:
        yield "it does not exist"
        return
    if (there.get("deployment_branch_policy") or {}).get("custom_branch_policies") is not True:
        yield "any branch may use it"
    required = _rules(there).get("required_reviewers", {})
    if approvers and not _pairs(approvers) <= _pairs(_present(there)):
        yield f"{', '.join(wanted.reviewers)} need not approve"
    if approvers and wanted.prevent_self_review and required.get("prevent_self_review") is not True:
        yield "whoever started a run may approve it"
    if _rules(there).get("wait_timer", {}).get("wait_timer", 0) < wanted.wait_timer:
        yield f"it waits less than {wanted.wait_timer} minutes"


def _rules(there: Any) -> dict[str, Any]:
    return {str(rule.get("type")): rule for rule in (there or {}).get("protection_rules") or []}


def _present(there: Any) -> list[Reviewer]:
    listed = _rules(there).get("required_reviewers", {}).get("reviewers") or []
    return [{"type": one.get("type"), "id": (one.get("reviewer") or {}).get("id")} for one in listed]


def _pairs(people: Sequence[Mapping[str, Any]]) -> set[tuple[Any, Any]]:
    return {(one["type"], one["id"]) for one in people}


def branches(github: GitHub, name: str) -> dict[str, int]:
    """Return branch pattern -> id of an environment's branch policies."""
    path = f"{path_of(name)}/deployment-branch-policies"
    return {str(one["name"]): int(one["id"]) for one in github.pages(path, "branch_policies")}


def put_branches(github: GitHub, name: str, wanted: Environment) -> bool:
    """Let exactly the wanted branches use an environment; return whether anything had to change."""
    path = f"{path_of(name)}/deployment-branch-policies"
    try:
        there = branches(github, name)
    except Missing:  # an environment that a dry run only would have made
        there = {}
    for branch in wanted.branches:
        if branch not in there:
            github.send("POST", path, {"name": branch, "type": "branch"})
    for branch, number in there.items():
        if branch not in wanted.branches:
            github.send("DELETE", f"{path}/{number}")
    return set(there) != set(wanted.branches)
