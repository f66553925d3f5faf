"""nightly.yml, played by act: one issue that opens when a verdict on main turns, is kept up to date, and closes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from e2e.act.running import Finished
from e2e.act.workbench import Workbench
from servers.tgi import TgiServer

pytestmark = pytest.mark.slow
Bench = Callable[..., Workbench]


def night(work: Workbench, model: TgiServer) -> Finished:
    """Play the schedule."""
    payload = {"schedule": "17 2 * * *", "repository": work.forge.repository()}
    return work.run("schedule", "nightly.yml", payload, variables={"SLUICE_ENDPOINT": model.url})


def test_one_issue_tells_how_main_fares(bench: Bench, model: TgiServer) -> None:
    work = bench()
    assert night(work, model).results == {"suites": "success", "tell": "success"}
    assert work.forge.issues == {}

    honest, model.answer = model.answer, lambda generation: "no idea"
    for _ in range(2):
        assert night(work, model).results == {"suites": "failure", "tell": "success"}
        [issue] = work.forge.issues.values()
        assert issue["state"] == "open" and "fail" in issue["title"]
    assert issue["body"].count("- 2") >= 1 and "answer" in issue["body"]

    model.answer = honest
    assert night(work, model).results == {"suites": "success", "tell": "success"}
    [issue] = work.forge.issues.values()
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")


def test_a_night_that_cannot_ask_is_told_too(bench: Bench, model: TgiServer) -> None:
    work = bench()
    model.stop()
    assert night(work, model).results == {"suites": "failure", "tell": "success"}
    [issue] = work.forge.issues.values()
    assert "no judgement" in issue["title"]
