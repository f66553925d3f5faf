"""In Actions no line that is printed commands the runner, unless it is meant to; data stay what they are."""

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from miniature import PROMPT, edit_prompt, rows, write

from sluice.cli.guard import GuardedStream, command, harmless

EVIL = ["::set-output name=a::b", "  ::add-mask::x", "##[add-mask]x", "\u00a0::stop-commands::t", "::::", "::warning::"]
lines = st.lists(st.one_of(st.sampled_from(EVIL), st.sampled_from(["\n", "\r", "\r\n", "{", '"', " ", "a"]), st.text()))


def commands(text):
    """The lines that a runner (or act) would carry out: new style at the start, old style anywhere."""
    split = re.split(r"\r\n|\r|\n", text)
    return [line for line in split if re.match(r"\s*::", line) or "##[" in line]


@given(lines)
def test_no_line_commands_however_it_is_written(parts):
    out = io.StringIO()
    stream = GuardedStream(out)
    for part in parts:
        assert stream.write(part) == len(part)
        stream.flush()
    stream.finish()
    assert not commands(out.getvalue())
    plain = out.getvalue().replace("\u2060", "").replace("##\\u005b", "##[")
    assert plain == "".join(parts).replace("\u2060", "").replace("##\\u005b", "##[")


@given(
    st.recursive(st.text() | st.sampled_from(EVIL), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_json_stays_the_same_value(value):
    for indent in (None, 2):
        text = json.dumps([value], indent=indent, ensure_ascii=False)
        told = "\n".join(map(harmless, text.split("\n")))
        assert json.loads(told) == [value]
        assert not commands(told.replace("\r", ""))


def test_ordinary_lines_are_not_touched():
    assert harmless("std::vector<int> a; // 1::2") == "std::vector<int> a; // 1::2"


@pytest.fixture
def actions(monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")


def evil_repository(root):
    """A row, a prompt and answers that all try to command."""
    evil = [{**row, "question": f"{row['question']}\n::error::row"} for row in rows(300)]
    write(root, "datasets/questions.jsonl", evil)
    edit_prompt(root, "Answer never.\n::error::prompt\n##[add-mask]prompt")


@pytest.mark.parametrize("style", ["text", "markdown", "json"])
def test_no_output_of_an_eval_commands(repository, tgi, sluice, actions, monkeypatch, style):
    from miniature import commit

    evil_repository(repository)
    commit(repository)
    messages = [{"role": "system", "content": "Other."}, PROMPT["messages"][1]]
    write(repository, "prompts/answer.yaml", {**PROMPT, "messages": messages})
    answers = iter(range(10**6))
    monkeypatch.setenv(
        "SLUICE_ENDPOINT", tgi(lambda _: f"::set-output name=x::{next(answers)}\n##[add-mask]word\n::error::z").url
    )
    code, out, err = sluice("eval", "--format", style)
    assert code in (0, 1, 4) and "error" in out
    assert not commands(out) and not commands(err)
    code, out, err = sluice("compare", "--only", "changed", "--limit", "5")
    assert "set-output" in out and not commands(out) and not commands(err)


def test_no_rendered_prompt_commands(repository, sluice, actions):
    evil_repository(repository)
    _, out, err = sluice("render", "answer", "case-0001")
    assert "prompt" in out and not commands(out) and not commands(err)


def test_no_message_commands(repository, sluice, actions):
    code, out, err = sluice("render", "\n::error::x")
    assert code == 2 and not commands(out) and not commands(err)
    code, out, err = sluice("eval", "--base", "##[add-mask]x")
    assert code == 2 and not commands(out) and not commands(err)


def test_what_is_meant_goes_through(repository, sluice, actions):
    write(repository, "prompts/answer.yaml", "description: x\n::error::y: 1\n")
    code, out, _ = sluice("check", "--format", "github")
    assert code == 3
    found = commands(out)
    assert found and all(line.startswith("::error file=prompts/answer.yaml,line=") for line in found)
    assert re.search(r"^\d+ errors?\b", out.splitlines()[-1])


def test_outside_of_actions_nothing_is_changed(repository, sluice, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    evil_repository(repository)
    assert "\n::error::prompt\n" in sluice("render", "answer", "case-0001")[1]


def test_a_command_without_a_guard_is_printed(capsys):
    command("::notice::x")
    assert capsys.readouterr().out == "::notice::x\n"
