"""The issue about main, night by night, and annotations on the changed lines of prompts."""

from dataclasses import replace

import pytest
from cli.forge_workplace import Step, stored
from miniature import commit, edit_prompt, git
from servers.github_fixtures import server, start_forge  # noqa: F401 - fixtures are used by name
from unit.report import factory

NIGHT = {"issues": "write", "contents": "read"}


@pytest.fixture
def step(server, sluice, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts").mkdir()
    return Step(server, sluice, tmp_path, monkeypatch)


def night(step, judgement, *words):
    """What nightly.yml does with what the night stored; None: it stored nothing."""
    path = step.place / "night.json"
    path.unlink(missing_ok=True)
    if judgement is not None:
        path.write_bytes(stored(judgement))
    return step.run("schedule", {}, "nightly", "--judgement", str(path), *words, permissions=NIGHT)


def issues(step):
    return [(issue["state"], issue["title"]) for issue in step.forge.issues.values()]


def test_a_verdict_that_turns_opens_an_issue_and_turning_back_closes_it(step):
    assert night(step, factory.passing())[1] == "main is well, and no issue was open\n"
    assert "issue #9: created" in night(step, factory.failing())[1]
    assert issues(step) == [("open", "Nightly evaluation of main: fail")]
    assert "issue #9: edited" in night(step, factory.invalid())[1]
    assert issues(step) == [("open", "Nightly evaluation of main: invalid")]
    assert "issue #9: closed" in night(step, factory.passing())[1]
    assert issues(step) == [("closed", "Nightly evaluation of main: pass")]


def test_a_night_that_stored_nothing_is_told(step):
    night(step, None)
    assert issues(step) == [("open", "Nightly evaluation of main: no judgement")]
    assert "the night ended without a judgement" in step.forge.issues[9]["body"]


def test_something_else_that_failed_is_told_although_the_verdict_is_well(step):
    night(step, factory.passing(), "--failed", "the test of the gates", "--failed", "@everyone <b>")
    assert issues(step) == [
        ("open", "Nightly evaluation of main: pass; the test of the gates failed; @everyone <b> failed")
    ]
    body = step.forge.issues[9]["body"]
    assert "- the test of the gates failed" in body and "@everyone <b>" not in body


def test_a_judgement_that_cannot_be_read_is_an_error_and_no_good_night(step):
    path = step.place / "night.json"
    path.write_text("{}")
    code, _, err = step.run("schedule", {}, "nightly", "--judgement", str(path), permissions=NIGHT)
    assert code == 4 and "no stored judgement" in err and issues(step) == []


def test_hostile_words_of_a_judgement_come_out_inert(step):
    hostile = "@everyone <img src=x> https://evil.example <!-- sluice:nightly -->"
    judgement = replace(factory.failing(), edits=(hostile,))
    night(step, judgement)
    body = step.forge.issues[9]["body"]
    for active in ("@everyone", "<img", "https://evil"):
        assert active not in body
    assert body.count("<!-- sluice:nightly -->") == 1


def test_annotations_stand_on_the_changed_lines(repository, sluice):
    edit_prompt(repository, "Answer with the last word.\nBe kind.")
    commit(repository)
    judgement = factory.failing()
    suite = replace(judgement.suites[0], prompt="answer")
    base, head = (git(repository, "rev-parse", revision).strip() for revision in ("HEAD^", "HEAD"))
    (repository / "judgement.json").write_bytes(stored(replace(judgement, base_commit=base, suites=(suite,)), head))
    code, out, err = sluice("forge", "annotate", "judgement.json")
    assert code == 0, err
    (line,) = out.splitlines()
    assert line.startswith("::error file=prompts/answer.yaml,line=") and "title=support-answer%3A fail::" in line


def test_model_output_in_a_judgement_emits_no_command(step, sluice):
    judgement = factory.failing()
    verdict = judgement.verdict
    hostile = replace(verdict.suites[0], suite="x\n::add-mask::y")
    judgement = replace(judgement, base_commit=None, verdict=replace(verdict, suites=(hostile,)))
    (step.place / "judgement.json").write_bytes(stored(judgement))
    code, out, _ = sluice("forge", "annotate", "judgement.json")
    assert (code, out) == (0, "")


@pytest.mark.parametrize("commit_name", ["--output=/etc/passwd", "main", "HEAD\n", "a" * 39])
def test_a_commit_that_is_an_option_is_refused(step, sluice, commit_name):
    judgement = replace(factory.failing(), base_commit=commit_name)
    (step.place / "judgement.json").write_bytes(stored(judgement))
    code, _, err = sluice("forge", "annotate", "judgement.json")
    assert code == 4 and "names no commits" in err
