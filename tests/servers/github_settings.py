"""Routes of the fake forge that settings need: rulesets, environments, names of secrets, variables, Actions."""

from __future__ import annotations

import re
from typing import Any

from servers.github_routes import PAGED, REPO, Answered, ApiError, Call, Page, is_text, one_of, route

ADMIN = "administration"


def _kept(call: Call, kind: str) -> dict[str, Any]:
    return call.forge.settings.setdefault(kind, {})


def _found(call: Call, kind: str, name: str) -> Any:
    kept = _kept(call, kind)
    if name not in kept:
        raise ApiError(404, "Not Found")
    return kept[name]


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_switch(value: Any) -> bool:
    return isinstance(value, bool)


# Rulesets

RULESET = {
    "name!": is_text,
    "target!": one_of("branch", "tag", "push"),
    "enforcement!": one_of("active", "disabled", "evaluate"),
    "bypass_actors": lambda value: is_list(value) and all(map(_is_actor, value)),
    "conditions": is_object,
    "rules": lambda value: is_list(value) and all(isinstance(one, dict) and is_text(one.get("type")) for one in value),
}
ACTORS = {"Integration", "OrganizationAdmin", "RepositoryRole", "Team", "DeployKey"}


def _is_actor(value: Any) -> bool:
    keys = {"actor_id", "actor_type", "bypass_mode"}
    return isinstance(value, dict) and set(value) == keys and value["actor_type"] in ACTORS


@route("GET", f"{REPO}/rulesets", "metadata=read", {"includes_parents", *PAGED})
def list_rulesets(call: Call) -> Any:
    kept = _kept(call, "rulesets")
    return Page(
        [{"id": int(number), "name": body["name"], "enforcement": body["enforcement"]} for number, body in kept.items()]
    )


@route("POST", f"{REPO}/rulesets", f"{ADMIN}=write", body=RULESET)
def create_ruleset(call: Call) -> Any:
    if call.body["name"] in {body["name"] for body in _kept(call, "rulesets").values()}:
        raise ApiError(422, "Validation Failed", ["Name must be unique"])
    number = call.forge.number()
    _kept(call, "rulesets")[str(number)] = call.body
    return Answered(201, {"id": number, **call.body})


@route("GET", f"{REPO}/rulesets/{{id}}", "metadata=read")
def get_ruleset(call: Call) -> Any:
    body = _found(call, "rulesets", call.parts["id"])
    shown = body if call.token.may(ADMIN, "write") else {key: body[key] for key in body if key != "bypass_actors"}
    return {"id": call.int("id"), **shown}


@route("PUT", f"{REPO}/rulesets/{{id}}", f"{ADMIN}=write", body=RULESET)
def put_ruleset(call: Call) -> Any:
    _found(call, "rulesets", call.parts["id"])
    _kept(call, "rulesets")[call.parts["id"]] = call.body
    return {"id": call.int("id"), **call.body}


# Environments


def _environment_json(name: str, body: dict[str, Any]) -> dict[str, Any]:
    rules = []
    if body.get("wait_timer"):
        rules.append({"type": "wait_timer", "wait_timer": body["wait_timer"]})
    if body.get("reviewers"):
        reviewers = [{"type": one["type"], "reviewer": {"id": one["id"]}} for one in body["reviewers"]]
        strict = body.get("prevent_self_review", False)
        rules.append({"type": "required_reviewers", "prevent_self_review": strict, "reviewers": reviewers})
    policy = body.get("deployment_branch_policy")
    return {"name": name, "protection_rules": rules, "deployment_branch_policy": policy}


ENVIRONMENT = {
    "wait_timer": lambda value: isinstance(value, int) and 0 <= value <= 43_200,
    "prevent_self_review": is_switch,
    "reviewers": lambda value: value is None or (is_list(value) and len(value) <= 6),
    "deployment_branch_policy": lambda value: value is None or is_object(value),
}


@route("GET", f"{REPO}/environments/{{name}}", "actions=read")
def get_environment(call: Call) -> Any:
    return _environment_json(call.parts["name"], _found(call, "environments", call.parts["name"]))


@route("PUT", f"{REPO}/environments/{{name}}", f"{ADMIN}=write", body=ENVIRONMENT)
def put_environment(call: Call) -> Any:
    if call.forge.private and call.body.get("reviewers"):
        raise ApiError(
            422, "Failed to create the environment protection rule. Please ensure the billing plan supports it."
        )
    _kept(call, "environments")[call.parts["name"]] = call.body or {}
    return _environment_json(call.parts["name"], call.body or {})


POLICIES = f"{REPO}/environments/{{name}}/deployment-branch-policies"


@route("GET", POLICIES, "actions=read", PAGED)
def list_policies(call: Call) -> Any:
    return Page(list(_kept(call, f"policies {call.parts['name']}").values()), "branch_policies")


@route("POST", POLICIES, f"{ADMIN}=write", body={"name!": is_text, "type": one_of("branch", "tag")})
def create_policy(call: Call) -> Any:
    number = call.forge.number()
    policy = {"id": number, "name": call.body["name"], "type": call.body.get("type", "branch")}
    _kept(call, f"policies {call.parts['name']}")[str(number)] = policy
    return policy


@route("DELETE", f"{POLICIES}/{{id}}", f"{ADMIN}=write")
def delete_policy(call: Call) -> Any:
    kind = f"policies {call.parts['name']}"
    _found(call, kind, call.parts["id"])
    del _kept(call, kind)[call.parts["id"]]
    return Answered(204)


# Secrets (names only) and variables


@route("GET", f"{REPO}/environments/{{name}}/secrets", "environments=read", PAGED)
def environment_secrets(call: Call) -> Any:
    return Page([{"name": name} for name in _kept(call, f"secrets {call.parts['name']}")], "secrets")


@route("GET", f"{REPO}/actions/secrets", "secrets=read", PAGED)
def secrets(call: Call) -> Any:
    return Page([{"name": name} for name in _kept(call, "secrets")], "secrets")


@route("GET", f"{REPO}/actions/organization-secrets", "secrets=read", PAGED)
def organization_secrets(call: Call) -> Any:
    return Page([{"name": name} for name in _kept(call, "organization secrets")], "secrets")


@route("GET", f"{REPO}/environments/{{name}}/variables", "environments=read", PAGED)
def environment_variables(call: Call) -> Any:
    kept = _kept(call, f"variables {call.parts['name']}")
    return Page([{"name": name, "value": value} for name, value in kept.items()], "variables")


VARIABLE = {"name!": lambda value: is_text(value) and re.fullmatch(r"[A-Z_][A-Z0-9_]*", value), "value!": is_text}


@route("GET", f"{REPO}/actions/variables", "variables=read", PAGED)
def variables(call: Call) -> Any:
    return Page([{"name": name, "value": value} for name, value in _kept(call, "variables").items()], "variables")


@route("GET", f"{REPO}/actions/variables/{{name}}", "variables=read")
def variable(call: Call) -> Any:
    return {"name": call.parts["name"], "value": _found(call, "variables", call.parts["name"])}


@route("POST", f"{REPO}/actions/variables", "variables=write", body=VARIABLE)
def create_variable(call: Call) -> Any:
    if call.body["name"] in _kept(call, "variables"):
        raise ApiError(409, "Already exists - Variable already exists")
    _kept(call, "variables")[call.body["name"]] = call.body["value"]
    return Answered(201, {})


@route("PATCH", f"{REPO}/actions/variables/{{name}}", "variables=write", body=VARIABLE)
def edit_variable(call: Call) -> Any:
    _found(call, "variables", call.parts["name"])
    _kept(call, "variables")[call.body["name"]] = call.body["value"]
    return Answered(204)


@route("GET", f"{REPO}/keys", f"{ADMIN}=read", PAGED)
def deploy_keys(call: Call) -> Any:
    kept = _kept(call, "deploy keys")
    return Page([{"id": 1, "title": title, "read_only": read_only} for title, read_only in kept.items()])


# Actions' policy, workflows, owners, accounts


@route("GET", f"{REPO}/actions/workflows", "actions=read", PAGED)
def workflows(call: Call) -> Any:
    return Page([{"path": path, "state": state} for path, state in _kept(call, "workflows").items()], "workflows")


PERMISSIONS: dict[str, dict[str, Any]] = {
    "permissions": {
        "enabled!": is_switch,
        "allowed_actions": one_of("all", "local_only", "selected"),
        "sha_pinning_required": is_switch,
    },
    "permissions/selected-actions": {
        "github_owned_allowed": is_switch,
        "verified_allowed": is_switch,
        "patterns_allowed": is_list,
    },
    "permissions/workflow": {
        "default_workflow_permissions": one_of("read", "write"),
        "can_approve_pull_request_reviews": is_switch,
    },
    "permissions/fork-pr-contributor-approval": {
        "approval_policy!": one_of(
            "first_time_contributors_new_to_github", "first_time_contributors", "all_external_contributors"
        )
    },
}


def _register(path: str, body: dict[str, Any]) -> None:
    @route("GET", f"{REPO}/actions/{path}", f"{ADMIN}=read")
    def get(call: Call) -> Any:
        return _found(call, "actions", path)

    @route("PUT", f"{REPO}/actions/{path}", f"{ADMIN}=write", body=body)
    def put(call: Call) -> Any:
        _kept(call, "actions")[path] = call.body
        return Answered(204)


for _path, _fields in PERMISSIONS.items():
    _register(_path, _fields)


@route("GET", f"{REPO}/codeowners/errors", "contents=read")
def codeowners(call: Call) -> Any:
    return {"errors": call.forge.settings.get("codeowners errors", [])}


@route("GET", "/users/{login}", "metadata=read")
def user(call: Call) -> Any:
    return call.forge.user(call.parts["login"])


@route("GET", "/orgs/{organisation}/teams/{team}", "members=read")
def team(call: Call) -> Any:
    return {
        "id": call.forge.user(f"{call.parts['organisation']}/{call.parts['team']}")["id"],
        "slug": call.parts["team"],
    }
