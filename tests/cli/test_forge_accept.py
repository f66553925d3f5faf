"""`/accept` from comment to signed statement to green check; and everything that must not get that far."""

import json
import re

import pytest
from cli.forge_workplace import Step
from miniature import commit, edit_prompt, git, write
from servers.github_fixtures import archive, comment_event, run_event, start_forge  # noqa: F401 - a fixture
from servers.github_state import Forge, Pull, Run

from sluice.evidence.keys import SECRET_VARIABLE

WORKFLOW = ".github/workflows/pull-request.yml"
JOB = {"issues": "write", "pull_requests": "write", "contents": "write", "actions": "read", "checks": "write"}
BECAUSE = "because the old answers were wrong"


@pytest.fixture
def trading(repository, server, sluice, start_forge, monkeypatch, tmp_path_factory):  # noqa: F811
    """A judged pull request #7 by `author` that breaks every seventh case, with its report posted; main has a key."""
    secrets = tmp_path_factory.mktemp("secrets")
    assert sluice("evidence", "keygen", str(secrets))[0] == 0
    base = commit(repository, "key")
    remote = tmp_path_factory.mktemp("remote")
    git(remote, "init", "--quiet", "--bare", "--initial-branch", "main")
    git(repository, "remote", "add", "origin", str(remote))
    git(repository, "push", "--quiet", "origin", "main")
    monkeypatch.setenv(SECRET_VARIABLE, (secrets / "evidence.pem").read_text())
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    git(repository, "switch", "--quiet", "--create", "change")
    edit_prompt(repository, "Answer with the last word, and trade.")
    head = commit(repository)
    step = Step(start_forge(_forge(repository, base, head)), sluice, tmp_path_factory.mktemp("step"), monkeypatch)
    judge(step, repository, head)
    git(repository, "switch", "--quiet", "main")
    assert report(step, head)[0] == 0
    return step, repository, head


def _forge(repository, base, head):
    forge = Forge(git=repository)
    forge.permissions.update(author="write", maintainer="write", other="write")
    forge.add_pull(Pull(7, "author", head, "change", base))
    return forge


def judge(step, root, head, run=501):
    code, _, err = step.sluice("eval", "--head", head, "--complete", "--output", str(step.place / "judgement.json"))
    assert code == 1, err
    data = archive({"judgement.json": (step.place / "judgement.json").read_bytes()})
    step.forge.add_artifact(run, data, head)
    step.forge.runs[run] = Run(run, WORKFLOW, "pull_request", head)


def report(step, head):
    event = run_event(step.forge, head, head_branch="change")
    return step.run("workflow_run", event, "comment", permissions=JOB)


def broken(step):
    judgement = json.loads((step.place / "judgement.json").read_bytes())
    return [pair["info"]["id"] for pair in judgement["suites"][0]["comparison"]["pairs"] if pair["change"] == "broken"]


def accept(step, what, login="maintainer", event=None):
    """Command it, and run both jobs on the same event, the second only where the first asks for it."""
    event = event or comment_event(step.forge, 7, login, f"/accept {what} {BECAUSE}")
    first = step.run("issue_comment", event, "command", permissions=JOB)
    if step.outputs().get("verb") != "accept":
        return event, first
    return event, step.run("issue_comment", event, "command", "--accept", permissions=JOB)


def told_again(step, event, head):
    return [step.run("issue_comment", event, verb, "--head", head, permissions=JOB)[0] for verb in ("comment", "check")]


def statements(root):
    listed = git(root, "ls-tree", "-r", "--name-only", "origin/evidence").split()
    return [path for path in listed if path.startswith("acceptances/")]


@pytest.mark.parametrize("what", ["cases", "metric:correct"])
def test_what_somebody_else_accepts_turns_the_check_green(trading, what, sluice):
    step, root, head = trading
    names = " ".join(broken(step)) if what == "cases" else what
    event, (code, out, err) = accept(step, names)
    assert code == 0, out + err
    assert len(statements(root)) == 1 and "answer: " in out
    assert sluice("evidence", "verify", "--all")[0] == 0
    (reply,) = step.replies()
    assert "Accepted for 30 days" in reply and "a new commit voids it" in reply
    assert told_again(step, event, head) == [0, 0]
    (run,) = step.forge.checks
    assert (run["conclusion"], run["output"]["title"].split(":")[0]) == ("success", "pass (accepted)")
    (comment,) = step.reports()
    assert "accepted by maintainer" in comment and "the old answers were wrong" in comment


def test_one_case_of_many_leaves_the_verdict_as_it_is(trading):
    step, _, head = trading
    event, (code, _, err) = accept(step, broken(step)[0])
    assert code == 0, err
    told_again(step, event, head)
    assert step.forge.checks[0]["conclusion"] == "failure"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("case-0001", "no broken case case-0001"),
        ("case-9999", "no broken case case-9999"),
        ("metric:latency", "nothing in the report is against the metric latency"),
        ("metric:evil", "nothing in the report is against the metric evil"),
    ],
)
def test_what_the_report_does_not_show_cannot_be_accepted(trading, what, words):
    step, root, _ = trading
    accept(step, what)
    assert words in step.replies()[0].replace("\u2060", "").replace("\\", "")
    assert step.outputs() == {"verb": "none"} and "evidence" not in git(root, "branch", "--all")


@pytest.mark.parametrize(("login", "rule"), [("author", "whoever wrote a change"), ("stranger", "people who may push")])
def test_authors_and_outsiders_accept_nothing(trading, login, rule):
    step, root, _ = trading
    event, _ = accept(step, "metric:correct", login)
    assert rule in step.replies()[0] and step.outputs() == {"verb": "none"}
    code, _, err = step.run("issue_comment", event, "command", "--accept", permissions=JOB)
    assert code == 4 and rule in err and "evidence" not in git(root, "branch", "--all")


def test_a_push_after_reading_voids_the_command(trading):
    step, root, _ = trading
    git(root, "switch", "--quiet", "change")
    edit_prompt(root, "Answer with the last word, trade and never tell.")
    step.forge.pulls[7].head_sha = commit(root)
    git(root, "switch", "--quiet", "main")
    accept(step, "metric:correct")
    assert "the head moved since the report" in step.replies()[0]


def test_a_push_between_the_jobs_voids_the_command(trading):
    step, root, _ = trading
    event = comment_event(step.forge, 7, "maintainer", f"/accept metric:correct {BECAUSE}")
    assert step.run("issue_comment", event, "command", permissions=JOB)[0] == 0
    assert step.outputs()["verb"] == "accept"
    step.forge.pulls[7].head_sha = "c" * 40
    code, _, err = step.run("issue_comment", event, "command", "--accept", permissions=JOB)
    assert code == 4 and "the head moved" in err and "evidence" not in git(root, "branch", "--all")


def test_a_forged_report_of_the_pull_requests_own_code_cannot_be_accepted(trading):
    step, _root, head = trading
    changed = step.forge.comparison(step.forge.pulls[7].base_sha, head)
    changed["files"].append({"filename": "src/sluice/gate/judge.py", "status": "modified", "sha": "e" * 40})
    step.forge.comparisons[(step.forge.pulls[7].base_sha, head)] = changed
    accept(step, "metric:correct")
    assert "the report cannot vouch for itself" in step.replies()[0] and step.outputs() == {"verb": "none"}


def test_a_forged_closure_cannot_be_accepted(trading):
    """The closure is computed from what the head holds; that an artifact names another one changes nothing."""
    step, root, head = trading
    text = (step.place / "judgement.json").read_text()
    closure = json.loads(text)["suites"][0]["comparison"]["head"]["closure"]
    step.forge.artifacts.clear()
    forged = text.replace(closure, "sha256:" + "e" * 64).encode()
    step.forge.add_artifact(501, archive({"judgement.json": forged}), head)
    _event, (code, _, err) = accept(step, "metric:correct")
    assert code == 4 and "main moved since the report" in err
    assert "evidence" not in git(root, "branch", "--all")


def test_without_the_key_it_says_so_to_both(trading, monkeypatch):
    step, _root, _ = trading
    monkeypatch.delenv(SECRET_VARIABLE)
    _, (code, _, err) = accept(step, "metric:correct")
    assert code != 0 and SECRET_VARIABLE in err
    assert re.search("Not done: .*SLUICE", step.replies()[0].replace("\\", ""))


def test_a_second_run_of_the_same_command_stores_nothing_new(trading):
    step, root, _ = trading
    event, (code, _, _) = accept(step, "metric:correct")
    assert code == 0
    before = statements(root)
    assert step.run("issue_comment", event, "command", "--accept", permissions=JOB)[0] == 0
    assert len(statements(root)) == len(before) == 1
    assert len(step.replies()) == 1


def test_data_that_main_changed_too_cannot_be_accepted(trading):
    step, root, _ = trading
    write(root, "prompts/answer.yaml", (root / "prompts/answer.yaml").read_text() + "# main's\n")
    commit(root)
    accept(step, "metric:correct")
    assert "merge or rebase first" in step.replies()[0]
