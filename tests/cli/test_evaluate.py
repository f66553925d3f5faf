"""`sluice eval` through the front door: verdicts, exit codes, what is called and what is not."""

import json

import pytest
from miniature import SUITE, commit, edit_prompt, git, rows, write


def judgement(root):
    return json.loads((root / ".sluice" / "last-judgement.json").read_bytes())


def test_nothing_changed_calls_nothing(repository, server, sluice):
    code, out, _ = sluice("eval")
    assert code == 0
    assert "pass" in out
    assert server.calls == []


def test_a_comment_or_description_changes_nothing(repository, server, sluice):
    path = repository / "prompts" / "answer.yaml"
    path.write_text("# a comment\n" + path.read_text().replace("Answers with a word.", "Answers in one word."))
    assert sluice("eval")[0] == 0
    assert server.calls == []


def test_a_harmless_edit_passes_and_asks_each_side_once(repository, server, sluice):
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    code, out, err = sluice("eval", "--complete")
    assert code == 0, out + err
    assert "✓ pass" in out
    assert len(server.generations) == 600


def test_a_sabotage_fails_early_with_the_cases(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    code, out, _ = sluice("eval")
    assert code == 1
    assert "✗ fail" in out
    assert "[-word" in out
    assert "{+no idea+}" in out
    assert len(server.generations) < 600


def test_a_repair_passes(repository, server, sluice):
    edit_prompt(repository, "halves")
    commit(repository)
    # Base answers the even half; head answers the odd half of the same cases and loses every seventh.
    base = git(repository, "rev-parse", "HEAD").strip()
    edit_prompt(repository, "trade")
    code, out, err = sluice("eval", "--base", base)
    assert code == 0, "head repairs far more than it breaks" + out + err


def test_a_trade_is_inconclusive(repository, server, sluice):
    edit_prompt(repository, "first swap")
    commit(repository)
    edit_prompt(repository, "second swap")
    code, out, err = sluice("eval", "--base", "HEAD")
    assert code == 4, out + err
    assert "inconclusive" in out
    assert "add cases" in out


def test_the_same_command_again_asks_nothing_and_says_the_same(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    first = sluice("eval")
    asked = len(server.generations)
    second = sluice("eval")
    assert second[0] == first[0]
    assert len(server.generations) == asked
    assert first[1].splitlines()[:12] == second[1].splitlines()[:12]


def test_equal_requests_are_one_completion(repository, server, sluice):
    # Only the assertion changes: the requests of both sides stay equal.
    write(
        repository,
        "evals/answer.yaml",
        {**SUITE, "assertions": [{"metric": "correct", "type": "contains", "value": "{{ expected }}"}]},
    )
    code, out, _ = sluice("eval", "--complete")
    assert code == 0
    assert len(server.generations) == 300
    assert "the assertions" in out
    assert judgement(repository)["suites"][0]["moved"]


def test_the_policy_is_the_bases(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    write(repository, "evals/answer.yaml", {**SUITE, "gates": {"correct": {"max_drop": 0.99, "tier": "info"}}})
    code, out, _ = sluice("eval")
    assert code == 1
    assert "judged by the gates of the base" in " ".join(out.split())


def test_a_removed_gated_suite_is_invalid(repository, server, sluice):
    (repository / "evals" / "answer.yaml").unlink()
    code, out, _ = sluice("eval")
    assert code == 4
    assert "removed or renamed" in out


def test_a_new_suite_is_first(repository, server, sluice):
    write(repository, "evals/second.yaml", SUITE)
    code, out, _ = sluice("eval")
    assert code == 0
    assert "first" in out
    assert len(server.generations) == 300


def test_a_new_suite_below_its_floor_fails(repository, server, sluice):
    edit_prompt(repository, "halves")
    commit(repository)
    write(repository, "evals/second.yaml", {**SUITE, "gates": {"correct": {"max_drop": 0.05, "floor": 0.9}}})
    assert sluice("eval", "second")[0] == 1


def test_a_failing_must_pass_case_fails_the_suite(repository, server, sluice):
    write(
        repository, "evals/answer.yaml", {**SUITE, "must_pass": ["case-0007"], "gates": {"correct": {"max_drop": 0.5}}}
    )
    commit(repository)
    edit_prompt(repository, "trade")
    code, out, _ = sluice("eval")
    assert code == 1
    assert "case-0007" in out


def test_invalid_files_stop_before_any_call(repository, server, sluice):
    write(repository, "prompts/answer.yaml", "description: x\nmodle: y\n")
    code, out, _ = sluice("eval")
    assert code == 3
    assert "prompts/answer.yaml:2:1" in out
    assert server.calls == []


def test_no_server_is_said_with_what_to_do(repository, sluice):
    edit_prompt(repository, "Answer never.")
    code, _, err = sluice("eval")
    assert code == 4
    assert "SLUICE_ENDPOINT_SERVED" in err


def test_an_unreachable_server_cannot_judge(repository, sluice, monkeypatch):
    monkeypatch.setenv("SLUICE_ENDPOINT", "http://127.0.0.1:9")
    edit_prompt(repository, "Answer never.")
    code, _, err = sluice("eval")
    assert code == 4
    assert "Traceback" not in err


def test_another_model_on_the_server_cannot_judge(repository, tgi, sluice, monkeypatch):
    monkeypatch.setenv("SLUICE_ENDPOINT", tgi(model_id="other/model").url)
    edit_prompt(repository, "Answer never.")
    code, _, err = sluice("eval")
    assert code == 4
    assert "other/model" in err


def test_a_budget_refuses_before_the_first_call(repository, server, sluice):
    write(repository, "evals/answer.yaml", {**SUITE, "budget": {"calls": 10}})
    commit(repository)
    edit_prompt(repository, "Answer never.")
    code, _, err = sluice("eval")
    assert code == 4
    assert "budget is 10" in err
    assert server.generations == []


def test_a_template_that_would_fail_on_one_row_stops_before_any_call(repository, server, sluice):
    broken = [{**row, "question": "" if index == 5 else row["question"]} for index, row in enumerate(rows(300))]
    write(repository, "datasets/questions.jsonl", broken)
    prompt = "{% if not question %}{{ missing.field }}{% endif %}Answer."
    edit_prompt(repository, prompt)
    code, out, _ = sluice("eval")
    assert code == 3
    assert "missing" in out
    assert server.calls == []


@pytest.mark.parametrize("style", ["json", "markdown"])
def test_other_formats(repository, server, sluice, style):
    edit_prompt(repository, "Answer never.")
    code, out, _ = sluice("eval", "--format", style)
    assert code == 1
    if style == "json":
        assert json.loads(out)["verdict"]["word"] == "fail"
    else:
        assert "**fail**" in out


def test_a_judgement_can_be_told_again(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    first = sluice("eval", "--output", "judgement.json")
    asked = len(server.generations)
    assert sluice("report", "judgement.json")[1].splitlines()[:10] == first[1].splitlines()[:10]
    assert sluice("gate", "judgement.json")[0] == 1
    assert "broken" in sluice("compare", "--limit", "1")[1]
    assert len(server.generations) == asked


def test_no_base_at_all_is_first(tmp_path, server, sluice, monkeypatch):
    from miniature import CARD, MODEL, PROMPT

    for path, content in {
        "prompts/answer.yaml": PROMPT, "datasets/questions.yaml": CARD, "datasets/questions.jsonl": rows(300),
        "evals/answer.yaml": SUITE, "models/served.yaml": MODEL,
    }.items():  # fmt: skip
        write(tmp_path, path, content)
    monkeypatch.chdir(tmp_path)
    code, out, err = sluice("eval")
    assert code == 0, out + err
    assert "first" in out


def test_an_unknown_base_is_a_usage_error(repository, sluice):
    code, _, err = sluice("eval", "--base", "nowhere")
    assert code == 2
    assert "nowhere" in err
