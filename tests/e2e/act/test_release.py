"""release.yml and promote.yml, played by act against a bare remote: what main judged is released, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from e2e.act.releasing import (
    BETTER,
    WORSE,
    after_judging,
    judged,
    judged_first,
    prepared,
    releases,
    releasing_floor,
    started,
)  # fmt: skip
from e2e.act.workbench import Workbench, git, sluice
from miniature import edit_prompt
from outside_tools import outside_tool
from servers.tgi import TgiServer

pytestmark = pytest.mark.slow
Bench = Callable[..., Workbench]


@pytest.fixture
def work(bench: Bench, model: TgiServer) -> Workbench:
    """A repository whose first commit main has judged."""
    outside_tool("kustomize")
    made = prepared(bench(releasing_floor), model.url)
    judged_first(made)
    return made


def test_from_a_merge_to_production(work: Workbench, model: TgiServer) -> None:
    refused = after_judging(work)
    assert refused.results == {"release": "failure"}
    assert "a person must name its first release" in refused.log
    assert started(work, "release.yml", actor="passer-by").results == {"release": "failure"}
    first = started(work, "release.yml")
    assert first.results == {"release": "success", "smoke": "success", "record": "success"}, first.log
    assert "released" in first.jobs["release"].summary and "as release 1" in first.jobs["release"].summary
    promoted = started(work, "promote.yml")
    assert promoted.results == {"plan": "success", "approve": "success", "release": "success"}, promoted.log
    assert releases(work, "production") == ["1"]

    before = work.sha("main")
    after = work.on_main(lambda tree: edit_prompt(tree, BETTER))
    judged(work, before, after)
    asked = len(model.calls)
    done = after_judging(work)
    assert done.results == {"release": "success", "smoke": "success", "record": "success"}, done.log
    assert releases(work, "staging") == ["2", "1"]
    assert len([call for call in model.calls[asked:] if "chat" in call.path]) == 0, (
        "what has evidence is not asked again"
    )
    assert started(work, "promote.yml", reference="true").results["release"] == "success"
    clone = work.place / "reader"
    git(work.place, "clone", "--quiet", str(work.git_directory), str(clone))
    verified = sluice(clone, "verify", "--all", "--format", "json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    told = json.loads(verified.stdout)["releases"]
    assert [(one["environment"], one["number"], one["signed"]) for one in told] == [
        ("production", 2, True), ("production", 1, True), ("staging", 2, True), ("staging", 1, True),
    ]  # fmt: skip


def test_a_merged_loss_is_not_released(work: Workbench) -> None:
    assert started(work, "release.yml").results["release"] == "success"
    before = work.sha("main")
    after = work.on_main(lambda tree: edit_prompt(tree, WORSE))
    judged(work, before, after, "failure")
    done = after_judging(work)
    assert done.results == {"release": "failure"}
    assert "which staging runs now: fail" in done.log
    assert releases(work, "staging") == ["1"]
    assert started(work, "promote.yml").results.get("plan") == "failure"
    assert releases(work, "production") == []


def test_three_merges_at_once_lose_no_release(work: Workbench) -> None:
    """The runs that judging the first two would start are replaced while they wait; the last one has all three."""
    assert started(work, "release.yml").results["release"] == "success"
    for words in ("One.", "Two.", BETTER):
        before = work.sha("main")
        after = work.on_main(lambda tree, words=words: edit_prompt(tree, f"Answer with the last word. {words}"))
        judged(work, before, after)
    done = after_judging(work)
    assert done.results["release"] == "success", done.log
    assert releases(work, "staging") == ["2", "1"]
    record = json.loads(git(work.git_directory, "show", "deploy/staging:release.json"))
    assert record["source_commit"] == after


def test_nothing_is_released_where_no_environment_is_named(bench: Bench) -> None:
    work = bench(releasing_floor)
    assert after_judging(work).results == {}
    assert started(work, "promote.yml").results == {}
