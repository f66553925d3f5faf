"""Looks at what releases and roll-outs need at the forge: variables, endpoints, kubeconfigs, approvals, branches."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial

from sluice.adoption import environments
from sluice.adoption.diagnosis import Diagnosis, State
from sluice.adoption.inspecting import READING, SEND, looked
from sluice.adoption.known import CHECKS
from sluice.adoption.rulesets import RECORDS
from sluice.adoption.settings import Settings
from sluice.forge.client import GitHub
from sluice.forge.failures import Missing, NotAllowed

STAGING, PRODUCTION, ROLLOUT = "SLUICE_STAGING", "SLUICE_PRODUCTION", "SLUICE_ROLLOUT"
ENDPOINT, KUBECONFIG = "SLUICE_ENDPOINT", "SLUICE_KUBECONFIG"
PUSH = "push"
_STARTS = {STAGING: "release.yml releases nothing after a merge", PRODUCTION: "promote.yml releases nothing"}


def inspect(github: GitHub, settings: Settings, overlays: Collection[str]) -> Iterator[Diagnosis]:
    """Yield one diagnosis for each thing; what was not asked for is a note. `overlays` are the environments of main."""
    try:
        variables = _variables(github, "actions/variables")
    except (NotAllowed, Missing) as error:
        yield Diagnosis("releases", "fix", f"cannot be seen: {error}", READING)
        return
    for name in _STARTS:
        yield _target(name, variables.get(name), overlays)
    yield _rollout(variables.get(ROLLOUT))
    yield _branches(settings)
    targets = [variables[name] for name in _STARTS if variables.get(name) in overlays]
    if variables.get(STAGING) in targets:
        name = variables[STAGING]
        yield looked(f"{ENDPOINT} of {name}", partial(_endpoint, github, name, variables))
    if variables.get(PRODUCTION) in targets:
        name = variables[PRODUCTION]
        yield looked(f"approval of {name}", partial(_approval, github, name))
    if variables.get(ROLLOUT) == PUSH:
        for name in (*targets, CHECKS):
            yield looked(f"secret {KUBECONFIG} in {name}", partial(_kubeconfig, github, name))


def _variables(github: GitHub, path: str) -> Mapping[str, str]:
    return {str(one["name"]): str(one["value"]) for one in github.pages(path, "variables")}


def _target(name: str, value: str | None, overlays: Collection[str]) -> Diagnosis:
    title, known = f"variable {name}", ", ".join(sorted(overlays)) or "none"
    if not value:
        repair = f"gh variable set {name} --body ENVIRONMENT (main has {known}), once you want releases"
        return Diagnosis(title, "note", f"not set: {_STARTS[name]}", repair)
    if value not in overlays:
        repair = f"gh variable set {name} --body ENVIRONMENT, or sluice new environment {value}"
        return Diagnosis(title, "fix", f"it is {value!r}, and main's environments are {known}", repair)
    return Diagnosis(title, "ok", value)


def _rollout(value: str | None) -> Diagnosis:
    title = f"variable {ROLLOUT}"
    if value in (None, "", PUSH):
        told = "workflows apply what they released" if value else "not set: clusters pull their deploy branches"
        return Diagnosis(title, "ok", told)
    repair = f"gh variable set {ROLLOUT} --body {PUSH}, or delete it where clusters pull"
    return Diagnosis(title, "fix", f"it is {value!r}, which means nothing", repair)


def _branches(settings: Settings) -> Diagnosis:
    """What the forge has of a ruleset is compared elsewhere; here it is that one is asked for."""
    deploy = next(ref for ref in RECORDS if "deploy" in ref)
    names = [name for name, body in settings.rulesets.items()
             if deploy in body.get("conditions", {}).get("ref_name", {}).get("include", ())]  # fmt: skip
    if not names:
        repair = "restore .github/settings/rulesets/ (sluice init writes them anew where they are gone); then " + SEND
        return Diagnosis(
            "branches deploy/*", "fix", "no ruleset is about them: anybody who may push can release", repair
        )
    return Diagnosis("branches deploy/*", "ok", f"closed by {', '.join(sorted(names))}")


def _endpoint(github: GitHub, name: str, shared: Mapping[str, str]) -> Diagnosis:
    title = f"{ENDPOINT} of {name}"
    own = _variables(github, f"{environments.path_of(name)}/variables")
    if own.get(ENDPOINT):
        return Diagnosis(title, "ok", "set")
    if shared.get(ENDPOINT):
        found = "not set, so the repository's is asked: is that this environment's own server?"
        return Diagnosis(title, "note", found, f"gh variable set {ENDPOINT} --env {name} --body URL")
    state: State = "fix" if shared.get(PRODUCTION) else "note"
    found = f"not set: {name} is not judged by its own server, so what comes after it has no evidence"
    return Diagnosis(title, state, found, f"gh variable set {ENDPOINT} --env {name} --body URL")


def _approval(github: GitHub, name: str) -> Diagnosis:
    title = f"approval of {name}"
    rules = (environments.found(github, name) or {}).get("protection_rules") or []
    if any(rule.get("type") == "required_reviewers" and rule.get("reviewers") for rule in rules):
        return Diagnosis(title, "ok", "somebody must approve")
    repair = f"name reviewers in .github/settings/environments/{name}.json; then {SEND}"
    return Diagnosis(title, "fix", "nobody must: whoever may start promote.yml releases", repair)


def _kubeconfig(github: GitHub, name: str) -> Diagnosis:
    title = f"secret {KUBECONFIG} in {name}"
    there = {str(one["name"]) for one in github.pages(f"{environments.path_of(name)}/secrets", "secrets")}
    if KUBECONFIG in there:
        return Diagnosis(title, "ok", "set")
    setting = f"gh secret set {KUBECONFIG} --env {name} < FILE"
    if name == CHECKS:
        found = "not set: drift.yml cannot compare clusters with their branches"
        return Diagnosis(
            title, "note", found, f"{setting} (one that may only read, with a context for each environment)"
        )
    return Diagnosis(title, "fix", f"not set: nothing can be rolled out to {name} by a workflow", setting)
