"""All that the forge must be set to, as files under `.github/settings/`: made from the answers, read back strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from sluice.adoption.answers import SETTINGS, Adoption, Owner, pretty
from sluice.adoption.git import EVIDENCE_BRANCH
from sluice.adoption.known import APP_ID, CHECKS, REGISTRY
from sluice.adoption.rulesets import rulesets
from sluice.errors import UsageError
from sluice.schema.base import Frozen

ACTIONS = f"{SETTINGS}/actions.json"
VARIABLES = f"{SETTINGS}/variables.json"
RULESETS = f"{SETTINGS}/rulesets"
ENVIRONMENTS = f"{SETTINGS}/environments"


class Environment(Frozen):
    """One environment: the branches that may use it, and who must approve. Names of reviewers become ids when sent."""

    branches: tuple[str, ...] = Field(min_length=1)
    reviewers: tuple[Owner, ...] = ()
    prevent_self_review: bool = False
    wait_timer: int = Field(default=0, ge=0, le=43_200)


@dataclass(frozen=True, slots=True)
class Settings:
    """The files, read. Bodies of `rulesets` and `actions` are what the API takes as they are."""

    rulesets: Mapping[str, dict[str, Any]]
    environments: Mapping[str, Environment]
    actions: Mapping[str, dict[str, Any]]
    variables: Mapping[str, str]


def desired(adoption: Adoption) -> Settings:
    """Return the settings that the answers ask for."""
    return Settings(rulesets(adoption), _environments(adoption), _actions(), _variables(adoption))


def files(settings: Settings) -> dict[str, str]:
    """Return path -> text of the files that hold the settings."""
    made = {f"{RULESETS}/{name}.json": pretty(body) for name, body in settings.rulesets.items()}
    for name, environment in settings.environments.items():
        made[f"{ENVIRONMENTS}/{name}.json"] = pretty(environment.model_dump(mode="json"))
    return {**made, ACTIONS: pretty(settings.actions), VARIABLES: pretty(settings.variables)}


def read(root: Path) -> Settings:
    """Read the settings of a working tree; raise UsageError where a file is missing or is not what it must be."""
    if not (root / SETTINGS).is_dir():
        raise UsageError(f"there is no {SETTINGS}/ here; sluice init writes it")
    return Settings(
        rulesets={path.stem: _object(path) for path in sorted((root / RULESETS).glob("*.json"))},
        environments={path.stem: _environment(path) for path in sorted((root / ENVIRONMENTS).glob("*.json"))},
        actions={name: _body(value, root / ACTIONS) for name, value in _object(root / ACTIONS).items()},
        variables={name: str(value) for name, value in _object(root / VARIABLES).items()},
    )


def _environments(adoption: Adoption) -> dict[str, Environment]:
    """Comments and evidence are written without waiting; the last of the others needs a person's approval."""
    made = {name: Environment(branches=("main",)) for name in (CHECKS, EVIDENCE_BRANCH)}
    for name in adoption.environments:
        last = name == adoption.environments[-1]
        made[name] = Environment(
            branches=("main",),
            reviewers=(adoption.owner,) if last else (),
            prevent_self_review=last and adoption.team is not None,
        )
    return made


def _variables(adoption: Adoption) -> dict[str, str]:
    app = {} if adoption.app_id is None else {APP_ID: str(adoption.app_id)}
    return {REGISTRY: adoption.registry, **app}


def _actions() -> dict[str, dict[str, Any]]:
    """Return the path below `actions/` -> its body; the order matters (selected actions need the permission first)."""
    return {
        "permissions": {"enabled": True, "allowed_actions": "selected", "sha_pinning_required": True},
        "permissions/selected-actions": {
            "github_owned_allowed": True,
            "verified_allowed": False,
            "patterns_allowed": [],
        },
        "permissions/workflow": {
            "default_workflow_permissions": "read",
            "can_approve_pull_request_reviews": False,
        },
        "permissions/fork-pr-contributor-approval": {"approval_policy": "all_external_contributors"},
    }


def _environment(path: Path) -> Environment:
    try:
        return Environment.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise UsageError(f"{_shown(path)}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UsageError(f"{_shown(path)} is missing; sluice init writes it")
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise UsageError(f"{_shown(path)} is no JSON: {error}") from None
    return _body(value, path)


def _body(value: Any, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{_shown(path)} must hold an object; sluice init writes a valid one")
    return value


def _shown(path: Path) -> str:
    return path.as_posix()[path.as_posix().index(SETTINGS) :]
