"""What others wrote reaches a terminal as text: no escape sequence, no override of direction, one line a finding."""

import json
import unicodedata

import pytest
from miniature import PROMPT, rows, write

EVIL = "a\x1b[31m\nb\u202ec`d"
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def steering(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character) in INVISIBLE} - {"\n"}


@pytest.fixture
def evil_names(repository):
    (repository / "prompts" / f"{EVIL}.yaml").write_text("x: [")
    (repository / "prompts" / f"{EVIL}.txt").write_text("")
    return repository


@pytest.mark.parametrize("style", ["text", "markdown", "github"])
def test_a_finding_about_any_name_is_one_line(evil_names, sluice, style):
    code, out, err = sluice("check", "--format", style)
    assert code == 3
    assert not steering(out + err)
    found = [line for line in out.splitlines() if "[file-" in line or "title=file-" in line]
    assert len(found) == 2 and all(r"\x1b[31m" in line and r"b\u202ec`d" in line for line in found)
    if style == "markdown":
        assert all(line.startswith("- ``") and line.endswith("``") for line in found)


def test_a_refused_verb_tells_findings_in_the_same_way(evil_names, server, sluice):
    for verb in ("plan", "eval"):
        code, out, err = sluice(verb)
        assert code == 3 and not steering(out + err)
        assert out.count("\n") == 2 and err == "2 errors\n"


def test_an_import_tells_findings_in_the_same_way(repository, sluice):
    (repository / "evil.yaml").write_text(json.dumps({"prompts": ["{{ q }}"], "tests": [{"vars": {"q": 1}}], EVIL: 1}))
    code, out, err = sluice("import", "promptfoo", "evil.yaml")
    assert code == 3 and r"\x1b[31m" in out
    assert not steering(out + err)
    assert all(line.startswith("evil.yaml:") for line in out.splitlines())


def test_a_message_about_any_word_is_one_line(repository, sluice):
    for words in (["render", EVIL], ["import", "promptfoo", f"{EVIL}.yaml"], ["report", EVIL], ["--root", EVIL]):
        code, _, err = sluice(*words)
        assert code == 2 and err.count("\n") == 1 and not steering(err)


@pytest.mark.parametrize("style", ["text", "markdown", "json"])
def test_a_rendered_row_steers_no_terminal_and_json_keeps_its_value(repository, sluice, style):
    question = "a\x1b[31m\nb\u202ec\x9b1m\x7f\u2066\U000e0041 ü"
    write(repository, "datasets/questions.jsonl", [{**row, "question": question} for row in rows(300)])
    code, out, err = sluice("render", "answer", "case-0001", "--format", style)
    assert code == 0 and not steering(out + err)
    if style == "json":
        assert json.loads(out)[1] == {"role": "user", "content": PROMPT["messages"][1]["content"].replace(
            "{{ question }}", question)}  # fmt: skip
    else:
        assert "a\\x1b[31m\nb\\u202ec" in out and "ü" in out
