"""commands.yml, played by act: who may command what, what it takes from a pull request, and what it leaves alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.act.running import Finished
from e2e.act.workbench import Pull, Workbench, git, signing_floor, sluice
from miniature import edit_prompt
from servers.github_fixtures import comment_event
from servers.tgi import Answer, TgiServer
from servers.tgi_contract import ContractError, Generation, invalid, text_of

pytestmark = pytest.mark.slow
Bench = Callable[..., Workbench]

BETTER = "Answer with the last word, and nothing else."
WORSE = "Answer with the last word, never."
HALF = "Answer with the last word, sometimes."


def command(work: Workbench, pull: Pull, login: str, body: str, model: TgiServer | None = None) -> Finished:
    """Play a comment on a pull request."""
    variables = {"SLUICE_ENDPOINT": model.url} if model else {}
    payload = comment_event(work.forge, pull.number, login, body)
    return work.run("issue_comment", "commands.yml", payload, variables=variables, actor=login)


def told(work: Workbench, pull: Pull) -> list[str]:
    """What our own comments say, without the commands."""
    ours = [one for one in work.forge.comments_on(pull.number) if one["user"]["login"] == "github-actions[bot]"]
    return [one["body"] for one in ours]


def reactions(work: Workbench, pull: Pull) -> list[str]:
    """What was put under the last comment that a person wrote."""
    people = [one for one in work.forge.comments_on(pull.number) if one["user"]["type"] == "User"]
    return [content for _, content in people[-1]["reactions"]]


def asked(model: TgiServer) -> int:
    return len([call for call in model.calls if "chat" in call.path])


def edited(words: str) -> Callable[[Path], None]:
    return lambda tree: edit_prompt(tree, words)


def test_a_maintainers_eval_judges_a_forks_data_and_runs_none_of_its_code(bench: Bench, model: TgiServer) -> None:
    work = bench()

    def with_code(tree: Path) -> None:
        edit_prompt(tree, WORSE)
        marker = f"\nimport pathlib; pathlib.Path({str(work.place / 'obeyed')!r}).touch()\n"
        for path in ("src/sluice/__init__.py", "src/sluice/cli/__main__.py"):
            (tree / path).write_text((tree / path).read_text() + marker)
        (tree / "scripts/setup").write_text(f"#!/bin/sh\ntouch {work.place / 'obeyed'}\n")

    pull = work.pull(with_code, fork="stranger/answers", author="stranger")
    done = command(work, pull, "maintainer", "Looks harmless.\n\n/eval", model)
    assert done.results == {"command": "success", "eval": "success", "report": "success"}
    assert not (work.place / "obeyed").exists()
    [report] = told(work, pull)
    assert "fail" in report and "which maintainer asked for" in report and pull.head[:7] in report
    assert "own code did not run" in report and "scripts/setup" in report
    [check] = work.forge.checks
    assert (check["head_sha"], check["conclusion"]) == (pull.head, "failure")
    assert reactions(work, pull) == ["eyes", "rocket"]
    assert asked(model) > 0


def test_an_eval_of_data_alone_vouches_for_it(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(edited(BETTER), fork="stranger/answers", author="stranger")
    done = command(work, pull, "maintainer", "/eval answer --full", model)
    assert done.results == {"command": "success", "eval": "success", "report": "success"}
    judgement = work.judgement()
    assert judgement["verdict"]["suites"][0]["compared"] == 180, "--full asks every case"
    assert work.forge.checks == [], "one suite says nothing about the whole change"
    command(work, pull, "maintainer", "/eval", model)
    assert [(run["head_sha"], run["conclusion"]) for run in work.forge.checks] == [(pull.head, "success")]


@pytest.mark.parametrize(
    ("login", "body", "rule"),
    [
        ("reader", "/eval", "commands are for people who may push"),
        ("outsider", "/accept case-0001 because I say so, really", "commands are for people who may push"),
        ("octocat", "/accept case-0001 because I wrote it myself", "may not accept what it breaks"),
        ("maintainer", "/eval one two three", "/eval [SUITE] [--full]"),
    ],
)
def test_what_may_not_be_is_refused_in_words(bench: Bench, model: TgiServer, login: str, body: str, rule: str) -> None:
    work = bench()
    pull = work.pull(edited(BETTER))
    done = command(work, pull, login, body, model)
    assert done.results == {"command": "success"}
    [answer] = told(work, pull)
    assert rule in answer.replace("\\", "")
    assert reactions(work, pull) == ["confused"]
    assert asked(model) == 0 and work.forge.checks == []


@pytest.mark.parametrize(
    ("login", "body", "ran"),
    [
        ("helper[bot]", "/eval", {}),
        ("maintainer", "no command here", {}),
        ("maintainer", "> /eval\n\nis what I would write in src/", {"command": "success"}),
    ],
)
def test_what_is_no_command_is_left_alone(bench: Bench, login: str, body: str, ran: dict[str, str]) -> None:
    work = bench()
    pull = work.pull(edited(BETTER))
    assert command(work, pull, login, body).results == ran
    assert told(work, pull) == [] and work.forge.checks == []


def test_help_is_answered(bench: Bench) -> None:
    work = bench()
    pull = work.pull(edited(BETTER))
    assert command(work, pull, "maintainer", "/help").results == {"command": "success"}
    [answer] = told(work, pull)
    assert "/retry-errors" in answer


def test_a_maintainer_accepts_what_broke_and_a_new_commit_voids_it(bench: Bench, model: TgiServer) -> None:
    """The acceptance is signed onto the branch of evidence, and the report and the check tell it."""
    work = bench(signing_floor)
    work.secrets["SLUICE_EVIDENCE_KEY"] = work.signing_key()
    pull = work.pull(edited(WORSE))
    work.judge(pull, SLUICE_ENDPOINT=model.url)
    work.run("workflow_run", "comment.yml", work.last_run(pull))
    broken = [pair["info"]["id"] for pair in _pairs(work.judgement(work.runs - 1)) if pair["change"] == "broken"]
    words = f"/accept {' '.join(broken[:50])} because the wording is what legal asked for"
    done = command(work, pull, "maintainer", words, model)
    assert done.results == {"command": "success", "accept": "success", "report": "success"}
    assert "evidence" in git(work.git_directory, "for-each-ref", "--format=%(refname:short)", "refs/heads")
    clone = work.place / "reader"
    git(work.place, "clone", "--quiet", str(work.git_directory), str(clone))
    verified = sluice(clone, "evidence", "verify", "--all")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert any("Accepted for 30 days" in body for body in told(work, pull))
    assert reactions(work, pull) == ["eyes", "rocket"]


def _pairs(judgement: dict) -> list[dict]:
    return [pair for suite in judgement["suites"] for pair in suite["comparison"]["pairs"]]


def test_errors_are_asked_again_and_nothing_else(bench: Bench, model: TgiServer) -> None:
    work = bench()
    pull = work.pull(edited(BETTER))
    honest, model.answer = model.answer, _refusing(model)
    work.judge(pull, SLUICE_ENDPOINT=model.url)
    work.run("workflow_run", "comment.yml", work.last_run(pull))
    before, model.answer = asked(model), honest
    done = command(work, pull, "maintainer", "/retry-errors", model)
    assert done.results == {"command": "success", "eval": "success", "report": "success"}
    again = asked(model) - before
    assert 0 < again < 150
    assert json.dumps(work.judgement()).count('"state": "error"') == 0


def _refusing(model: TgiServer) -> Answer:
    """Answer as before, but refuse every seventh question."""
    honest = model.answer

    def answer(generation: Generation) -> str | ContractError:
        number = int(re.findall(r"\d+", text_of(generation.messages[-1]))[-1])
        return invalid("not this one") if number % 7 == 0 else honest(generation)

    return answer
