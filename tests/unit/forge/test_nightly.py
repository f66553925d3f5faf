"""The one issue about main: opened, updated and closed; never two."""

import pytest
from servers.github import dropped, error, failed, secondary
from servers.github_fixtures import client_of

from sluice.forge.failures import ForgeError
from sluice.forge.nightly import MARKER, MOST_NIGHTS, Night, tell

BOT = "github-actions[bot]"
PERMISSIONS = {"issues": "write"}


def night(well, day=1, report="the report"):
    word = "pass" if well else "fail"
    return Night(well, f"main: {word}", report, f"2026-11-{day:02} {word}: [run](https://github.com/r)")


def told(server, *nights):
    return [tell(client_of(server, **PERMISSIONS), BOT, one) for one in nights]


def test_a_good_night_opens_nothing(server):
    assert told(server, night(True)) == [None]
    assert server.forge.issues == {}


def test_it_is_opened_updated_and_closed(server):
    outcomes = told(server, night(False, 1), night(False, 2), night(True, 3))
    assert [one.done for one in outcomes] == ["created", "edited", "edited"]
    (issue,) = server.forge.issues.values()
    assert (issue["state"], issue["state_reason"], issue["title"]) == ("closed", "completed", "main: pass")
    history = [line[2:] for line in issue["body"].split("\n") if line.startswith("- 2026")]
    assert [line[:15] for line in history] == ["2026-11-03 pass", "2026-11-02 fail", "2026-11-01 fail"]


def test_the_next_bad_night_opens_another(server):
    told(server, night(False, 1), night(True, 2), night(False, 3))
    assert [issue["state"] for issue in server.forge.issues.values()] == ["closed", "open"]


def test_the_same_night_again_adds_no_line(server):
    told(server, night(False, 1), night(False, 1))
    (issue,) = server.forge.issues.values()
    assert issue["body"].count("2026-11-01") == 1


def test_the_history_is_bounded(server):
    told(server, *[night(False, day) for day in range(1, 21)])
    (issue,) = server.forge.issues.values()
    assert issue["body"].count("\n- 2026") == MOST_NIGHTS


@pytest.mark.parametrize(
    "fault", [failed(502, after=True), dropped(after=True), dropped(), failed(503), secondary("2")]
)
def test_it_is_opened_exactly_once(server, fault):
    server.fault("POST", "/issues", fault)
    told(server, night(False))
    assert len(server.forge.issues) == 1


@pytest.mark.parametrize("fault", [failed(502, after=True), dropped(after=True), dropped(), secondary("2")])
def test_closing_survives_faults(server, fault):
    told(server, night(False, 1))
    server.fault("PATCH", r"/issues/\d+", fault, fault)
    told(server, night(True, 2))
    (issue,) = server.forge.issues.values()
    assert issue["state"] == "closed"


def test_an_issue_of_somebody_else_is_left_alone(server):
    server.forge.add_issue("author", "mine", f"{MARKER}\nmine")
    server.forge.add_issue(BOT, "another", "without a marker")
    told(server, night(False), night(True))
    assert [issue["title"] for issue in server.forge.issues.values()] == ["mine", "another", "main: pass"]
    assert [issue["state"] for issue in server.forge.issues.values()] == ["open", "open", "closed"]


def test_a_second_one_is_closed(server):
    first = server.forge.add_issue(BOT, "one", MARKER)
    second = server.forge.add_issue(BOT, "two", MARKER)
    told(server, night(False))
    assert (first["state"], second["state"], second["state_reason"]) == ("open", "closed", "not_planned")


def test_where_it_cannot_be_opened_the_job_says_why(server):
    server.fault("POST", "/issues", error(410, "Issues are disabled for this repo"))
    with pytest.raises(ForgeError, match="Issues are disabled"):
        told(server, night(False))
