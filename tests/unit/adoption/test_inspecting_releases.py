"""What releases need at the forge: not asked for is a note, asked for and missing is named with the command."""

from __future__ import annotations

import pytest
from servers.github_fixtures import client_of
from servers.github_state import Forge

from sluice.adoption import settings
from sluice.adoption.applying import apply
from sluice.adoption.inspecting_releases import inspect

from .test_applying import ADMIN

READER = {**ADMIN, "environments": "read", "secrets": "read"}
OVERLAYS = ("production", "staging")
COMPLETE = {"SLUICE_STAGING": "staging", "SLUICE_PRODUCTION": "production", "SLUICE_ROLLOUT": "push"}


@pytest.fixture
def forge():
    made = Forge()
    made.branches.update(main="a" * 40, evidence="b" * 40)
    return made


@pytest.fixture
def server(start_forge, forge, wanted):
    """A forge that has everything that releases and roll-outs by push need."""
    server = start_forge(forge)
    list(apply(client_of(server, **ADMIN), wanted))
    forge.settings["variables"].update(COMPLETE)
    forge.settings["variables staging"] = {"SLUICE_ENDPOINT": "http://staging"}
    for name in ("staging", "production", "checks"):
        forge.settings[f"secrets {name}"] = {"SLUICE_KUBECONFIG": ""}
    return server


def look(server, wanted, **permissions):
    return {one.name: one for one in inspect(client_of(server, **(permissions or READER)), wanted, OVERLAYS)}


def test_all_is_well(server, wanted):
    assert {name: one.found for name, one in look(server, wanted).items() if one.state != "ok"} == {}
    assert {request.method for request in server.requests[-5:]} == {"GET"}


def test_what_nobody_asked_for_is_a_note_with_the_command(server, forge, wanted):
    for name in COMPLETE:
        del forge.settings["variables"][name]
    found = look(server, wanted)
    assert {name for name, one in found.items() if one.state == "note"} == {
        "variable SLUICE_STAGING", "variable SLUICE_PRODUCTION",
    }  # fmt: skip
    assert "gh variable set SLUICE_STAGING" in found["variable SLUICE_STAGING"].repair
    assert found["variable SLUICE_ROLLOUT"].found == "not set: clusters pull their deploy branches"


@pytest.mark.parametrize(
    ("spoil", "name", "state", "words"),
    [
        (lambda s: s["variables"].update(SLUICE_STAGING="stagin"), "variable SLUICE_STAGING", "fix", "main's env"),
        (lambda s: s["variables"].update(SLUICE_ROLLOUT="yes"), "variable SLUICE_ROLLOUT", "fix", "means nothing"),
        (lambda s: s["variables staging"].clear(), "SLUICE_ENDPOINT of staging", "fix", "no evidence"),
        (lambda s: s["variables staging"].clear() or s["variables"].update(SLUICE_ENDPOINT="x"),
         "SLUICE_ENDPOINT of staging", "note", "the repository's"),
        (lambda s: s["environments"]["production"].update(reviewers=[]), "approval of production", "fix", "nobody"),
        (lambda s: s["secrets production"].clear(), "secret SLUICE_KUBECONFIG in production", "fix", "rolled out"),
        (lambda s: s["secrets checks"].clear(), "secret SLUICE_KUBECONFIG in checks", "note", "drift.yml"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_alone_and_with_a_way_to_mend_it(server, forge, wanted, spoil, name, state, words):
    spoil(forge.settings)
    found = {one.name: one for one in look(server, wanted).values() if one.state != "ok"}
    assert list(found) == [name]
    assert (found[name].state, words in found[name].found) == (state, True), found[name]
    assert found[name].repair


def test_without_a_ruleset_about_deploy_branches_anybody_could_release(server, wanted):
    open_ = settings.Settings({}, wanted.environments, wanted.actions, wanted.variables)
    assert look(server, open_)["branches deploy/*"].state == "fix"


def test_what_a_token_cannot_see_is_not_called_fine(server, wanted):
    (found,) = look(server, wanted, contents="read").values()
    assert (found.state, "cannot be seen" in found.found, "Variables" in found.repair) == ("fix", True, True)
