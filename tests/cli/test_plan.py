"""`sluice plan` says what it would take and what it could see; `sluice render` shows messages."""

import json
from unittest import mock

import pytest
from miniature import CARD, MODEL, PROMPT, SUITE, commit, edit_prompt, git, rows, write


def test_a_plan_calls_nothing(repository, server, sluice):
    edit_prompt(repository, "Other.")
    code, out, _ = sluice("plan")
    assert code == 0
    assert "at most 600 calls" in out
    assert "300 cases can see a drop of" in out
    assert server.calls == []


def test_a_plan_as_json(repository, server, sluice):
    edit_prompt(repository, "Other.")
    plan = json.loads(sluice("plan", "--format", "json")[1])
    assert plan["affected"] is True
    assert plan["suites"][0]["effort"]["calls"] == 600
    assert 0.02 < plan["suites"][0]["metrics"][0]["detectable"] < 0.06
    [shard] = plan["matrix"]["include"]
    assert (shard["suite"], shard["calls"]) == ("answer", 600)
    assert plan["effort"]["calls"] == 600 and plan["effort"]["minutes"] > 0
    assert plan["refused"] == []


def test_a_plan_of_nothing_has_an_empty_matrix(repository, server, sluice):
    plan = json.loads(sluice("plan", "--format", "json")[1])
    assert plan["affected"] is False
    assert plan["matrix"] == {"include": []}
    assert plan["unaffected"] == ["answer"]


def test_a_removed_suite_or_an_edited_gate_is_judged_though_nothing_is_asked(repository, server, sluice):
    write(repository, "evals/answer.yaml", {**SUITE, "gates": {"correct": {"max_drop": 0.5}}})
    plan = json.loads(sluice("plan", "--format", "json")[1])
    assert plan["affected"] is True and plan["edits"] and plan["matrix"] == {"include": []}
    (repository / "evals" / "answer.yaml").unlink()
    plan = json.loads(sluice("plan", "--format", "json")[1])
    assert plan["affected"] is True and plan["problems"] and plan["matrix"] == {"include": []}
    assert sluice("eval", "--stored")[0] == 4


def test_what_is_known_is_not_planned_again(repository, server, sluice):
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    sluice("eval", "--complete")
    edit_prompt(repository, "Answer with the last word.\nBe kind.")
    [suite] = json.loads(sluice("plan", "--format", "json")[1])["suites"]
    assert suite["known"] == 300
    assert suite["effort"]["calls"] == 300
    assert suite["measured"] is True
    assert not (repository / ".sluice" / "runs" / "other").exists()


def test_a_plan_leaves_no_state(repository, server, sluice):
    edit_prompt(repository, "Other.")
    sluice("plan")
    assert not (repository / ".sluice").exists()


def contents(place):
    return {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def test_a_plan_reads_what_is_known_and_writes_nothing(repository, server, sluice, monkeypatch):
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    sluice("eval", "--complete")
    edit_prompt(repository, "Answer with the last word.\nBe kind.")
    before = contents(repository / ".sluice")
    refuse = mock.Mock(side_effect=OSError("Read-only file system"))
    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    [suite] = json.loads(sluice("plan", "--format", "json")[1])["suites"]
    assert suite["known"] == 300
    assert contents(repository / ".sluice") == before


def test_a_plan_does_without_a_cache_that_it_cannot_read(repository, server, sluice):
    edit_prompt(repository, "Other.")
    write(repository, ".sluice/cache/completions.sqlite", "no database")
    before = contents(repository / ".sluice")
    code, out, err = sluice("plan")
    assert (code, "at most 600 calls" in out, "known are not counted" in err) == (0, True, True)
    assert contents(repository / ".sluice") == before


def shallow_clone(repository, place):
    """A clone of a branch alone with the tips of all, after main moved on."""
    git(repository, "checkout", "--quiet", "-b", "feat")
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    commit(repository)
    git(repository, "checkout", "--quiet", "main")
    write(repository, "evals/answer.yaml", {**SUITE, "description": "Main's own later change."})
    commit(repository)
    words = ("--depth", "1", "--no-single-branch", "--branch", "feat", f"file://{repository}")
    git(repository, "clone", "--quiet", *words, str(place))
    return place


@pytest.mark.parametrize("verb", [("plan",), ("eval",)])
def test_a_base_that_is_a_guess_is_said_in_a_line(repository, server, sluice, verb, tmp_path_factory, monkeypatch):
    clone = shallow_clone(repository, tmp_path_factory.mktemp("clones") / "clone")
    monkeypatch.chdir(clone)
    words = "the base is the tip of origin/main, because this clone is shallow (git fetch --unshallow"
    _, _, err = sluice(*verb)
    assert [words in line for line in err.splitlines()].count(True) == 1
    assert words not in sluice(*verb, "--base", "origin/main")[2]
    git(clone, "fetch", "--quiet", "--unshallow")
    assert words not in sluice(*verb)[2]


def test_money_and_gpu_time_follow_from_the_model_file(repository, server, sluice):
    serving = {**MODEL["serving"], "resources": {"gpus": 2}}
    write(repository, "models/served.yaml", {**MODEL, "serving": serving, "price": {"gpu_hour": 6.0}})
    commit(repository)
    edit_prompt(repository, "Other.")
    effort = json.loads(sluice("plan", "--format", "json")[1])["effort"]
    assert effort["gpu_minutes"] == pytest.approx(2 * effort["minutes"])
    assert effort["money"] == pytest.approx(effort["gpu_minutes"] / 10)


@pytest.mark.parametrize(
    ("option", "allowed", "reason"),
    [
        ("--budget-calls", "599", "may need 600 calls, and 599 are allowed"),
        ("--budget-minutes", "0.01", "0.01 are allowed"),
        ("--budget-money", "0", "$0.00 is allowed"),
    ],
)
def test_a_plan_above_a_limit_is_refused_with_the_reason(repository, server, sluice, option, allowed, reason):
    edit_prompt(repository, "Other.")
    code, out, err = sluice("plan", "--format", "json", option, allowed)
    assert code == 4
    assert reason in err
    assert json.loads(out)["refused"][0] in err
    assert server.calls == []
    assert sluice("plan", option, "1000000")[0] == 0


def test_a_limit_that_nobody_set_is_none(repository, server, sluice):
    edit_prompt(repository, "Other.")
    assert sluice("plan", "--budget-calls", "", "--budget-minutes", "", "--budget-money", "")[0] == 0


@pytest.mark.parametrize("value", ["many", "-1", "1e9", "0x10", "\u0663"])
def test_a_limit_that_is_no_number_is_a_usage_error(repository, sluice, value):
    assert sluice("plan", f"--budget-calls={value}")[0] == 2
    assert sluice("plan", f"--budget-minutes={value}")[0] == 2


def test_a_suites_own_budget_counts(repository, server, sluice):
    write(repository, "evals/answer.yaml", {**SUITE, "budget": {"calls": 599}})
    commit(repository)
    edit_prompt(repository, "Other.")
    code, _, err = sluice("plan")
    assert code == 4
    assert "answer may need 600 calls, and its own budget is 599" in err


def test_the_outputs_of_a_step(repository, server, sluice, monkeypatch):
    edit_prompt(repository, "Other.")
    monkeypatch.setenv("GITHUB_OUTPUT", str(repository / "outputs"))
    sluice("plan", "--github-output")
    text = (repository / "outputs").read_text()
    assert "affected<<sluice-" in text and "\ntrue\n" in text
    assert '{"include": [{"shard": 1, "suite": "answer", "calls": 600' in text


@pytest.mark.parametrize(("outputs", "suites"), [("none", []), ("artifact", ["answer"]), ("public", ["answer"])])
def test_answers_that_may_lie_nowhere_are_in_no_shard(repository, server, sluice, outputs, suites, monkeypatch):
    """A shard's answers travel in an artifact, which on a public repository everybody can read."""
    write(repository, "datasets/questions.yaml", {**CARD, "outputs": outputs})
    edit_prompt(repository, "Other.")
    plan = json.loads(sluice("plan", "--format", "json")[1])
    assert [shard["suite"] for shard in plan["matrix"]["include"]] == suites
    assert plan["private"] == ([] if suites else ["answer"])
    monkeypatch.setenv("GITHUB_OUTPUT", str(repository / "outputs"))
    sluice("plan", "--github-output")
    said = (repository / "outputs").read_text().splitlines()
    assert [said[said.index(next(line for line in said if line.startswith(f"{name}<<"))) + 1]
            for name in ("affected", "sharded", "private")] == ["true", "true" if suites else "false",
                                                                "false" if suites else "true"]  # fmt: skip


def test_a_base_that_withheld_its_answers_counts_too(repository, server, sluice):
    write(repository, "datasets/questions.yaml", {**CARD, "outputs": "none"})
    commit(repository)
    write(repository, "datasets/questions.yaml", {**CARD, "outputs": "public"})
    edit_prompt(repository, "Other.")
    assert json.loads(sluice("plan", "--base", "HEAD", "--format", "json")[1])["private"] == ["answer"]


def test_moving_verdicts_ask_the_base_prompt_on_old_rows(repository, server, sluice):
    """An edit of rows is judged in two steps; the first asks the base prompt on the rows as they were."""
    edited = [{**row, "question": f"Say {row['question']}"} if i < 10 else row for i, row in enumerate(rows(300))]
    write(repository, "datasets/questions.jsonl", edited)
    planned = json.loads(sluice("plan", "--format", "json")[1])["effort"]["calls"]
    assert planned == 310
    sluice("eval", "--complete")
    assert len(server.generations) == planned


def test_nothing_changed(repository, server, sluice):
    assert "not affected: answer" in sluice("plan")[1]


def test_render_a_case(repository, sluice):
    code, out, _ = sluice("render", "answer", "case-0007")
    assert code == 0
    assert "[user]\nWhich word ends question number 7 word7" in out


def test_row_values_are_never_rendered_again(repository, sluice):
    code, out, _ = sluice("render", "answer", "--inputs", json.dumps({"question": "{{ 7 * 7 }} {% raw %}"}))
    assert code == 0
    assert "{{ 7 * 7 }} {% raw %}" in out


def test_a_missing_input_is_named(repository, sluice):
    code, _, err = sluice("render", "answer", "--inputs", "{}")
    assert code == 2
    assert "question" in err


def test_an_unknown_case_or_prompt_is_named_with_the_nearest(repository, sluice):
    assert "case-0007" in sluice("render", "answer", "cas-0007")[2]
    assert "'answer'" in sluice("render", "answr")[2]


def test_render_a_revision(repository, sluice):
    write(
        repository, "prompts/answer.yaml", {**PROMPT, "messages": [{"role": "user", "content": "New {{ question }}"}]}
    )
    assert "New Which" in sluice("render", "answer", "case-0001")[1]
    assert "New Which" not in sluice("render", "answer", "case-0001", "--revision", "HEAD")[1]
