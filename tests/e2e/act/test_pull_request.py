"""pull-request.yml, played by act: what runs for which change, what it leaves behind, and what it never gives away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.act.running import Finished
from e2e.act.workbench import EASY_SUITE, Pull, Workbench, read_json, small_floor
from miniature import CARD, MODEL, PROMPT, edit_prompt, write
from servers.containers import cached, install, ran
from servers.tgi import TgiServer

pytestmark = pytest.mark.slow
Bench = Callable[..., Workbench]

BETTER = "Answer with the last word, and nothing else."
WORSE = "Answer with the last word, never."


def judge(bench: Workbench, pull: Pull, model: TgiServer, **variables: str) -> Finished:
    """Play a push to a pull request of a repository whose variables name the server."""
    return bench.judge(pull, SLUICE_ENDPOINT=model.url, **variables)


def asked(model: TgiServer) -> int:
    return len([call for call in model.calls if "chat" in call.path])


def timeless(value: Any) -> Any:
    """A judgement without what a clock measured, and without who asked for an answer first."""
    if isinstance(value, dict):
        dropped = {"latency", "seconds", "usage", "called", "latencies"}
        return {name: timeless(inner) for name, inner in value.items() if name not in dropped}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


def test_a_change_that_breaks_cases_is_stopped(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(lambda tree: edit_prompt(tree, WORSE))
    done = judge(work, pull, model)
    assert done.results == {"plan": "success", "eval (answer)": "success", "gate": "failure", "result": "failure"}
    assert done.code == 1
    judgement = work.judgement()
    assert judgement["verdict"]["word"] == "fail"
    assert (judgement["base_commit"], judgement["head_commit"]) == (pull.base, pull.merge)
    assert "no idea" in done.summary and "at most 360 calls" in done.summary
    assert timeless(read_json(work.by_hand(pull, model.url))) == timeless(judgement)


def test_a_change_that_breaks_nothing_passes(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(lambda tree: edit_prompt(tree, BETTER))
    done = judge(work, pull, model)
    assert done.results == {"plan": "success", "eval (answer)": "success", "gate": "success", "result": "success"}
    assert done.code == 0
    assert work.judgement()["verdict"]["word"] == "pass"


def test_another_attempt_asks_for_nothing_again_and_replaces_what_the_first_left(
    bench: Bench, model: TgiServer
) -> None:
    work = bench()
    pull = work.pull(lambda tree: edit_prompt(tree, WORSE))
    judge(work, pull, model)
    first, calls = work.judgement(), asked(model)
    again = work.judge(pull, attempt=2, SLUICE_ENDPOINT=model.url)
    assert again.results == {"plan": "success", "eval (answer)": "success", "gate": "failure", "result": "failure"}
    assert asked(model) == calls
    assert timeless(work.judgement()) == timeless(first)


def test_where_nothing_is_affected_nothing_runs_and_the_check_is_green(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(lambda tree: write(tree, "docs/notes.yaml", {"a": "note"}))
    done = judge(work, pull, model)
    assert done.results == {"plan": "success", "result": "success"}
    assert asked(model) == 0
    assert not work.artifact("sluice-judgement").exists()


def test_invalid_files_are_annotated_and_stop_everything(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(lambda tree: write(tree, "prompts/answer.yaml", {**PROMPT, "model": "no-such-model"}))
    done = judge(work, pull, model)
    assert done.results == {"plan": "failure", "result": "failure"}
    told = [one for one in done.commands if one.get("command") == "error"]
    assert told and told[0]["kvPairs"]["file"] == "prompts/answer.yaml"
    assert "no-such-model" in told[0]["arg"]


def test_a_plan_above_the_budget_is_refused_before_anything_is_asked(bench: Bench, model: TgiServer) -> None:
    work = bench()
    done = judge(work, work.pull(lambda tree: edit_prompt(tree, BETTER)), model, SLUICE_BUDGET_CALLS="10")
    assert done.results == {"plan": "failure", "result": "failure"}
    assert "this change may need 360 calls, and 10 are allowed" in done.log
    assert asked(model) == 0


def test_a_fork_gets_neither_the_endpoint_nor_the_runner(bench: Bench, model: TgiServer) -> None:
    """With nothing else to answer, its run says so; the same change from a branch of our own is judged."""
    work = bench()
    pull = work.pull(lambda tree: edit_prompt(tree, BETTER), fork="stranger/answers", author="stranger")
    done = judge(work, pull, model, SLUICE_RUNNER="gpu-runner")
    assert done.results == {"plan": "failure", "result": "failure"}
    assert "nothing here serves served" in done.log
    assert asked(model) == 0


def test_a_branch_of_our_own_runs_where_the_variables_say(bench: Bench, model: TgiServer) -> None:
    """No machine has the label here: act leaves the job out, as a forge would let it wait."""
    work = bench()
    done = judge(work, work.pull(lambda tree: edit_prompt(tree, BETTER)), model, SLUICE_RUNNER="no-such-runner")
    assert "eval (answer)" not in done.results
    assert done.results["result"] == "failure"
    assert asked(model) == 0


def test_a_runner_with_a_container_runtime_starts_the_servers_that_its_shard_needs(
    bench: Bench, tmp_path: Path
) -> None:
    """The variable holds in every job; only the eval starts a container, and nothing is left of it."""
    state, programs, cache = (tmp_path / name for name in ("containers", "programs", "hub"))
    state.mkdir()
    install(programs, "docker")
    cached(cache, MODEL["source"]["hub"], MODEL["source"]["revision"])
    variables = {"CONTAINERS": str(state), "HF_HUB_CACHE": str(cache)}
    work = bench()
    work.environment.update(variables)
    work.programs.append(programs)
    done = work.judge(work.pull(lambda tree: edit_prompt(tree, WORSE)), SLUICE_SERVE="1")
    assert done.results == {"plan": "success", "eval (answer)": "success", "gate": "failure", "result": "failure"}
    assert work.judgement()["verdict"]["word"] == "fail"
    assert len(ran(state)) == 1 and not list(state.glob("*.container"))
    assert not (state / "violations").exists()
    fork = work.pull(lambda tree: edit_prompt(tree, BETTER), fork="stranger/answers", author="stranger")
    assert work.judge(fork, SLUICE_SERVE="1").results == {"plan": "failure", "result": "failure"}
    assert len(ran(state)) == 1, "a fork's run starts nothing"


def test_an_entry_of_the_merge_queue_is_judged_against_its_base(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(lambda tree: edit_prompt(tree, WORSE))
    group = {
        "head_sha": pull.merge,
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{pull.base}",
        "base_sha": pull.base,
        "base_ref": "refs/heads/main",
    }
    event = {"action": "checks_requested", "merge_group": group, "repository": work.forge.repository()}
    done = work.run("merge_group", "pull-request.yml", event, at=pull.merge, variables={"SLUICE_ENDPOINT": model.url})
    assert done.results == {"plan": "success", "eval (answer)": "success", "gate": "failure", "result": "failure"}
    judgement = work.judgement()
    assert (judgement["base_commit"], judgement["head_commit"]) == (pull.base, pull.merge)


def two_suites(tree: Path) -> None:
    small_floor(tree)
    write(tree, "prompts/echo.yaml", {**PROMPT, "description": "Echoes.", "parameters": {"max_tokens": 8}})
    write(tree, "evals/echo.yaml", {**EASY_SUITE, "prompt": "echo"})


def edit_both(tree: Path) -> None:
    for name in ("answer", "echo"):
        text = (tree / f"prompts/{name}.yaml").read_text(encoding="utf-8")
        (tree / f"prompts/{name}.yaml").write_text(text.replace("Be brief.", "Be very brief."), encoding="utf-8")


def test_suites_run_in_shards_and_are_judged_as_one(bench: Bench, model: TgiServer) -> None:
    work = bench(two_suites)
    pull = work.pull(edit_both)
    done = judge(work, pull, model)
    ran = {"plan", "eval (answer)", "eval (echo)", "gate", "result"}
    assert done.results == dict.fromkeys(ran, "success")
    judgement = work.judgement()
    assert timeless(read_json(work.by_hand(pull, model.url))) == timeless(judgement)


def private_floor(tree: Path) -> None:
    small_floor(tree)
    write(tree, "datasets/questions.yaml", {**CARD, "outputs": "none"})


def test_answers_that_may_be_shown_nowhere_are_in_no_artifact(bench: Bench, model: TgiServer) -> None:
    work = bench(private_floor)
    done = judge(work, work.pull(lambda tree: edit_prompt(tree, WORSE)), model)
    assert done.results == {"plan": "success", "gate": "failure", "result": "failure"}
    left = [path for path in (work.place / "artifacts").rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["judgement.json"]
    assert b"no idea" not in left[0].read_bytes()
    assert "no idea" not in done.summary


def with_quick_tests(tree: Path) -> None:
    """The engine's own tests would run for most of an hour."""
    small_floor(tree)
    (tree / ".ci/run").write_text("#!/bin/sh\necho the tests ran\n", encoding="utf-8")


def test_a_change_of_the_engine_is_tested_and_judges_as_before(bench: Bench, model: TgiServer) -> None:
    work = bench(with_quick_tests)
    pull = work.pull(lambda tree: _append(tree / "src/sluice/stats/__init__.py", "\n# Words only.\n"))
    done = judge(work, pull, model)
    assert done.results == {"plan": "success", "engine": "success", "result": "success"}
    assert "the tests ran" in done.jobs["engine"].output["Test"]
    assert "Nothing moved" in done.summary and "| answer | 180 | first | first |" in done.summary


def test_an_engine_that_judges_otherwise_is_stopped(bench: Bench, model: TgiServer) -> None:
    """Its author must see which verdicts it moves, even where its own tests are content."""
    work = bench(with_quick_tests)
    pull = work.pull(_forgetful_engine)
    done = judge(work, pull, model)
    assert done.results["engine"] == "failure" and done.results["result"] == "failure"
    assert "answer: first → fail" in done.summary and "- answer, case case-0000" in done.summary


def _forgetful_engine(tree: Path) -> None:
    path = tree / "src/sluice/assertions/contains.py"
    text = path.read_text(encoding="utf-8")
    assert " in fold(subject.output)" in text
    path.write_text(text.replace(" in fold(subject.output)", " not in fold(subject.output)"), encoding="utf-8")


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_nothing_that_others_wrote_is_obeyed(bench: Bench, model: TgiServer) -> None:
    """Not a branch's name, not a title, not a row, and not what the model answers."""
    work = bench(_with_hostile_rows)
    hostile = "x$(touch${IFS}obeyed)`touch${IFS}obeyed`;touch${IFS}obeyed"
    title = '"; touch obeyed; echo "${{ github.token }}'
    pull = work.pull(lambda tree: edit_prompt(tree, "Give a command."), branch=hostile, title=title)
    done = judge(work, pull, model)
    assert done.results["gate"] in ("success", "failure") and asked(model) > 0
    assert not [one for one in done.commands if "obeyed" in str(one.get("arg", ""))]
    assert not list(work.place.rglob("obeyed"))
    assert not [one for one in done.commands if one.get("command") == "add-mask"]


def _with_hostile_rows(tree: Path) -> None:
    small_floor(tree)
    path = tree / "datasets/questions.jsonl"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Which word", "::error::obeyed\\n$(touch obeyed) Which word"), encoding="utf-8")
