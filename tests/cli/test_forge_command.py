"""Commands in comments, end to end: who may, on which head, what the next job is told, and what is answered."""

import pytest
from cli.forge_workplace import Step
from miniature import commit, edit_prompt, git, write
from servers.github import dropped, error
from servers.github_fixtures import (  # noqa: F401 - fixtures are used by name
    BASE,
    HEAD,
    NEXT,
    archive,
    comment_event,
    file,
    run_event,
    server,
    start_forge,
)
from servers.github_state import Forge, Pull, Run
from unit.report import factory
from unit.report.test_rendered import change

from sluice.report.rendered import write_rendered

COMMANDING = {"issues": "write", "pull_requests": "write", "contents": "read", "actions": "read"}
COMMANDS = ".github/workflows/commands.yml"


@pytest.fixture
def step(server, sluice, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts").mkdir()
    return Step(server, sluice, tmp_path, monkeypatch)


def give(step, login, body, *words, number=7, event=None, permissions=COMMANDING, **variables):
    """Comment, and run the command's step on it; return (exit code, printed, complaints, the comment)."""
    payload = event or comment_event(step.forge, number, login, body)
    done = step.run("issue_comment", payload, *(words or ("command",)), permissions=permissions, **variables)
    comment = next(one for one in step.forge.comments if one["id"] == payload["comment"]["id"])
    return *done, [content for _, content in comment["reactions"]]


@pytest.mark.parametrize(
    ("body", "suite", "full"),
    [("/eval", "", "false"), ("/eval support-answer", "support-answer", "false"), ("/eval --full", "", "true")],
)
def test_a_maintainer_lets_it_run_on_the_head_of_that_moment(step, body, suite, full):
    code, _, err, reactions = give(step, "maintainer", body)
    assert (code, err, reactions) == (0, "", ["eyes"])
    assert step.outputs() == {"verb": "eval", "suite": suite, "full": full, "pull": "7", "head": HEAD, "run": ""}


@pytest.mark.parametrize("login", ["outsider", "reader", "stranger"])
def test_an_outsider_is_refused_with_the_rule(step, login):
    code, out, _, reactions = give(step, login, "/eval")
    assert (code, reactions, step.outputs()) == (0, ["confused"], {"verb": "none"})
    (reply,) = step.replies()
    assert "people who may push to this repository" in reply and "refused" in out


@pytest.mark.parametrize("login", ["helper[bot]", "github-actions[bot]"])
def test_a_bot_is_not_even_answered(step, login):
    step.forge.permissions[login] = "admin"
    code, out, _, reactions = give(step, login, "/eval")
    assert (code, reactions, step.replies(), step.outputs()) == (0, [], [], {"verb": "none"})
    assert "written by a program" in out and step.server.requests == []


def test_our_own_words_are_no_command(step):
    give(step, "outsider", "/help")
    (reply,) = [one for one in step.forge.comments if one["user"]["login"] == "github-actions[bot]"]
    event = comment_event(step.forge, 7, "github-actions[bot]", reply["body"])
    assert give(step, "", "", event=event)[0] == 0 and step.outputs() == {"verb": "none"}


@pytest.mark.parametrize("action", ["edited", "deleted"])
def test_only_new_comments_count(step, action):
    event = {**comment_event(step.forge, 7, "maintainer", "/eval"), "action": action}
    assert give(step, "", "", event=event)[0] == 0
    assert step.outputs() == {"verb": "none"} and step.server.requests == []


def test_a_comment_on_an_issue_is_none_of_ours(step):
    step.forge.add_issue("author", "issue", "")
    give(step, "maintainer", "/eval", number=9)
    assert step.outputs() == {"verb": "none"} and step.server.requests == []


@pytest.mark.parametrize("body", ["looks good", "please /eval", "> /eval", "```\n/eval\n```", "<!-- /eval -->", ""])
def test_talk_is_no_command(step, body):
    code, out, _, reactions = give(step, "maintainer", body)
    assert (code, reactions, step.outputs()) == (0, [], {"verb": "none"}) and "no command" in out


def test_a_slip_is_answered_with_the_form(step):
    give(step, "maintainer", "/eval one two")
    assert "the form is /eval \\[SUITE\\]" in step.replies()[0]


def test_help_lists_the_commands(step):
    _, _, _, reactions = give(step, "maintainer", "/help")
    assert reactions == ["rocket"] and "`/accept CASE… because REASON`" in step.replies()[0]
    assert step.outputs() == {"verb": "none"}


def test_hostile_words_after_a_command_are_not_repeated(step):
    give(step, "maintainer", "/accept @everyone <img src=x> because <script>alert(1)</script> https://evil.example")
    (reply,) = step.replies()
    for active in ("@everyone", "<img", "<script", "https://evil"):
        assert active not in reply


def test_a_job_that_runs_twice_answers_once(step):
    event = comment_event(step.forge, 7, "outsider", "/eval")
    for _ in range(2):
        give(step, "", "", event=event)
    assert len(step.replies()) == 1


def test_a_lost_answer_leads_to_no_second_reply(step):
    step.server.fault("POST", "/issues/7/comments", dropped(after=True))
    give(step, "outsider", "/eval")
    assert len(step.replies()) == 1


def test_a_reaction_that_fails_stops_nothing(step):
    step.server.fault("POST", r"/issues/comments/\d+/reactions", error(403, "No."))
    code, _, err, _ = give(step, "maintainer", "/eval")
    assert code == 0 and "no reaction" in err and step.outputs()["verb"] == "eval"


def test_where_the_permission_cannot_be_asked_nothing_runs(step):
    step.server.fault("GET", "/permission", error(403, "No."))
    code, _, err, _ = give(step, "maintainer", "/eval")
    assert code == 4 and "grant the job" in err and step.outputs() == {}


@pytest.mark.parametrize(
    ("result", "reaction", "replies"),
    [("success", "rocket", 0), ("failure", "confused", 1), ("cancelled", "confused", 1)],
)
def test_the_last_job_says_how_it_ended(step, result, reaction, replies):
    event = comment_event(step.forge, 7, "maintainer", "/eval")
    *_, reactions = give(step, "", "", "command", "--finish", result, event=event)
    assert reactions == [reaction] and len(step.replies()) == replies
    assert all("actions/runs/900" in reply for reply in step.replies())


def test_other_events_are_refused(step):
    code, _, err = step.run("push", {}, "command")
    assert code == 2 and "answers issue_comment, not push" in err


# The report of a commanded run


def commanded(step, body, kind="passing", head=HEAD, run=900):
    """Store what the commanded run found, and report on it as the last job does."""
    event = comment_event(step.forge, 7, "maintainer", body)
    step.upload(getattr(factory, kind)(), run, "d" * 40)
    step.forge.runs[run] = Run(run, COMMANDS, "issue_comment", "d" * 40)
    reporting = {**COMMANDING, "checks": "write"}
    done = [
        step.run("issue_comment", event, verb, "--head", head, permissions=reporting, GITHUB_RUN_ID=str(run))
        for verb in ("comment", "check")
    ]
    return [code for code, _, _ in done], "".join(out for _, out, _ in done) + "".join(err for *_, err in done)


def test_a_maintainers_run_vouches_where_the_pull_request_could_not(step):
    step.changes(HEAD, file("prompts/answer.yaml"), file("src/sluice/gate/judge.py"))
    assert commanded(step, "/eval")[0] == [0, 0]
    assert step.forge.checks[0]["conclusion"] == "success"
    assert "which maintainer asked for" in step.reports()[0]


def test_what_the_pull_request_rendered_outlives_commands_on_the_same_head(step):
    """A command judges again and renders nothing; a report of another head lends nothing."""
    step.upload(factory.failing())
    step.forge.add_artifact(501, archive({"rendered.json": write_rendered(change())}), HEAD, name="sluice-rendered")
    step.changes(HEAD, file("prompts/answer.yaml"))
    step.forge.parents["2" * 40] = [BASE, HEAD]
    assert step.finished("comment")[0] == 0
    for run in (900, 901):
        assert commanded(step, "/eval", run=run)[0] == [0, 0]
        (report,) = step.reports()
        assert "which maintainer asked for" in report and "+    Be very brief." in report
    assert '"rendered": 501, "run": 901' in report
    step.forge.pulls[7].head_sha = NEXT
    step.changes(NEXT, file("prompts/answer.yaml"))
    assert commanded(step, "/eval", head=NEXT, run=902)[0] == [0, 0]
    assert "Be very brief" not in step.reports()[0]


@pytest.mark.parametrize("path", ["models/served.yaml", "evals/answer.py"])
def test_what_a_command_cannot_take_it_cannot_vouch_for(step, path):
    step.changes(HEAD, file("prompts/answer.yaml"), file(path))
    commanded(step, "/eval")
    (run,) = step.forge.checks
    assert (run["conclusion"], run["output"]["title"]) == (
        "action_required", f"needs a maintainer's run: this run leaves out {path}"
    )  # fmt: skip


def test_a_run_of_one_suite_is_told_and_posts_no_check(step):
    codes, said = commanded(step, "/eval support-answer")
    assert codes == [0, 0] and "says nothing about the whole change: no check" in said
    assert step.forge.checks == [] and "of the suite support-answer alone" in step.reports()[0]


def test_a_commanded_run_that_stored_nothing_changes_no_check(step):
    event = comment_event(step.forge, 7, "maintainer", "/eval")
    for verb in ("comment", "check"):
        assert (
            step.run("issue_comment", event, verb, "--head", HEAD, permissions={**COMMANDING, "checks": "write"})[0]
            == 0
        )
    assert step.forge.checks == [] and step.reports() == []


def test_the_last_job_keeps_an_answer_that_says_more(step):
    event = comment_event(step.forge, 7, "maintainer", "/eval one two")
    give(step, "", "", event=event)
    event["comment"]["body"] = "/eval"
    give(step, "", "", "command", "--finish", "failure", event=event)
    assert "the form is" in step.replies()[0] and len(step.replies()) == 1


def test_a_head_that_moved_during_a_commanded_run_is_called_stale(step):
    step.forge.pulls[7].head_sha = NEXT
    commanded(step, "/eval")
    assert "Stale" in step.reports()[0]
    assert step.forge.checks[0]["head_sha"] == HEAD


@pytest.mark.parametrize("head", ["", "main", HEAD[:7], HEAD + "\n", "--upload-pack=evil"])
def test_a_head_is_a_whole_hash(step, head):
    event = comment_event(step.forge, 7, "maintainer", "/eval")
    code, _, err = step.run("issue_comment", event, "comment", f"--head={head}", permissions=COMMANDING)
    assert code == 2 and "--head names the commit" in err


def test_an_outsider_cannot_have_a_report_posted(step):
    event = comment_event(step.forge, 7, "outsider", "/eval")
    step.upload(factory.passing(), 900)
    code, _, err = step.run("issue_comment", event, "comment", "--head", HEAD)
    assert code == 4 and "people who may push" in err and step.reports() == []


# Errors again


def test_errors_are_asked_again_on_the_answers_of_a_run_that_may_vouch(step):
    step.upload(factory.invalid())
    step.finished("comment")
    give(step, "maintainer", "/retry-errors")
    assert step.outputs() == {
        "verb": "retry-errors",
        "suite": "",
        "full": "false",
        "pull": "7",
        "head": HEAD,
        "run": "501",
    }


def test_answers_of_the_pull_requests_own_code_are_not_used_again(step):
    step.changes(HEAD, file("src/sluice/cache.py"))
    step.upload(factory.invalid())
    step.finished("comment")
    give(step, "maintainer", "/retry-errors")
    assert step.outputs() == {"verb": "none"}
    assert "cannot be used again" in step.replies()[0]


def test_without_a_report_there_is_nothing_to_ask_again(step):
    give(step, "maintainer", "/retry-errors")
    assert "no report on this pull request yet" in step.replies()[0]


# The overlay, from a real repository


@pytest.fixture
def proposed(repository, start_forge, sluice, monkeypatch, tmp_path_factory):  # noqa: F811
    """A checkout of main, and a fork's pull request that edits the prompt, the engine, a gate and an assertion."""
    base = git(repository, "rev-parse", "HEAD").strip()
    git(repository, "switch", "--quiet", "--create", "proposed")
    edit_prompt(repository, "Answer with the last word.\nBe kind.")
    write(repository, "evals/answer.py", "raise SystemExit('evil')\n")
    write(repository, "src/sluice/__init__.py", "raise SystemExit('evil')\n")
    write(repository, "yaml.py", "raise SystemExit('evil')\n")
    head = commit(repository)
    git(repository, "switch", "--quiet", "main")
    forge = Forge(git=repository)
    forge.permissions["maintainer"] = "write"
    forge.add_pull(Pull(7, "stranger", head, "reword", base, fork="stranger/portal"))
    return Step(start_forge(forge), sluice, tmp_path_factory.mktemp("step"), monkeypatch), repository, head


def test_a_forks_prompt_comes_and_its_code_does_not(proposed):
    step, root, head = proposed
    event = comment_event(step.forge, 7, "maintainer", "/eval")
    code, out, err = step.run("issue_comment", event, "overlay", "--head", head, permissions=COMMANDING)
    assert code == 0, err
    assert git(root, "status", "--porcelain").split("\n")[:-1] == [" M prompts/answer.yaml"]
    assert "took prompts/answer.yaml" in out and "left src/sluice/__init__.py" in out and "left yaml.py" in out


def test_a_head_that_moved_since_the_command_is_refused(proposed):
    step, root, head = proposed
    event = comment_event(step.forge, 7, "maintainer", "/eval")
    step.forge.pulls[7].head_sha = NEXT
    code, _, err = step.run("issue_comment", event, "overlay", "--head", head, permissions=COMMANDING)
    assert code == 4 and "the head moved since the command" in err
    assert git(root, "status", "--porcelain") == ""


def test_an_outsiders_command_overlays_nothing(proposed):
    step, root, head = proposed
    event = comment_event(step.forge, 7, "stranger", "/eval")
    code, _, err = step.run("issue_comment", event, "overlay", "--head", head, permissions=COMMANDING)
    assert code == 4 and "people who may push" in err
    assert git(root, "status", "--porcelain") == ""
