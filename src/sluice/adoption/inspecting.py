"""Looks at every setting of the repository at the forge, and says of each what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sluice.adoption import environments
from sluice.adoption.applying import FORK_APPROVAL, MAIN_BRANCH
from sluice.adoption.diagnosis import Diagnosis
from sluice.adoption.differences import differences
from sluice.adoption.git import EVIDENCE_BRANCH
from sluice.adoption.known import APP_ID, SECRETS, VARIABLES, Secret
from sluice.adoption.settings import RULESETS, Environment, Settings
from sluice.forge.check import NAME as REQUIRED_CHECK
from sluice.forge.client import GitHub
from sluice.forge.failures import ForgeError, Missing, NotAllowed

SEND = "sluice init --apply sends it"
READING = (
    "a token with these permissions on this repository sees all: Administration, Actions, Environments, Secrets and "
    "Variables, each to read"
)


def inspect(github: GitHub, settings: Settings, workflows: Sequence[str]) -> Iterator[Diagnosis]:
    """Yield one diagnosis for each setting. `workflows` are the paths of the workflow files that must be active."""
    try:
        about = github.get(f"/repos/{github.repository}")
    except (Missing, NotAllowed) as error:
        yield Diagnosis(
            "repository", "fix", str(error), "name it with --repository OWNER/NAME, and give a token for it"
        )
        return
    yield _repository(github, about)
    yield from _actions(github, settings, private=bool(about.get("private")))
    yield from _workflows(github, workflows)
    yield looked("CODEOWNERS", partial(_owners, github))
    yield from _rulesets(github, settings)
    for name, environment in settings.environments.items():
        yield looked(f"environment {name}", partial(_environment, github, name, environment))
    yield from _secrets(github, settings)
    yield looked("variables", partial(_variables, github, settings))
    yield looked(f"branch {EVIDENCE_BRANCH}", partial(_evidence_branch, github))


def looked(name: str, look: Callable[[], Diagnosis]) -> Diagnosis:
    """What cannot be seen is not in order: it counts as to fix, by another token."""
    try:
        return look()
    except (NotAllowed, Missing) as error:
        return Diagnosis(name, "fix", f"cannot be seen: {error}", READING)
    except ForgeError as error:
        return Diagnosis(name, "fix", f"cannot be read: {error}", "run this again; then look at it on the forge")


def _judged(name: str, wrong: Sequence[str], good: str, repair: str = SEND) -> Diagnosis:
    return Diagnosis(name, "fix", "; ".join(wrong), repair) if wrong else Diagnosis(name, "ok", good)


def _repository(github: GitHub, about: Mapping[str, Any]) -> Diagnosis:
    branch = about.get("default_branch")
    kind = "private" if about.get("private") else "public"
    if branch != MAIN_BRANCH:
        repair = f"rename the default branch to {MAIN_BRANCH}: workflows, rulesets and environments name it"
        return Diagnosis("repository", "fix", f"its default branch is {branch}", repair)
    if about.get("archived"):
        return Diagnosis("repository", "fix", "it is archived", "unarchive it")
    return Diagnosis("repository", "ok", f"{github.repository}, {kind}, default branch {branch}")


def _actions(github: GitHub, settings: Settings, *, private: bool) -> Iterator[Diagnosis]:
    for path, wanted in settings.actions.items():
        if private and path.endswith(FORK_APPROVAL):
            continue
        name = f"Actions {path}"
        yield looked(name, partial(_actions_part, github, name, path, wanted))


def _actions_part(github: GitHub, name: str, path: str, wanted: Mapping[str, Any]) -> Diagnosis:
    return _judged(name, list(differences(wanted, github.get(f"actions/{path}"))), "as in .github/settings")


def _workflows(github: GitHub, paths: Sequence[str]) -> Iterator[Diagnosis]:
    try:
        listed = {one.get("path"): one.get("state") for one in github.pages("actions/workflows", "workflows")}
    except (NotAllowed, Missing) as error:
        yield Diagnosis("workflows", "fix", f"cannot be seen: {error}", READING)
        return
    if not paths:
        yield Diagnosis("workflows", "fix", "there is no file in .github/workflows", "restore them from the template")
    for path in paths:
        name = f"workflow {path.rpartition('/')[2]}"
        state = listed.get(path)
        if state is None:
            yield Diagnosis(name, "fix", "the forge does not know it", f"push {path} to {MAIN_BRANCH}")
        elif state != "active":
            yield Diagnosis(name, "fix", f"it is {str(state).replace('_', ' ')}", "enable it on the Actions page")
        else:
            yield Diagnosis(name, "ok", "active")


def _owners(github: GitHub) -> Diagnosis:
    errors = github.get("codeowners/errors").get("errors") or []
    wrong = [f"line {one.get('line')}: {one.get('kind')}" for one in errors]
    repair = "each owner needs write access to this repository: mend .github/CODEOWNERS, or grant it"
    return _judged("CODEOWNERS", wrong, "every owner is known", repair)


def _rulesets(github: GitHub, settings: Settings) -> Iterator[Diagnosis]:
    try:
        known = {str(one["name"]): int(one["id"]) for one in github.pages("rulesets", includes_parents="false")}
    except (NotAllowed, Missing) as error:
        yield Diagnosis("rulesets", "fix", f"cannot be seen: {error}", READING)
        return
    if not settings.rulesets:
        yield Diagnosis("rulesets", "fix", f"{RULESETS}/ is empty", "sluice init writes them")
    for name, wanted in settings.rulesets.items():
        yield looked(f"ruleset {name}", partial(_ruleset, github, known, name, wanted))
    yield _check_source(settings)


def _ruleset(github: GitHub, known: Mapping[str, int], name: str, wanted: Mapping[str, Any]) -> Diagnosis:
    title = f"ruleset {name}"
    if name not in known:
        return Diagnosis(title, "fix", "there is none of this name", SEND)
    wrong = list(differences(wanted, github.get(f"rulesets/{known[name]}")))
    repair = READING if any("not shown" in one for one in wrong) else SEND
    return _judged(title, wrong, "active, as in .github/settings", repair)


def _check_source(settings: Settings) -> Diagnosis:
    """Without an App anybody who may push can post a check of this name."""
    title = f"source of the check {REQUIRED_CHECK}"
    sources = [
        check.get("integration_id")
        for body in settings.rulesets.values()
        for rule in body.get("rules", ())
        if rule.get("type") == "required_status_checks"
        for check in rule["parameters"]["required_status_checks"]
        if check.get("context") == REQUIRED_CHECK
    ]
    if not sources:
        return Diagnosis(
            title, "fix", "no ruleset requires it", f"sluice init writes {RULESETS}/ anew where it is gone"
        )
    if None in sources:
        repair = "name the App that posts it: sluice init --app-id NUMBER, then sluice init --apply"
        return Diagnosis(title, "note", "any source will do, so the check is advice against whoever may push", repair)
    return Diagnosis(title, "ok", f"only the App {sources[0]} may post it")


def _environment(github: GitHub, name: str, wanted: Environment) -> Diagnosis:
    title = f"environment {name}"
    there = environments.found(github, name)
    if there is None:
        return Diagnosis(title, "fix", "it does not exist", SEND)
    wrong = list(environments.shortfalls(wanted, environments.reviewers(github, wanted), there))
    allowed = set(environments.branches(github, name))
    if allowed != set(wanted.branches):
        wrong.append(f"open to {', '.join(sorted(allowed)) or 'no branch'}, wanted {', '.join(wanted.branches)}")
    return _judged(title, wrong, f"only from {', '.join(wanted.branches)}")


def _secrets(github: GitHub, settings: Settings) -> Iterator[Diagnosis]:
    """Names only; the API never tells a value."""
    app = APP_ID in settings.variables
    yield looked("secrets of the repository", partial(_shared_secrets, github))
    for name, secret in SECRETS.items():
        for environment in secret.environments:
            title = f"secret {name} in {environment}"
            yield looked(title, partial(_secret, github, name, environment, secret, app=app))
    if not app:
        yield looked("deploy keys", partial(_deploy_keys, github))


def _shared_secrets(github: GitHub) -> Diagnosis:
    """A key that signs must not be readable by every branch's workflow."""
    title = "secrets of the repository"
    names = {str(one["name"]) for one in github.pages("actions/secrets", "secrets")}
    names |= {str(one["name"]) for one in github.pages("actions/organization-secrets", "secrets")}
    exposed = sorted(name for name in names if name in SECRETS and SECRETS[name].environments)
    if exposed:
        found = f"{', '.join(exposed)} can be read by workflows of every branch"
        repair = "make new ones, store them in their environments alone, and delete these: any branch could read them"
        return Diagnosis(title, "fix", found, repair)
    return Diagnosis(title, "ok", f"{len(names)}, none of which belongs into an environment")


def _secret(github: GitHub, name: str, environment: str, secret: Secret, *, app: bool) -> Diagnosis:
    title = f"secret {name} in {environment}"
    path = f"{environments.path_of(environment)}/secrets"
    if name in {one["name"] for one in github.pages(path, "secrets")}:
        return Diagnosis(title, "ok", "set")
    if not secret.must_be(app=app):
        return Diagnosis(title, "ok", f"not set, and needed only {secret.needed}")
    return Diagnosis(title, "fix", f"not set: {secret.words}", f"gh secret set {name} --env {environment} < FILE")


def _deploy_keys(github: GitHub) -> Diagnosis:
    """Every deploy key that may write can write evidence, whoever holds its other half."""
    names = [str(one.get("title")) for one in github.pages("keys") if not one.get("read_only")]
    if not names:
        repair = "add the public half of a new key under Deploy keys, with write access: docs/adopting.md"
        return Diagnosis("deploy keys", "fix", "none may write, so nobody can push evidence", repair)
    if len(names) > 1:
        repair = "keep one; each of them may write the branches of records"
        return Diagnosis("deploy keys", "note", f"{len(names)} may write: {', '.join(sorted(names))}", repair)
    return Diagnosis("deploy keys", "ok", f"{names[0]} may write")


def _variables(github: GitHub, settings: Settings) -> Diagnosis:
    there = {str(one["name"]): str(one["value"]) for one in github.pages("actions/variables", "variables")}
    wrong = [f"{name} is {there.get(name, 'not set')}, wanted {value}" for name, value in settings.variables.items()
             if there.get(name) != value]  # fmt: skip
    strange = sorted(name for name in there if name.startswith("SLUICE_") and name not in VARIABLES)
    if strange and not wrong:
        return Diagnosis("variables", "note", f"nothing reads {', '.join(strange)}", "look for a slip of the finger")
    return _judged("variables", wrong, ", ".join(sorted(there)) or "none is needed")


def _evidence_branch(github: GitHub) -> Diagnosis:
    title = f"branch {EVIDENCE_BRANCH}"
    try:
        tip = github.get(f"branches/{EVIDENCE_BRANCH}")
    except Missing:
        repair = f"sluice init makes it; then git push origin {EVIDENCE_BRANCH}"
        return Diagnosis(title, "fix", "it is not at the forge", repair)
    return Diagnosis(title, "ok", f"at {str((tip.get('commit') or {}).get('sha', ''))[:12]}")
