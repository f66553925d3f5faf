"""From a finished run to one comment and one check: what is trusted, what is refused, what arrives how often."""

import json
import re
from dataclasses import replace

import pytest
from cli.forge_workplace import Step, packed, stored
from servers.github import dropped, error, failed
from servers.github_fixtures import (  # noqa: F401 - fixtures are used by name
    BASE,
    HEAD,
    NEXT,
    app_token,
    archive,
    file,
    run_event,
    server,
    start_forge,
)
from servers.github_state import Pull
from unit.report import factory
from unit.report.test_rendered import STILL, environment

from sluice.report.neutral import BREAK
from sluice.report.rendered import RenderedChange, RenderedObject, RenderedPart, write_rendered


@pytest.fixture
def step(server, sluice, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts").mkdir()
    return Step(server, sluice, tmp_path, monkeypatch)


def checks(step):
    return [(run["conclusion"], run["output"]["title"]) for run in step.forge.checks]


def test_one_comment_and_one_check_for_a_pull_request(step):
    step.upload(factory.failing())
    assert step.finished("comment")[0] == 0
    code, out, err = step.finished("check")
    assert (code, err) == (0, "") and "failure; the gate says no" in out
    (report,) = step.reports()
    assert report.startswith("<!-- sluice:report -->") and HEAD[:7] in report
    assert checks(step) == [("failure", "the gate says no")]
    (run,) = step.forge.checks
    assert run["head_sha"] == HEAD and run["details_url"] == "https://github.com/octo/portal/actions/runs/501"


def test_three_runs_for_one_head_leave_one_comment(step):
    for run in (501, 502, 503):
        step.upload(factory.passing(), run)
        assert step.finished("comment", run=run)[0] == 0
    assert len(step.reports()) == 1
    assert '"run": 503' in step.reports()[0]


def test_three_heads_leave_one_comment_that_shows_the_last(step):
    for run, head in enumerate((HEAD, NEXT, "d" * 40), 501):
        step.forge.pulls[7].head_sha = head
        step.changes(head, file("prompts/answer.yaml"))
        step.upload(factory.passing(), run, head)
        assert step.finished("comment", head=head, run=run)[0] == 0
    (report,) = step.reports()
    assert ("d" * 40)[:7] in report.split("\n\n")[1]
    assert HEAD[:7] in report and NEXT[:7] in report, "earlier heads stand in one line each"


@pytest.mark.parametrize("order", [(501, 502), (502, 501)])
def test_runs_of_one_head_may_end_in_any_order(step, order):
    for run in order:
        step.upload(factory.passing(), run)
        assert step.finished("comment", run=run)[0] == 0
    assert '"run": 502' in step.reports()[0]


def test_a_stale_head_is_called_so_and_never_replaces_the_newer_report(step):
    step.upload(factory.passing(), 501, HEAD)
    step.forge.pulls[7].head_sha = NEXT
    assert step.finished("comment")[0] == 0
    assert "Stale" in step.reports()[0] and NEXT[:6] in step.reports()[0]
    step.changes(NEXT, file("prompts/answer.yaml"))
    step.upload(factory.failing(), 502, NEXT)
    step.finished("comment", head=NEXT, run=502)
    assert "Stale" not in step.reports()[0]
    _, out, _ = step.finished("comment")
    assert "the report of the newer head ccccccc is already there" in out
    assert '"run": 502' in step.reports()[0]


def test_a_fork_is_found_by_its_head_and_told_on_its_own_pull_request(step):
    step.forge.add_pull(Pull(20, "stranger", "f" * 40, "reword", BASE, fork="stranger/portal"))
    step.changes("f" * 40, file("prompts/answer.yaml"))
    step.upload(factory.passing(), 501, "f" * 40)
    there = step.forge.repository("stranger/portal")
    for verb in ("comment", "check"):
        assert step.finished(verb, head="f" * 40, head_repository=there)[0] == 0
    assert len(step.reports(20)) == 1 and step.reports(7) == []
    assert checks(step) == [("success", "no worse than the base")]


CODE = [
    "src/sluice/gate/judge.py",
    ".github/workflows/pull-request.yml",
    "requirements.lock",
    "evals/answer.py",
    "yaml.py",
]


@pytest.mark.parametrize("path", CODE)
@pytest.mark.parametrize("fork", [False, True])
def test_a_change_of_code_cannot_vouch_for_itself(step, path, fork):
    """A forged artifact says `pass`; the check does not, and the comment says whose numbers these are."""
    if fork:
        step.forge.pulls[7].fork = "stranger/portal"
    there = step.forge.repository(step.forge.pulls[7].fork)
    step.changes(HEAD, file("prompts/answer.yaml"), file(path))
    step.upload(factory.passing())
    for verb in ("comment", "check"):
        assert step.finished(verb, head_repository=there)[0] == 0
    assert checks(step) == [("action_required", f"needs a maintainer's run: it changes more than data: {path}")]
    assert "needs a maintainer" in step.reports()[0].split("\n\n")[2]


def test_more_files_than_the_forge_names_cannot_vouch(step):
    step.changes(HEAD, *[file(f"docs/{n}.md") for n in range(300)])
    step.upload(factory.passing())
    step.finished("check")
    assert checks(step)[0][0] == "action_required"


@pytest.mark.parametrize(("kind", "conclusion"), [
    ("pass", "success"), ("fail", "failure"), ("inconclusive", "action_required"), ("invalid", "failure"),
    ("first", "success"), ("must_pass", "failure"),
])  # fmt: skip
def test_the_check_says_what_the_gate_says(step, kind, conclusion):
    step.upload(factory.ALL[kind]())
    assert step.finished("check")[0] == 0
    assert checks(step)[0][0] == conclusion


def test_changed_lines_of_the_prompt_are_annotated(step):
    step.changes(HEAD, file("prompts/support-answer.yaml", patch="@@ -3,2 +3,4 @@\n a\n+b\n+c\n d"))
    judgement = factory.failing()
    suite = replace(judgement.suites[0], prompt="support-answer")
    step.upload(replace(judgement, suites=(suite,)))
    step.finished("check")
    (annotation,) = step.forge.checks[0]["annotations"]
    assert (annotation["path"], annotation["start_line"], annotation["end_line"]) == (
        "prompts/support-answer.yaml",
        4,
        5,
    )
    assert annotation["annotation_level"] == "failure" and "cites_source" in annotation["message"]


def test_nothing_affected_makes_no_comment_and_a_green_check(step):
    """The workflow stores no judgement then."""
    assert "stored no judgement" in step.finished("comment")[1]
    step.finished("check")
    assert step.reports() == []
    assert checks(step) == [("success", "nothing to judge")]


def test_nothing_affected_is_no_excuse_for_a_change_of_code(step):
    step.changes(HEAD, file(".github/workflows/pull-request.yml"))
    step.finished("check")
    assert checks(step)[0][0] == "action_required"


def test_a_change_that_affects_nothing_any_more_marks_the_earlier_report(step):
    step.upload(factory.failing())
    step.finished("comment")
    step.forge.pulls[7].head_sha = NEXT
    step.changes(NEXT, file("README.md"))
    step.finished("comment", head=NEXT, run=502)
    assert "found nothing that a suite depends on changed" in step.reports()[0]
    assert len(step.reports()) == 1


@pytest.mark.parametrize("ended", ["failure", "timed_out", "startup_failure"])
def test_a_run_that_ended_before_a_judgement_fails_the_check(step, ended):
    assert step.finished("comment", conclusion=ended)[0] == 0
    step.finished("check", conclusion=ended)
    assert checks(step) == [("failure", f"no judgement: the run ended before one ({ended})")]
    assert step.reports() == []


def test_a_run_that_waits_for_approval_says_so(step):
    step.finished("check", conclusion="action_required")
    assert checks(step) == [("action_required", "needs a maintainer's run: the workflow waits for approval")]


def test_a_cancelled_run_says_nothing(step):
    step.upload(factory.failing())
    for verb in ("comment", "check"):
        assert step.finished(verb, conclusion="cancelled")[0] == 0
    assert step.reports() == [] and checks(step) == []


def test_a_merge_group_gets_a_check_and_no_comment(step):
    step.upload(factory.passing(), event="merge_group")
    branch = "gh-readonly-queue/main/pr-7-abc"
    _, out, _ = step.finished("comment", event="merge_group", head_branch=branch)
    assert "nothing to comment on" in out
    step.finished("check", event="merge_group", head_branch=branch)
    assert checks(step) == [("success", "no worse than the base")]


def test_a_pull_request_that_was_closed_meanwhile_is_left_alone(step):
    step.upload(factory.passing())
    step.forge.pulls[7].state = "closed"
    for verb in ("comment", "check"):
        code, out, _ = step.finished(verb)
        assert code == 0 and "no open pull request has this head" in out
    assert step.reports() == [] and checks(step) == []


# What would be released: shown where a run says so, in our own words where it cannot be read


def renders(step, data, run=501, head=HEAD):
    """Store what a run rendered beside what it judged."""
    step.forge.add_artifact(run, archive({"rendered.json": data}), head, name="sluice-rendered")


def rendered(head=HEAD, *environments):
    return write_rendered(RenderedChange(base=BASE, head=head, environments=environments or (environment(), STILL)))


def test_what_would_be_released_stands_in_the_comment_and_in_the_check(step):
    step.upload(factory.failing())
    renders(step, rendered())
    assert step.finished("comment")[0] == 0
    step.finished("check")
    (report,) = step.reports()
    for text in (report, step.forge.checks[0]["output"]["summary"]):
        assert "#### What would be released" in text and "+    Be very brief." in text
        assert "**production**: unchanged" in text and "Rendered by the pull request's own code" in text
    assert checks(step)[0][0] == "failure"


def test_an_edit_of_infra_alone_gets_a_comment_of_its_own(step):
    step.changes(HEAD, file("infra/base/model-server/service.yaml"))
    renders(step, rendered())
    assert step.finished("comment")[0] == 0
    (report,) = step.reports()
    assert "nothing that a suite depends on has changed" in report and "+    Be very brief." in report
    assert "needs a maintainer" in report
    step.finished("check")
    assert checks(step)[0][0] == "action_required"


def test_what_cannot_be_rendered_is_told_without_a_judgement(step):
    broken = environment(objects=(), refusals=("it cannot be rendered: no such file",), unrendered=True)
    renders(step, rendered(HEAD, broken))
    assert step.finished("comment", conclusion="failure")[0] == 0
    (report,) = step.reports()
    assert "it cannot be rendered: no such file" in report and "**invalid**" in report
    assert step.finished("check", conclusion="failure")[0] == 0
    assert checks(step) == [("failure", "no judgement: the run ended before one (failure)")]


def test_nothing_that_would_change_makes_no_comment(step):
    renders(step, rendered(HEAD, STILL))
    assert "stored no judgement" in step.finished("comment")[1]
    step.upload(factory.unaffected())
    assert "nothing was affected" in step.finished("comment")[1]
    assert step.reports() == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{}", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b'{"format": 1, "obeyed": "<script>"}', "cannot be read"),
        (rendered("d" * 40), "another commit than aaaaaaa"),
        (rendered(None), "another commit than aaaaaaa"),
    ],
)
def test_a_poisoned_rendering_is_a_sentence_beside_the_judgement(step, data, words):
    step.upload(factory.failing())
    renders(step, data)
    for verb in ("comment", "check"):
        assert step.finished(verb)[0] == 0
    (report,) = step.reports()
    assert "It cannot be shown: " in report and words in report.replace(BREAK, "")
    assert "<script>" not in report and checks(step)[0][0] == "failure"


def test_a_poisoned_archive_or_one_of_another_commit_is_a_sentence_too(step):
    step.upload(factory.failing())
    step.forge.add_artifact(501, archive({"../rendered.json": b"{}"}), HEAD, name="sluice-rendered")
    assert step.finished("comment")[0] == 0
    assert "leads out of the archive" in step.reports()[0]
    step.forge.add_artifact(501, archive({"rendered.json": rendered()}), "f" * 40, name="sluice-rendered")
    assert step.finished("comment", run=501)[0] == 0
    assert "another run or commit" in step.reports()[0]


@pytest.mark.parametrize("place", ["changes", "refusals", "notes", "objects"])
def test_hostile_words_in_a_rendering_come_out_inert(step, place):
    part = RenderedPart(place=HOSTILE, lines=(HOSTILE, f"+{HOSTILE}"))
    thing = RenderedObject(change="changed", kind=HOSTILE, name=HOSTILE, before=HOSTILE, parts=(part,))
    values = {"objects": (thing,)} if place == "objects" else {place: (HOSTILE,)}
    step.upload(factory.passing())
    renders(step, rendered(HEAD, environment(**values)))
    assert step.finished("comment")[0] == 0
    (report,) = step.reports()
    outside = re.sub(r"(?ms)^(`{3,})diff$.*?^\1$|`[^`\n]+`", "", report)
    for active in ("@everyone", "https://evil", "<img", "![x]", "\u202e", "\x1b"):
        assert active not in outside
    assert "\x1b" not in report and "\u202e" not in report and report.count("<!-- sluice:report -->") == 1


# Poison: nothing of it is posted, and the job says why


def refused(step, data, words, head=HEAD):
    step.forge.add_artifact(501, data, head)
    for verb in ("comment", "check"):
        code, out, err = step.finished(verb)
        assert (code, out) == (4, ""), err
        assert words in err and err.startswith("sluice: ") and err.count("\n") == 1
    assert step.reports() == [] and checks(step) == []


def changed(judgement=None, **values):
    """A stored judgement with other values."""
    content = json.loads(stored(judgement or factory.passing()))
    return archive({"judgement.json": json.dumps({**content, **values}).encode()})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (archive({"judgement.json": b"{}"}), "no `format`"),
        (archive({"judgement.json": b"[]"}), "no `format`"),
        (archive({"judgement.json": b"not json"}), "no JSON"),
        (archive({"judgement.json": b"[" * 100_000}), "no JSON"),
        (archive({"judgement.json": b"\xff\xfe"}), "no JSON"),
        (archive({"judgement.json": b'{"format": ' + b"9" * 5000 + b"}"}), "no JSON"),
        (changed(pull_request=8), "Extra inputs are not permitted"),
        (changed(format=99), "format 99"),
        (changed(verdict={"word": "pass"}), "cannot be read"),
        (changed(suites=[{"name": "x" * 10_000}]), "cannot be read"),
        (archive({"../judgement.json": stored(factory.passing())}), "leads out of the archive"),
        (b"PK\x03\x04", "no zip archive"),
    ],
)
def test_a_poisoned_artifact_gets_no_further_than_a_sentence(step, data, words):
    refused(step, data, words)


def test_a_judgement_of_another_commit_is_refused(step):
    refused(step, packed(factory.passing(), "d" * 40), "about another commit than aaaaaaa")


@pytest.mark.parametrize("commit", ["main", "HEAD", "../../x", "a" * 39, HEAD + "\n", ""])
def test_a_commit_that_is_none_is_refused(step, commit):
    refused(step, changed(head_commit=commit), "cannot be read" if False else "commit")


def test_a_judgement_of_the_forges_merge_of_the_head_is_about_the_head(step):
    step.forge.parents["5" * 40] = [BASE, HEAD]
    step.forge.add_artifact(501, packed(factory.passing(), "5" * 40), HEAD)
    assert step.finished("comment")[0] == 0
    assert HEAD[:7] in step.reports()[0] and "5555555" not in step.reports()[0]


def test_an_artifact_of_another_run_of_the_author_is_not_read(step):
    refused(step, packed(factory.passing()), "another run or commit", head="f" * 40)


HOSTILE = (
    "@everyone https://evil.example <img src=x onerror=alert(1)> ![x](https://evil.example/x.png) </details>"
    "<!-- sluice:report --> `` ``` \u202egnp.exe\u202c \x1b[31m #1 ::set-output name=x::y"
)


@pytest.mark.parametrize("place", ["name", "why", "notes", "edits"])
def test_hostile_words_in_an_artifact_come_out_inert(step, place):
    judgement = factory.failing()
    suite = judgement.suites[0]
    if place == "edits":
        judgement = replace(judgement, edits=(HOSTILE,))
    elif place == "name":
        judgement = replace(judgement, base=HOSTILE)
    else:
        judgement = replace(judgement, suites=(replace(suite, **{place: (HOSTILE,)}),))
    step.upload(judgement)
    assert step.finished("comment")[0] == 0
    _, out, _ = step.finished("check")
    (report,) = step.reports()
    summary = step.forge.checks[0]["output"]["summary"]
    for text in (report, summary):
        for active in ("@everyone", "https://evil", "<img", "![x]", "\u202e", "\x1b"):
            assert active not in text
        assert text.count("<!-- sluice:report -->") <= 1
    assert "\x1b" not in out and "::" not in out


# Events that lie, and places that this is not


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b"null", b'"x"', b"{}", b'{"action": "completed", "workflow_run": []}', b"[" * 99_999]
)
@pytest.mark.parametrize("verb", ["comment", "check"])
def test_a_hostile_payload_is_refused_cleanly(step, payload, verb):
    code, out, err = step.run("workflow_run", payload, verb)
    assert (code, out) == (4, "") and err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize("path", [".github/workflows/evil.yml", ".github/workflows/pull-request.yaml"])
def test_a_workflow_of_the_same_name_is_not_the_workflow(step, path):
    step.upload(factory.passing())
    code, _, err = step.finished("comment", path=path)
    assert code == 4 and "its artifacts are not read" in err
    assert step.server.requests == []


def test_other_events_are_refused(step):
    code, _, err = step.run("pull_request", {}, "comment")
    assert code == 2 and "answers workflow_run and issue_comment" in err


def test_outside_of_a_workflow_it_says_so(step, sluice):
    code, _, err = sluice("forge", "comment")
    assert code == 2 and "runs in a workflow's step; GITHUB_EVENT_NAME is not set" in err


# Faults of the forge


@pytest.mark.parametrize("fault", [failed(502, after=True), dropped(after=True)])
def test_a_lost_answer_leads_to_no_second_comment(step, fault):
    step.upload(factory.passing())
    step.server.fault("POST", "/issues/7/comments", fault)
    assert step.finished("comment")[0] == 0
    assert len(step.reports()) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422])
def test_where_the_comment_cannot_arrive_the_job_fails_and_says_why(step, status):
    step.upload(factory.passing())
    step.server.fault("POST", "/issues/7/comments", error(status, "No."))
    code, out, err = step.finished("comment")
    assert (code, out) == (4, "") and "POST issues/7/comments" in err and "ghs_" not in err
    assert step.reports() == []


def test_a_job_without_the_permission_is_told_which(step):
    step.upload(factory.passing())
    reading = {"pull_requests": "read", "actions": "read", "contents": "read"}
    code, _, err = step.run("workflow_run", run_event(step.forge), "comment", permissions=reading)
    assert code == 4 and "grant the job `issues=write; pull_requests=write`" in err


def test_an_app_of_ones_own_posts_both(step):
    step.upload(factory.passing())
    token = app_token(step.forge, pull_requests="write", actions="read", contents="read", checks="write")
    for verb in ("comment", "check"):
        variables = {"GITHUB_TOKEN": token, "SLUICE_FORGE_AUTHOR": "sluice-app[bot]"}
        assert step.run("workflow_run", run_event(step.forge), verb, **variables)[0] == 0
    assert [one["user"]["login"] for one in step.forge.comments_on(7)] == ["sluice-app[bot]"]
    assert step.forge.checks[0]["app"]["id"] == 4242


def test_the_comment_of_ten_thousand_hostile_cases_fits(step):
    lost = range(0, 10_000, 2)
    compared = factory.edited(10_000, lost=lost)
    verdict = factory.suite_verdict(compared, "fail", (factory.metric(compared, "cites_source", "fail"),))
    suite = factory.suite(compared)
    judgement = factory.judgement(suite, verdict, "fail", ["\U0001f4a5" * 200] * 50)
    step.upload(judgement)
    assert step.finished("comment")[0] == 0
    assert step.finished("check")[0] == 0
    assert len(step.reports()[0].encode()) <= 65_536
