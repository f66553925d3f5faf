"""Settings are sent through the real client to a strict fake forge: once, again, and where the forge refuses."""

from __future__ import annotations

import pytest
from servers.github import failed
from servers.github_fixtures import client_of
from servers.github_state import Forge

from sluice.adoption import settings
from sluice.adoption.applying import apply
from sluice.adoption.rulesets import HISTORY, MAIN, WRITERS
from sluice.errors import UsageError
from sluice.forge.failures import ForgeError
from sluice.forge.patience import Patience

ADMIN = {
    "administration": "write", "actions": "read", "variables": "write", "members": "read", "contents": "read",
}  # fmt: skip


@pytest.fixture
def pushed():
    forge = Forge()
    forge.branches.update(main="a" * 40, evidence="b" * 40)
    return forge


@pytest.fixture
def wanted(adoption):
    return settings.desired(adoption)


def send(server, wanted, **permissions):
    client = client_of(server, **(permissions or ADMIN))
    return {step.name: step for step in apply(client, wanted)}


def test_everything_is_set_once_and_the_second_time_nothing_is_sent(start_forge, pushed, wanted):
    server = start_forge(pushed)
    first = send(server, wanted)
    assert {step.outcome for step in first.values()} == {"set"}
    kept = pushed.settings
    assert {body["name"] for body in kept["rulesets"].values()} == {MAIN, WRITERS, HISTORY}
    assert set(kept["environments"]) == {"checks", "evidence", "staging", "production"}
    assert [one["name"] for one in kept["policies evidence"].values()] == ["main"]
    assert kept["variables"] == {"SLUICE_REGISTRY": "ghcr.io/acme"}
    assert kept["actions"]["permissions/workflow"]["default_workflow_permissions"] == "read"
    before = len(server.requests)
    second = send(server, wanted)
    assert {step.outcome for step in second.values()} == {"unchanged"}
    assert {request.method for request in server.requests[before:]} == {"GET"}


def test_reviewers_are_sent_by_the_forges_own_number(start_forge, pushed, wanted):
    send(start_forge(pushed), wanted)
    environment = pushed.settings["environments"]["production"]
    assert environment["reviewers"] == [{"type": "Team", "id": pushed.user("acme/llm")["id"]}]
    assert environment["prevent_self_review"] is True


def test_a_person_is_a_user(start_forge, pushed, adoption):
    alone = settings.desired(adoption.model_copy(update={"owner": "@someone"}))
    send(start_forge(pushed), alone)
    reviewers = pushed.settings["environments"]["production"]["reviewers"]
    assert reviewers == [{"type": "User", "id": pushed.user("someone")["id"]}]


def test_what_somebody_changed_by_hand_is_set_right(start_forge, pushed, wanted):
    server = start_forge(pushed)
    send(server, wanted)
    number = next(number for number, body in pushed.settings["rulesets"].items() if body["name"] == MAIN)
    pushed.settings["rulesets"][number] = {**pushed.settings["rulesets"][number], "enforcement": "disabled"}
    pushed.settings["policies production"]["9"] = {"id": 9, "name": "feature/*", "type": "branch"}
    pushed.settings["variables"]["SLUICE_REGISTRY"] = "elsewhere"
    steps = send(server, wanted)
    assert {name for name, step in steps.items() if step.outcome == "set"} == {
        f"ruleset {MAIN}", "environment production, branches", "variable SLUICE_REGISTRY",
    }  # fmt: skip
    assert pushed.settings["rulesets"][number]["enforcement"] == "active"
    assert [one["name"] for one in pushed.settings["policies production"].values()] == ["main"]


@pytest.mark.parametrize("missing", ["main", "evidence"])
def test_rulesets_are_not_sent_before_the_branches_are_there(start_forge, pushed, wanted, missing):
    del pushed.branches[missing]
    server = start_forge(pushed)
    with pytest.raises(UsageError, match=f"no branch {missing} yet.*git push origin main evidence"):
        send(server, wanted)
    assert {request.method for request in server.requests} == {"GET"}


def test_a_private_repository_gets_its_environments_without_reviewers_and_says_so(start_forge, pushed, wanted):
    pushed.private = True
    steps = send(start_forge(pushed), wanted)
    refused = [step for step in steps.values() if step.outcome == "refused"]
    assert [step.name for step in refused] == ["environment production, reviewers"]
    assert "Enterprise plan" in refused[0].why and "billing plan" in refused[0].why
    assert steps["environment production"].outcome == "set"
    assert steps["environment production, branches"].outcome == "set"
    assert not any("fork-pr-contributor-approval" in name for name in steps)


def test_a_token_that_may_little_is_told_of_each_setting_and_the_rest_goes_on(start_forge, pushed, wanted):
    steps = send(start_forge(pushed), wanted, contents="read", actions="read", variables="write", members="read")
    assert steps["variable SLUICE_REGISTRY"].outcome == "set"
    refused = {name for name, step in steps.items() if step.outcome == "refused"}
    assert {f"ruleset {MAIN}", "environment evidence", "Actions permissions"} <= refused
    assert all(step.why for step in steps.values() if step.outcome == "refused")


def test_reviewers_that_were_set_by_hand_stay_where_the_team_cannot_be_looked_up(start_forge, pushed, wanted):
    server = start_forge(pushed)
    there = {"reviewers": [{"type": "Team", "id": 5}], "deployment_branch_policy": None, "wait_timer": 0}
    pushed.settings["environments"] = {"production": there}
    steps = send(server, wanted, **{**ADMIN, "members": "none"})
    assert steps["environment production, reviewers"].outcome == "refused"
    assert pushed.settings["environments"]["production"]["reviewers"] == [{"type": "Team", "id": 5}]


def test_a_forge_that_is_down_ends_it_with_its_reason(start_forge, pushed, wanted):
    server = start_forge(pushed)
    server.fault("GET", "/actions/permissions", *[failed(503)] * Patience().attempts)
    with pytest.raises(ForgeError, match="503"):
        send(server, wanted)
