"""The comment arrives exactly once, whatever the forge does; or the job says why."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.github import Fault, dropped, error, exhausted, failed, secondary
from servers.github_fixtures import HEAD, NEXT, NOW, Waits, app_token, client_of

from sluice.forge.client import GitHub
from sluice.forge.comment import (
    MARKER,
    MOST_CHARACTERS,
    RunMark,
    mark_of,
    put_report,
    react,
    reply,
    stamped,
    superseded,
    with_note,
)
from sluice.forge.failures import ForgeError, NotAllowed, Rejected

BOT = "github-actions[bot]"
COMMENTS = "/issues/7/comments"
COMMENT = r"/issues/comments/\d+"


def text(words):
    return f"{MARKER}\n{words}"


def put(server, words, **options):
    return put_report(client_of(server, **options), 7, BOT, lambda previous: text(words))


def reports(server, number=7):
    return [one["body"] for one in server.forge.comments_on(number) if one["user"]["login"] == BOT]


def test_three_runs_leave_one_comment_that_shows_the_last(server):
    outcomes = [put(server, f"run {number}") for number in (1, 2, 3)]
    assert [one.done for one in outcomes] == ["created", "edited", "edited"]
    assert reports(server) == [text("run 3")]
    assert reports(server, 8) == []


def test_the_same_text_again_changes_nothing(server):
    put(server, "same")
    assert put(server, "same").done == "unchanged"
    assert not server.calls("PATCH")


def test_the_previous_text_is_handed_to_the_renderer(server):
    seen = []
    client = client_of(server)
    for words in ("one", "two"):
        put_report(client, 7, BOT, lambda previous, words=words: seen.append(previous) or text(words))
    assert seen == [None, text("one")]


def test_nothing_to_say_makes_no_comment(server):
    assert put_report(client_of(server), 7, BOT, lambda previous: None).done == "left"
    assert reports(server) == []
    assert not server.calls("POST")


@pytest.mark.parametrize("login", ["author", "github-actions", "github-actions-bot", "evil[bot]"])
def test_a_marker_that_somebody_else_wrote_is_no_marker(server, login):
    server.forge.add_comment(7, login, text("mine, really"))
    assert put(server, "true").done == "created"
    assert [one["body"] for one in server.forge.comments_on(7)] == [text("mine, really"), text("true")]


def test_our_other_comments_are_left_alone(server):
    server.forge.add_comment(7, BOT, "another workflow's words")
    server.forge.add_comment(7, BOT, f"quoting {MARKER}")
    put(server, "true")
    assert reports(server) == ["another workflow's words", f"quoting {MARKER}", text("true")]


def test_it_is_found_beyond_the_first_page(server):
    put(server, "first")
    comment = server.forge.comments.pop()
    for number in range(150):
        server.forge.add_comment(7, "author", f"talk {number}")
    server.forge.comments.append(comment)
    assert put(server, "second").done == "edited"
    assert reports(server) == [text("second")]


BEFORE = [failed(500), failed(502), failed(503), dropped(), secondary("3"), secondary(status=429)]
BEFORE += [exhausted(int(NOW.timestamp()) + 5), dropped(sent=10), error(408, "late")]
AFTER = [failed(502, after=True), dropped(after=True), dropped(after=True, sent=30), Fault(504, after=True)]


@pytest.mark.parametrize("fault", BEFORE + AFTER)
@pytest.mark.parametrize("times", [1, 2])
def test_a_new_comment_arrives_exactly_once(server, fault, times):
    """With `after`, the first attempt did write it although its answer was lost: it is found, not written again."""
    server.fault("POST", COMMENTS, *[fault] * (1 if fault.after else times))
    assert put(server, "true").id
    assert reports(server) == [text("true")]
    assert len(server.calls("POST", COMMENTS)) == (1 if fault.after else times + 1)


@pytest.mark.parametrize("fault", BEFORE + AFTER)
def test_an_edit_arrives_exactly_once(server, fault):
    put(server, "old")
    server.fault("PATCH", COMMENT, fault, fault)
    put(server, "new")
    assert reports(server) == [text("new")]


@pytest.mark.parametrize("fault", [*BEFORE, Fault(200, raw=b"<html>not json"), Fault(200, raw=b'{"id": 1}')])
def test_when_reading_fails_nothing_is_written_twice(server, fault):
    put(server, "old")
    server.fault("GET", COMMENTS, fault)
    try:
        put(server, "new")
    except ForgeError as problem:
        assert "list" in str(problem) or "JSON" in str(problem)  # noqa: PT017
        assert reports(server) == [text("old")]
    else:
        assert reports(server) == [text("new")]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "is GITHUB_TOKEN this step's"),
        (403, "grant the job"),
        (404, "the job's permissions hide it"),
        (409, "somebody else changed it"),
        (422, "rejects the request"),
    ],
)
def test_where_it_cannot_arrive_the_job_says_why(server, method, status, words):
    server.fault(method, COMMENTS, error(status, "No."))
    with pytest.raises(ForgeError, match=words):
        put(server, "true")
    assert reports(server) == []
    assert len(server.calls("POST", COMMENTS)) == (method == "POST")


def test_a_forge_that_never_answers_ends_in_words(server):
    server.fault("POST", COMMENTS, *[dropped()] * 5)
    with pytest.raises(ForgeError, match="no answer to 5 attempts to write, and nothing of it is there"):
        put(server, "true")


def test_a_limit_of_an_hour_ends_in_words_and_without_waiting(server):
    waits = Waits()
    server.fault("POST", COMMENTS, exhausted(int(NOW.timestamp()) + 3600))
    with pytest.raises(ForgeError, match="run the job again after 2026-11-22 13:00 UTC"):
        put(server, "true", waits=waits)
    assert waits == [] and reports(server) == []


def test_a_list_that_lags_behind_leads_to_no_second_comment(server):
    """The answer said that it was written; that the list does not show it yet is no reason to write again."""
    server.fault("GET", COMMENTS, *[Fault(200, raw=b"[]")] * 2)
    assert put(server, "true").done == "created"
    assert reports(server) == [text("true")]


def test_a_second_comment_that_came_about_is_taken_away_by_the_next_run(server):
    for words in ("one", "two", "three"):
        server.forge.add_comment(7, BOT, text(words))
    first = server.forge.comments[0]["id"]
    assert put(server, "true").id == first
    assert reports(server) == [text("true")]


def test_a_comment_that_a_person_deletes_meanwhile_is_written_again(server):
    put(server, "old")
    kept = list(server.forge.comments)
    server.fault("PATCH", COMMENT, error(404, "Not Found"))
    server.fault("GET", COMMENTS, Fault(200, raw=_listed(kept)))
    server.forge.comments.clear()
    assert put(server, "new").done == "created"
    assert reports(server) == [text("new")]


def _listed(comments):
    import json

    shown = [{key: value for key, value in one.items() if key not in ("issue", "reactions")} for one in comments]
    return json.dumps(shown).encode()


def test_a_second_comment_that_went_already_is_no_problem(server):
    for words in ("one", "two"):
        server.forge.add_comment(7, BOT, text(words))
    server.fault("DELETE", COMMENT, failed(502, after=True))
    put(server, "true")
    assert reports(server) == [text("true")]


@pytest.mark.parametrize("writers", [2, 4])
def test_writers_at_once_leave_one_comment(server, writers):
    """Each sees an empty list, each writes; they agree that the oldest stays."""
    barrier = threading.Barrier(writers)
    clients = [client_of(server) for _ in range(writers)]

    def write(client, number):
        first = [True]

        def render(previous):
            if previous is None and first.pop():
                barrier.wait(10)
            return text(f"writer {number}")

        put_report(client, 7, BOT, render)

    threads = [threading.Thread(target=write, args=(client, n)) for n, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports(server)) == 1


def test_a_token_of_another_author_is_said_and_leaves_nothing(server):
    token = app_token(server.forge, pull_requests="write")
    client = GitHub(server.url, "octo/portal", token, sleep=Waits())
    with pytest.raises(ForgeError, match=r"set SLUICE_FORGE_AUTHOR to sluice-app\[bot\]"):
        put_report(client, 7, BOT, lambda previous: text("true"))
    assert server.forge.comments_on(7) == []
    assert put_report(client, 7, "sluice-app[bot]", lambda previous: text("true")).done == "created"


def test_a_comment_that_is_too_long_never_leaves(server):
    mark = RunMark(head=HEAD, run=1, attempt=1)
    with pytest.raises(ForgeError, match="more than 65,536 bytes"):
        stamped(text("\U0001f4a5" * 20_000), mark)
    fits = stamped(text("x" * 60_000), mark)
    assert put_report(client_of(server), 7, BOT, lambda previous: fits).done == "created"


def test_the_forge_itself_refuses_a_longer_one(server):
    with pytest.raises(Rejected, match="too long"):
        put(server, "x" * MOST_CHARACTERS)


def test_a_reply_is_given_once_for_each_command(server):
    client = client_of(server)
    for words in ("no", "still no"):
        reply(client, 7, BOT, 4711, words)
    reply(client, 7, BOT, 4712, "another")
    assert reports(server) == ["<!-- sluice:reply 4711 -->\nstill no", "<!-- sluice:reply 4712 -->\nanother"]


@pytest.mark.parametrize("fault", [failed(500), dropped(after=True)])
def test_a_reaction_is_put_once(server, fault):
    comment = server.forge.add_comment(7, "author", "/eval")
    client = client_of(server)
    react(client, comment["id"], "eyes")
    react(client, comment["id"], "eyes")
    assert comment["reactions"] == [(BOT, "eyes")]


def test_a_reaction_without_permission_is_said(server):
    comment = server.forge.add_comment(7, "author", "/eval")
    with pytest.raises(NotAllowed):
        react(client_of(server, contents="read"), comment["id"], "eyes")


hashes = st.text("0123456789abcdef", min_size=40, max_size=40)
marks = st.builds(RunMark, head=hashes, run=st.integers(1, 2**50), attempt=st.integers(1, 99))


@given(st.text(max_size=200), marks)
def test_the_mark_is_read_back(words, mark):
    try:
        body = stamped(text(words), mark)
    except UnicodeEncodeError:
        return
    assert mark_of(body) == mark
    assert len(body.encode()) <= len(text(words).encode()) + 160


@pytest.mark.parametrize(
    "body",
    [
        None, "", MARKER, "<!-- sluice:run {} -->", '<!-- sluice:run {"head": 1, "run": 1, "attempt": 1} -->',
        f'<!-- sluice:run {{"head": "{HEAD}", "run": 1, "attempt": 1}} -->\nmore below',
        f'<!-- sluice:run {{"head": "{HEAD}", "run": "1", "attempt": 1}} -->', "<!-- sluice:run {not json} -->",
    ],
)  # fmt: skip
def test_a_mark_that_was_tampered_with_is_none(body):
    assert mark_of(body) is None


def order(head, run, attempt=1):
    return RunMark(head=head, run=run, attempt=attempt)


@pytest.mark.parametrize(
    ("previous", "ours", "current", "replaced"),
    [
        (None, order(HEAD, 5), HEAD, True),
        (order(HEAD, 4), order(HEAD, 5), HEAD, True),
        (order(HEAD, 5), order(HEAD, 5), HEAD, True),
        (order(HEAD, 5, 1), order(HEAD, 5, 2), HEAD, True),
        (order(HEAD, 5, 2), order(HEAD, 5, 1), HEAD, False),
        (order(HEAD, 6), order(HEAD, 5), HEAD, False),
        (order(NEXT, 6), order(HEAD, 5), NEXT, False),
        (order(NEXT, 4), order(HEAD, 5), NEXT, False),
        (order(HEAD, 5), order(NEXT, 6), NEXT, True),
        (order(HEAD, 9), order(NEXT, 6), NEXT, True),
        (order("d" * 40, 4), order(HEAD, 5), NEXT, True),
    ],
)
def test_runs_may_end_in_any_order(previous, ours, current, replaced):
    assert (superseded(previous, ours, current) is None) is replaced


def test_a_note_is_put_below_the_marker_and_replaces_an_earlier_one():
    body = stamped(text("the report"), order(HEAD, 5))
    once = with_note(body, "first note")
    twice = with_note(once, "second note")
    assert twice.startswith(MARKER) and twice.count("sluice:note") == 2
    assert "second note" in twice and "first note" not in twice and "the report" in twice
    assert mark_of(twice) == order(HEAD, 5)


def test_a_note_needs_a_marker_and_room():
    assert with_note("no marker", "note") is None
    assert with_note(text("x" * 65_500), "note") is None
