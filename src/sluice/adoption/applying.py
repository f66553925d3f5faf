"""Sends the settings to the forge through its API, again and again to the same end; each step says what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from sluice.adoption.differences import differences
from sluice.adoption.environments import put, put_branches, reviewers
from sluice.adoption.git import EVIDENCE_BRANCH
from sluice.adoption.settings import Environment, Settings
from sluice.errors import UsageError
from sluice.forge.client import GitHub
from sluice.forge.failures import Conflict, Missing, NotAllowed, Rejected

MAIN_BRANCH = "main"
FORK_APPROVAL = "fork-pr-contributor-approval"


@dataclass(frozen=True, slots=True)
class Step:
    """One setting: what became of it, and why where it could not be set."""

    name: str
    outcome: Literal["set", "unchanged", "refused"]
    why: str = ""


def apply(github: GitHub, settings: Settings) -> Iterator[Step]:
    """Send every setting and yield what happened; one that is refused does not stop the others.

    Rulesets come last: they close the branches that must have been pushed before.
    Raises UsageError where `main` or `evidence` is not at the forge yet.
    """
    private = bool(github.get(f"/repos/{github.repository}").get("private"))
    _require_branches(github)
    for path, body in settings.actions.items():
        if private and path.endswith(FORK_APPROVAL):
            continue  # the forge has this setting for public repositories only
        yield _step(f"Actions {path}", partial(_put_actions, github, path, body))
    for name, environment in settings.environments.items():
        yield from _environment(github, name, environment)
    for name, value in settings.variables.items():
        yield _step(f"variable {name}", partial(_put_variable, github, name, value))
    known = _known_rulesets(github)
    for name, ruleset in settings.rulesets.items():
        yield _step(f"ruleset {name}", partial(_put_ruleset, github, known, ruleset))


def _require_branches(github: GitHub) -> None:
    """Rulesets forbid making these branches afterwards."""
    for branch in (MAIN_BRANCH, EVIDENCE_BRANCH):
        try:
            github.get(f"branches/{branch}")
        except Missing:
            raise UsageError(
                f"{github.repository} has no branch {branch} yet, or the token may not read the repository; "
                f"push first: git push origin main {EVIDENCE_BRANCH}"
            ) from None


def _step(name: str, act: Callable[[], bool]) -> Step:
    """Carry out one change. `act` returns whether anything had to be changed."""
    try:
        return Step(name, "set" if act() else "unchanged")
    except (NotAllowed, Missing, Conflict, Rejected) as error:
        return Step(name, "refused", str(error))


def _put_actions(github: GitHub, path: str, body: Mapping[str, Any]) -> bool:
    if not list(differences(body, _found(github, f"actions/{path}"))):
        return False
    github.send("PUT", f"actions/{path}", body)
    return True


def _found(github: GitHub, path: str) -> Any:
    """Return what is set, or None where nothing is (409: a part of something that is not switched on yet)."""
    try:
        return github.get(path)
    except (Missing, Conflict):
        return None


def _put_variable(github: GitHub, name: str, value: str) -> bool:
    found = _found(github, f"actions/variables/{name}")
    if found is not None and found.get("value") == value:
        return False
    body = {"name": name, "value": value}
    if found is None:
        github.send("POST", "actions/variables", body)
    else:
        github.send("PATCH", f"actions/variables/{name}", body)
    return True


def _known_rulesets(github: GitHub) -> dict[str, int]:
    try:
        listed = list(github.pages("rulesets", includes_parents="false"))
    except (NotAllowed, Missing):
        return {}
    return {str(one.get("name")): int(one["id"]) for one in listed}


def _put_ruleset(github: GitHub, known: Mapping[str, int], body: Mapping[str, Any]) -> bool:
    number = known.get(body["name"])
    if number is None:
        github.send("POST", "rulesets", body)
        return True
    if not list(differences(body, github.get(f"rulesets/{number}"))):
        return False
    github.send("PUT", f"rulesets/{number}", body)
    return True


def _environment(github: GitHub, name: str, wanted: Environment) -> Iterator[Step]:
    """Without required reviewers (a private repository on a small plan) the rest is set all the same."""
    title = f"environment {name}"
    step = _step(title, lambda: put(github, name, wanted, reviewers(github, wanted)))
    if step.outcome == "refused" and wanted.reviewers:
        yield Step(f"{title}, reviewers", "refused", f"{step.why}. {_needs_for_reviewers(wanted)}")
        step = _step(title, lambda: put(github, name, wanted, []))
    yield step
    if step.outcome != "refused":
        yield _step(f"{title}, branches", lambda: put_branches(github, name, wanted))


def _needs_for_reviewers(wanted: Environment) -> str:
    people = ", ".join(wanted.reviewers)
    return f"Required reviewers need a public repository or an Enterprise plan, and {people} need access to it"
