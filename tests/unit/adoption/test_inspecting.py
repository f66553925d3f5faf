"""Every setting at the fake forge, in order and spoilt in one way at a time: the diagnosis names it and the remedy."""

from __future__ import annotations

import pytest
from servers.github_fixtures import client_of
from servers.github_state import Forge

from sluice.adoption import settings
from sluice.adoption.applying import apply
from sluice.adoption.inspecting import inspect
from sluice.adoption.rulesets import MAIN

from .test_applying import ADMIN

READER = {**ADMIN, "administration": "write", "environments": "read", "secrets": "read"}
WORKFLOW = ".github/workflows/pull-request.yml"


@pytest.fixture
def forge():
    forge = Forge()
    forge.branches.update(main="a" * 40, evidence="b" * 40)
    forge.settings["workflows"] = {WORKFLOW: "active"}
    forge.settings["secrets evidence"] = {"SLUICE_EVIDENCE_KEY": "", "SLUICE_APP_KEY": ""}
    forge.settings["secrets checks"] = {"SLUICE_APP_KEY": ""}
    return forge


@pytest.fixture
def server(start_forge, forge, wanted):
    """A forge where everything is as it should be."""
    server = start_forge(forge)
    assert {step.outcome for step in apply(client_of(server, **ADMIN), wanted)} == {"set"}
    return server


def look(server, wanted, workflows=(WORKFLOW,), **permissions):
    client = client_of(server, **(permissions or READER))
    return {one.name: one for one in inspect(client, wanted, workflows)}


def wrong(found):
    return {name: one for name, one in found.items() if one.state == "fix"}


def test_all_is_well(server, wanted):
    found = look(server, wanted)
    assert wrong(found) == {}
    assert len(found) >= 16
    assert {request.method for request in server.requests[-len(found) :]} == {"GET"}


def test_before_anything_was_sent_every_setting_is_named_with_the_command(start_forge, wanted):
    empty = Forge()
    found = wrong(look(start_forge(empty), wanted))
    for name in (f"ruleset {MAIN}", "environment evidence", "environment production"):
        assert found[name].repair == "sluice init --apply sends it"
    assert "git push origin evidence" in found["branch evidence"].repair
    assert "gh secret set SLUICE_EVIDENCE_KEY --env evidence" in found["secret SLUICE_EVIDENCE_KEY in evidence"].repair
    assert found["workflow pull-request.yml"].repair.startswith("push ")
    assert "variables" in found


def main_ruleset(forge):
    return next(body for body in forge.settings["rulesets"].values() if body["name"] == MAIN)


@pytest.mark.parametrize(
    ("spoil", "name", "words"),
    [
        (lambda f: main_ruleset(f).update(enforcement="evaluate"), f"ruleset {MAIN}", "enforcement is evaluate"),
        (lambda f: main_ruleset(f).update(rules=[]), f"ruleset {MAIN}", "rules lacks pull_request"),
        (
            lambda f: main_ruleset(f)["bypass_actors"].append(
                {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
            ),
            f"ruleset {MAIN}",
            "also has RepositoryRole 5",
        ),
        (
            lambda f: f.settings["environments"]["evidence"].update(deployment_branch_policy=None),
            "environment evidence",
            "any branch may use it",
        ),
        (
            lambda f: f.settings["policies evidence"].update({"9": {"id": 9, "name": "*", "type": "branch"}}),
            "environment evidence",
            "open to *, main",
        ),
        (
            lambda f: f.settings["environments"]["production"].update(reviewers=[]),
            "environment production",
            "@acme/llm need not approve",
        ),
        (
            lambda f: f.settings["environments"]["production"].update(prevent_self_review=False),
            "environment production",
            "whoever started a run may approve it",
        ),
        (
            lambda f: f.settings["actions"]["permissions/workflow"].update(default_workflow_permissions="write"),
            "Actions permissions/workflow",
            "default_workflow_permissions is write, wanted read",
        ),
        (
            lambda f: f.settings["actions"]["permissions"].update(sha_pinning_required=False),
            "Actions permissions",
            "sha_pinning_required is off, wanted on",
        ),
        (
            lambda f: f.settings["workflows"].update({WORKFLOW: "disabled_manually"}),
            "workflow pull-request.yml",
            "disabled manually",
        ),
        (
            lambda f: f.settings["secrets evidence"].pop("SLUICE_EVIDENCE_KEY"),
            "secret SLUICE_EVIDENCE_KEY in evidence",
            "not set: the key that signs evidence",
        ),
        (lambda f: f.settings["secrets checks"].clear(), "secret SLUICE_APP_KEY in checks", "not set: the App's"),
        (
            lambda f: f.settings.update(secrets={"SLUICE_EVIDENCE_KEY": ""}),
            "secrets of the repository",
            "every branch",
        ),
        (
            lambda f: f.settings.update({"organization secrets": {"SLUICE_EVIDENCE_KEY": ""}}),
            "secrets of the repository",
            "every branch",
        ),
        (
            lambda f: f.settings.update(
                {"codeowners errors": [{"line": 3, "kind": "Unknown owner", "source": "x", "path": "CODEOWNERS"}]}
            ),
            "CODEOWNERS",
            "line 3: Unknown owner",
        ),
        (
            lambda f: f.settings["variables"].clear(),
            "variables",
            "SLUICE_REGISTRY is not set, wanted ghcr.io/acme; SLUICE_APP_ID is not set",
        ),
        (lambda f: f.branches.pop("evidence"), "branch evidence", "not at the forge"),
        (lambda f: setattr(f, "default_branch", "trunk"), "repository", "default branch is trunk"),
    ],
)
def test_what_is_wrong_is_named_alone_and_with_a_way_to_mend_it(server, forge, wanted, spoil, name, words):
    spoil(forge)
    found = wrong(look(server, wanted))
    assert list(found) == [name]
    assert words in found[name].found
    assert found[name].repair


def test_what_a_token_cannot_see_is_not_called_fine(server, wanted):
    found = wrong(look(server, wanted, contents="read"))
    assert {
        "Actions permissions",
        "environment evidence",
        "variables",
        "secret SLUICE_EVIDENCE_KEY in evidence",
    } <= set(found)
    assert all("cannot be seen" in one.found or "not shown" in one.found for one in found.values())
    assert all("Administration" in one.repair for one in found.values())


def test_who_may_bypass_is_hidden_from_readers_and_that_is_said(server, wanted):
    found = wrong(look(server, wanted, **{**READER, "administration": "read"}))
    assert {name for name in found if name.startswith("ruleset")} == {f"ruleset {name}" for name in wanted.rulesets}
    assert "bypass_actors is not shown" in found[f"ruleset {MAIN}"].found


def test_a_check_that_any_source_may_post_is_a_note(server, adoption):
    unbound = settings.desired(adoption)
    found = look(server, unbound)["source of the check sluice"]
    assert (found.state, "advice" in found.found, "--app-id" in found.repair) == ("note", True, True)


@pytest.mark.parametrize(
    ("keys", "state"),
    [({}, "fix"), ({"reader": True}, "fix"), ({"ours": False}, "ok"), ({"a": False, "b": False}, "note")],
)
def test_without_an_app_a_deploy_key_must_be_able_to_write(start_forge, forge, adoption, keys, state):
    forge.settings["deploy keys"] = keys
    forge.settings["secrets checks"] = {}
    forge.settings["secrets evidence"] = {"SLUICE_EVIDENCE_KEY": "", "SLUICE_DEPLOY_KEY": ""}
    found = look(start_forge(forge), settings.desired(adoption))
    assert found["deploy keys"].state == state
    assert found["secret SLUICE_DEPLOY_KEY in evidence"].state == "ok"
    assert found["secret SLUICE_APP_KEY in checks"].found == "not set, and needed only with an App"


def test_a_strange_variable_is_a_note(server, forge, wanted):
    forge.settings["variables"]["SLUICE_REGISTERY"] = "x"
    found = look(server, wanted)["variables"]
    assert (found.state, "SLUICE_REGISTERY" in found.found) == ("note", True)


def test_a_repository_without_workflows_is_named(server, wanted):
    assert "no file" in wrong(look(server, wanted, workflows=()))["workflows"].found


def test_a_repository_that_cannot_be_read_ends_the_look(start_forge, wanted):
    server = start_forge(Forge())
    client = client_of(server, **READER)
    client.repository = "octo/other"
    (found,) = inspect(client, wanted, [])
    assert (found.name, found.state) == ("repository", "fix")
    server.violations.clear()
