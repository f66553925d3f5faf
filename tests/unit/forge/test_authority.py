"""Who may command what: outsider, reader, maintainer, author, bot; and on which head."""

import pytest
from servers.github import Fault, error
from servers.github_fixtures import HEAD, NEXT, client_of, comment_event

from sluice.forge.answers import Comment
from sluice.forge.authority import authorise, reported
from sluice.forge.commands import parse
from sluice.forge.comment import RunMark, stamped
from sluice.forge.event import CommentEvent
from sluice.forge.failures import ForgeError, Refusal
from sluice.forge.pulls import pull_request

ACCEPT = "/accept q-1 because the old answer was wrong"


def give(server, login, body, number=7):
    event = CommentEvent.model_validate(comment_event(server.forge, number, login, body))
    return authorise(client_of(server), event, parse(body))


@pytest.mark.parametrize("body", ["/eval", "/eval answer --full", "/retry-errors", "/help", ACCEPT])
def test_a_maintainer_may(server, body):
    order = give(server, "maintainer", body)
    assert (order.by, order.pull.number, order.pull.head.sha) == ("maintainer", 7, HEAD)


@pytest.mark.parametrize("login", ["outsider", "reader", "stranger"])
@pytest.mark.parametrize("body", ["/eval", "/retry-errors", "/help", ACCEPT])
def test_whoever_may_not_push_may_not(server, login, body):
    with pytest.raises(Refusal, match="people who may push to this repository"):
        give(server, login, body)


@pytest.mark.parametrize("level", ["admin", "maintain", "write"])
def test_every_level_that_may_push_may(server, level):
    server.forge.permissions["someone"] = level
    assert give(server, "someone", "/eval").by == "someone"


@pytest.mark.parametrize("level", ["triage", "read", "none"])
def test_no_lower_level_may(server, level):
    server.forge.permissions["someone"] = level
    with pytest.raises(Refusal):
        give(server, "someone", "/eval")


def test_what_a_comment_claims_of_its_writer_does_not_count(server):
    payload = comment_event(server.forge, 7, "outsider", "/eval", author_association="OWNER")
    with pytest.raises(Refusal, match="may push"):
        authorise(client_of(server), CommentEvent.model_validate(payload), parse("/eval"))


def test_an_author_may_run_but_not_accept(server):
    assert give(server, "author", "/eval").by == "author"
    with pytest.raises(Refusal, match="whoever wrote a change may not accept"):
        give(server, "author", ACCEPT)


def test_an_author_who_may_not_push_may_ask_for_help_alone(server):
    server.forge.pulls[7].author = "outsider"
    assert give(server, "outsider", "/help").by == "outsider"
    with pytest.raises(Refusal, match="may push"):
        give(server, "outsider", "/eval")


@pytest.mark.parametrize("login", ["Author", "AUTHOR"])
def test_the_case_of_a_login_changes_nothing(server, login):
    server.forge.permissions[login] = "write"
    with pytest.raises(Refusal, match="whoever wrote"):
        give(server, login, ACCEPT)


def test_whoever_wrote_a_commit_may_not_accept_but_whoever_merged_main_into_it_may(server):
    server.forge.pulls[7].commits = [("1" * 40, "author", 1), ("2" * 40, "maintainer", 2), ("3" * 40, None, 1)]
    assert give(server, "maintainer", ACCEPT).by == "maintainer"
    server.forge.pulls[7].commits.append((HEAD, "maintainer", 1))
    with pytest.raises(Refusal, match="whoever wrote"):
        give(server, "maintainer", ACCEPT)


def test_commits_beyond_what_the_forge_lists_cannot_be_accepted(server):
    server.forge.pulls[7].commits = [(f"{n:040x}", "author", 1) for n in range(260)]
    with pytest.raises(ForgeError, match="250 commits or more"):
        give(server, "maintainer", ACCEPT)


def test_a_bot_may_nothing(server):
    server.forge.permissions["helper[bot]"] = "admin"
    payload = comment_event(server.forge, 7, "helper[bot]", "/eval")
    with pytest.raises(Refusal, match="given by people"):
        authorise(client_of(server), CommentEvent.model_validate(payload), parse("/eval"))


@pytest.mark.parametrize("body", ["/eval", "/retry-errors", ACCEPT])
def test_on_a_closed_pull_request_nothing_runs(server, body):
    server.forge.pulls[7].state = "closed"
    with pytest.raises(Refusal, match="closed"):
        give(server, "maintainer", body)


@pytest.mark.parametrize("answer", [error(403, "No."), error(500, "Broken"), Fault(200, raw=b'{"permission": 3}')])
def test_where_the_permission_cannot_be_told_nobody_may(server, answer):
    times = 6 if answer.status == 500 else 1
    server.fault("GET", "/permission", *[answer] * times)
    with pytest.raises(ForgeError):
        give(server, "maintainer", "/eval")


def report(server, head=HEAD):
    mark = RunMark(head=head, run=501, attempt=1)
    return server.forge.add_comment(7, "github-actions[bot]", stamped("<!-- sluice:report -->\nreport", mark))


def asked(server, posted, body=ACCEPT):
    event = CommentEvent.model_validate(comment_event(server.forge, 7, "maintainer", body))
    shown = None if posted is None else Comment.model_validate(posted)
    return reported(shown, event, pull_request(client_of(server), 7))


def test_an_acceptance_is_about_the_report_that_was_there(server):
    assert asked(server, report(server)).run == 501


def test_without_a_report_there_is_nothing_to_accept(server):
    with pytest.raises(Refusal, match="no report"):
        asked(server, None)
    with pytest.raises(Refusal, match="no report"):
        asked(server, server.forge.add_comment(7, "github-actions[bot]", "no mark"))


def test_a_head_that_moved_before_the_command_is_refused(server):
    posted = report(server)
    server.forge.pulls[7].head_sha = NEXT
    with pytest.raises(Refusal, match="the head moved since the report"):
        asked(server, posted)


def test_a_report_that_came_after_the_command_is_refused(server):
    """A push between reading and commanding, whose report arrives before the command is carried out."""
    payload = comment_event(server.forge, 7, "maintainer", ACCEPT)
    server.forge.pulls[7].head_sha = NEXT
    posted = report(server, NEXT)
    with pytest.raises(Refusal, match="changed after you wrote"):
        reported(
            Comment.model_validate(posted), CommentEvent.model_validate(payload), pull_request(client_of(server), 7)
        )


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-11-22T12:00:00", "9999-99-99T00:00:00Z"])
def test_a_time_that_cannot_be_read_is_refused(server, moment):
    posted = {**report(server), "updated_at": moment}
    with pytest.raises(ForgeError, match="time"):
        asked(server, posted)
