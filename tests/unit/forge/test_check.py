"""The check run: what it concludes, posted once, with every annotation once."""

from dataclasses import replace

import pytest
from servers.github import Fault, dropped, error, failed, secondary
from servers.github_fixtures import HEAD, Waits, app_token, client_of
from unit.report import factory

from sluice.forge.check import MOST_OUTPUT, Annotation, Report, conclude, fitted, post, stand_ins
from sluice.forge.client import GitHub
from sluice.forge.failures import ForgeError, NotAllowed
from sluice.gate.verdict import EXIT_CODES, Verdict

REPORT = Report("failure", "the gate says no", "### fail")
URL = "https://github.com/octo/portal/actions/runs/501"


def lines(count):
    return tuple(
        Annotation("prompts/a.yaml", n, n, "failure", f"title {n}", f"message {n}") for n in range(1, count + 1)
    )


def sent(server, report=REPORT, external="sluice:501:1", **options):
    return post(client_of(server, **options), HEAD, external, URL, report)


@pytest.mark.parametrize("word", EXIT_CODES)
def test_only_a_yes_is_a_success_and_nothing_is_neutral(word):
    """`neutral` and `skipped` satisfy a required check at GitHub, so neither may ever be posted."""
    conclusion, title = conclude(Verdict(word, (), ()), [])
    assert (conclusion == "success") == (EXIT_CODES[word] == 0)
    assert conclusion in ("success", "failure", "action_required") and title


@pytest.mark.parametrize("word", EXIT_CODES)
def test_a_run_that_cannot_vouch_for_itself_is_never_a_success(word):
    conclusion, title = conclude(Verdict(word, (), (), tolerated=True), ["it changes more than data: `src/x.py`"])
    assert (conclusion, title) == ("action_required", "needs a maintainer's run: it changes more than data: `src/x.py`")


def test_what_the_policy_tolerates_is_a_success_that_says_so():
    assert conclude(Verdict("inconclusive", (), (), tolerated=True), []) == (
        "success",
        "inconclusive, which the base's policy lets through with a warning",
    )


def test_a_stand_in_is_an_obstacle():
    judgement = factory.passing()
    assert stand_ins(judgement) == []
    suite = judgement.suites[0]
    header = replace(suite.comparison.head, engine={"engine": "local", "title": "tiny on local, standing in for big"})
    other = replace(judgement, suites=(replace(suite, comparison=replace(suite.comparison, head=header)),))
    assert len(stand_ins(other)) == 1


def test_it_is_posted_with_everything(server):
    number = sent(server, replace(REPORT, annotations=lines(2)))
    run = server.forge.checks[0]
    assert (run["id"], run["name"], run["head_sha"], run["conclusion"]) == (number, "sluice", HEAD, "failure")
    assert (run["details_url"], run["external_id"], len(run["annotations"])) == (URL, "sluice:501:1", 2)


def test_the_same_run_again_edits_it_and_another_attempt_makes_another(server):
    assert sent(server) == sent(server, replace(REPORT, conclusion="success"))
    assert [run["conclusion"] for run in server.forge.checks] == ["success"]
    sent(server, external="sluice:501:2")
    assert len(server.forge.checks) == 2


@pytest.mark.parametrize("count", [1, 49, 50, 51, 100, 120])
def test_every_annotation_arrives_once(server, count):
    sent(server, replace(REPORT, annotations=lines(count)))
    assert [one["start_line"] for one in server.forge.checks[0]["annotations"]] == list(range(1, count + 1))


@pytest.mark.parametrize(
    "fault", [failed(502), failed(502, after=True), dropped(after=True), dropped(), secondary("2")]
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_faults_make_no_second_check_and_no_second_annotation(server, fault, method):
    server.fault(method, r"/check-runs(/\d+)?", fault)
    sent(server, replace(REPORT, annotations=lines(70)))
    numbers = sorted({one["start_line"] for one in server.forge.checks[0]["annotations"]})
    assert len(server.forge.checks) == 1
    assert numbers == list(range(1, 71))


def test_a_check_run_of_a_job_with_the_same_name_is_left_alone(server):
    job = {"id": 1, "name": "sluice", "head_sha": HEAD, "app": {"id": 15368, "slug": "github-actions"},
           "external_id": "1f2e3d", "conclusion": "success", "annotations": [],
           "output": {"title": None, "summary": None, "annotations_count": 0}}  # fmt: skip
    server.forge.checks.append(job)
    sent(server)
    assert [run["conclusion"] for run in server.forge.checks] == ["success", "failure"]


def test_an_app_of_ones_own_posts_under_its_own_number(server):
    client = GitHub(server.url, "octo/portal", app_token(server.forge, checks="write"), sleep=Waits())
    post(client, HEAD, "sluice:501:1", URL, REPORT)
    assert server.forge.checks[0]["app"]["id"] == 4242


@pytest.mark.parametrize(("status", "words"), [(403, "grant the job"), (404, "not found"), (422, "rejects")])
def test_where_it_cannot_be_posted_the_job_says_why(server, status, words):
    server.fault("POST", "/check-runs", error(status, "No."))
    with pytest.raises(ForgeError, match=words):
        sent(server)


def test_a_missing_permission_is_named(server):
    with pytest.raises(NotAllowed, match="checks=read"):
        sent(server, contents="read")


def test_a_forge_that_takes_no_annotations_ends_in_words(server):
    answer = b'{"id": 1, "external_id": "sluice:501:1", "output": {"annotations_count": 0}}'
    server.fault("POST", "/check-runs", Fault(201, raw=answer))
    server.fault("PATCH", "/check-runs/1", *[Fault(200, raw=answer)] * 9)
    server.fault("GET", "/check-runs/1", *[Fault(200, raw=answer)] * 9)
    with pytest.raises(ForgeError, match="not all of its annotations"):
        sent(server, replace(REPORT, annotations=lines(3)))


def test_a_long_summary_is_cut_at_a_line_and_says_so(server):
    summary = "\n".join(["\U0001f4a5" * 50] * 1000)
    sent(server, replace(REPORT, summary=summary))
    shown = server.forge.checks[0]["output"]["summary"]
    assert len(shown.encode()) <= MOST_OUTPUT and shown.endswith("the comment and the run have it.")
    assert set(shown.split("\n")[0]) == {"\U0001f4a5"}
    assert fitted("short", 100) == "short"
    assert len(fitted("\U0001f4a5" * 100, 101).encode()) <= 101
