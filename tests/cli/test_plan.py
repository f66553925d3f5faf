"""`sluice plan` says what it would take and what it could see; `sluice render` shows messages."""

import json

from miniature import PROMPT, edit_prompt, write


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
    assert plan["affected"][0]["calls"] == 600
    assert 0.02 < plan["affected"][0]["metrics"][0]["detectable"] < 0.06


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
