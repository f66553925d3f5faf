"""The client against a strict forge over real sockets: pages, retries, budgets, errors in words, and its token."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.github import Fault, dropped, error, exhausted, failed, secondary
from servers.github_fixtures import NOW, Waits, client_of

from sluice.errors import UsageError
from sluice.forge.client import GitHub
from sluice.forge.failures import Conflict, ForgeError, Missing, NotAllowed, Rejected, Unsure
from sluice.forge.patience import Patience, is_limited, limited_for
from sluice.forge.transport import Message, Reply, checked_url, follow

COMMENTS = "/issues/7/comments"


def bodies(server):
    return [comment["body"] for comment in server.forge.comments_on(7)]


def test_pages_are_followed_to_the_end(server):
    for number in range(230):
        server.forge.add_comment(7, "author", f"comment {number}")
    found = list(client_of(server).pages("issues/7/comments"))
    assert [one["body"] for one in found] == [f"comment {number}" for number in range(230)]
    assert len(server.calls("GET", COMMENTS)) == 3


def test_a_page_on_another_host_is_not_followed(server):
    link = {"Link": '<https://evil.example/page2>; rel="next"'}
    server.fault("GET", COMMENTS, Fault(200, headers=link, raw=b"[]"))
    with pytest.raises(ForgeError, match="another host"):
        list(client_of(server).pages("issues/7/comments"))


def test_pages_without_end_are_given_up(server):
    link = {"Link": f'<{server.url}/repos/octo/portal/issues/7/comments>; rel="next"'}
    server.fault("GET", COMMENTS, *[Fault(200, headers=link, raw=b"[]")] * 100)
    with pytest.raises(ForgeError, match="more than 100 pages"):
        list(client_of(server).pages("issues/7/comments"))


@pytest.mark.parametrize(
    "fault", [failed(500), failed(502), failed(503), dropped(), dropped(sent=20), error(408, "late")]
)
def test_reading_is_tried_again(server, fault):
    server.fault("GET", COMMENTS, fault, fault)
    assert list(client_of(server).pages("issues/7/comments")) == []
    assert len(server.calls("GET", COMMENTS)) == 3


def test_reading_is_given_up_with_a_reason(server):
    server.fault("GET", COMMENTS, *[failed(503)] * 6)
    with pytest.raises(ForgeError, match=r"GET issues/7/comments: the forge failed \(503\) 6 times; run the job again"):
        list(client_of(server).pages("issues/7/comments"))


@pytest.mark.parametrize(
    "fault", [failed(502, after=True), failed(500), dropped(after=True), dropped(), dropped(sent=5)]
)
def test_writing_is_never_repeated_blindly(server, fault):
    server.fault("POST", COMMENTS, fault)
    with pytest.raises(Unsure):
        client_of(server).send("POST", "issues/7/comments", {"body": "once"})
    assert len(server.calls("POST", COMMENTS)) == 1
    assert bodies(server) == (["once"] if fault.after else [])


def test_a_connection_that_was_refused_sent_nothing(server):
    waits = Waits()
    client = client_of(server, waits)
    server.stop()
    with pytest.raises(ForgeError, match="the connection was refused, 6 times") as caught:
        client.send("POST", "issues/7/comments", {"body": "once"})
    assert not isinstance(caught.value, Unsure)
    assert len(waits) == 5
    server._servers[0].server_close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (secondary("7"), 7.0),
        (secondary("7", status=429), 7.0),
        (secondary(), 60.0),
        (secondary("Sun, 22 Nov 2026 12:00:30 GMT"), 30.0),
        (secondary("soon"), 60.0),
        (secondary("-5"), 60.0),
        (exhausted(int(NOW.timestamp()) + 45), 45.0),
        (exhausted(int(NOW.timestamp()) - 45), 1.0),
        (exhausted(int(NOW.timestamp()) + 90, status=429), 90.0),
    ],
)
def test_a_rate_limit_is_waited_out_and_writing_goes_on(server, fault, expected):
    waits = Waits()
    server.fault("POST", COMMENTS, fault)
    client_of(server, waits).send("POST", "issues/7/comments", {"body": "once"})
    assert waits == [expected]
    assert bodies(server) == ["once"]


def test_waits_grow_where_the_forge_names_no_time(server):
    waits = Waits()
    server.fault("GET", COMMENTS, secondary(), secondary(), secondary())
    list(client_of(server, waits).pages("issues/7/comments"))
    assert waits == [60.0, 120.0, 240.0]


@pytest.mark.parametrize("fault", [secondary("86400"), exhausted(int(NOW.timestamp()) + 3600), secondary("9" * 12)])
def test_a_limit_beyond_the_budget_ends_at_once_and_says_when(server, fault):
    waits = Waits()
    server.fault("GET", COMMENTS, fault)
    with pytest.raises(ForgeError, match=r"rate limit.*run the job again (after \d{4}-|later)"):
        list(client_of(server, waits).pages("issues/7/comments"))
    assert waits == []


def test_the_budget_is_one_for_all_requests(server):
    waits = Waits()
    client = client_of(server, waits, Patience(budget=100))
    server.fault("GET", COMMENTS, secondary("60"), secondary("60"))
    list(client.pages("issues/8/comments"))
    with pytest.raises(ForgeError, match="rate limit"):
        list(client.pages("issues/7/comments"))
    assert sum(waits) == 60


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, NotAllowed, "does not know the token"),
        (403, NotAllowed, "grant the job"),
        (404, Missing, "gone, or the job's permissions hide it"),
        (409, Conflict, "somebody else changed it"),
        (410, Missing, "not found"),
        (422, Rejected, "rejects the request as it stands"),
        (418, ForgeError, "answered 418"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_errors_say_what_to_do_and_are_not_repeated(server, status, kind, words, method):
    server.fault(method, COMMENTS, error(status, "Because\nof\x1b[31m this"))
    client = client_of(server)
    with pytest.raises(kind, match=re.escape(words)) as caught:
        client.send(method, "issues/7/comments", None if method in ("GET", "DELETE") else {"body": "x"})
    assert "Because of [31m this" in str(caught.value)
    assert len(server.requests) == 1


def test_a_missing_permission_is_named(server):
    with pytest.raises(NotAllowed, match=r"POST issues/7/comments: .*grant the job `issues=write; pull_r"):
        client_of(server, contents="read").send("POST", "issues/7/comments", {"body": "x"})


def test_errors_of_validation_are_quoted(server):
    with pytest.raises(Rejected, match=r"Validation Failed; Body is too long \(maximum is 65536 characters\)"):
        client_of(server).send("POST", "issues/7/comments", {"body": "x" * 65_537})


def test_no_message_and_no_repr_shows_the_token(server):
    client = client_of(server)
    server.fault("GET", COMMENTS, error(403, "the token ghs_test may not"))
    with pytest.raises(NotAllowed) as caught:
        client.get("issues/7/comments")
    assert "ghs_test" not in str(caught.value) + repr(client)
    assert "the token *** may not" in str(caught.value)


@pytest.mark.parametrize("token", ["", "two words", "line\nfeed", "übel", "tab\t"])
def test_what_is_no_token_is_refused_without_showing_it(token):
    with pytest.raises(UsageError) as caught:
        GitHub("https://api.github.com", "octo/portal", token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["portal", "octo/portal/..", "../portal", "octo/", "octo/por tal", "octo/portal?x=1", "", "octo/portal\n"]
)
def test_a_repository_is_owner_and_name(name):
    with pytest.raises(UsageError):
        GitHub("https://api.github.com", name, "ghs_test")


@pytest.mark.parametrize(
    "url", ["http://api.github.com", "ftp://x", "file:///etc/passwd", "https://", "https://[", "x", ""]
)
def test_a_token_is_not_sent_without_encryption(url):
    with pytest.raises(UsageError, match="https"):
        checked_url(url)


def test_the_store_of_artifacts_gets_no_token(server):
    artifact = server.forge.add_artifact(501, b"zip", "a" * 40)
    assert client_of(server).download(f"actions/artifacts/{artifact.id}/zip", 100) == b"zip"


def test_a_download_is_cut_at_its_limit(server):
    artifact = server.forge.add_artifact(501, b"x" * 1000, "a" * 40)
    with pytest.raises(ForgeError, match="larger than 999 bytes"):
        client_of(server).download(f"actions/artifacts/{artifact.id}/zip", 999)


def test_a_store_that_breaks_is_asked_again(server):
    artifact = server.forge.add_artifact(501, b"zip", "a" * 40)
    server.fault("STORE", f"/{artifact.id}", dropped(), failed(503))
    assert client_of(server).download(f"actions/artifacts/{artifact.id}/zip", 100) == b"zip"


class Redirecting:
    """A transport that answers with redirects, one after the other, and notes what it was asked."""

    def __init__(self, *targets):
        self.targets = list(targets)
        self.asked = []

    def exchange(self, message, limit):
        self.asked.append(message)
        if self.targets:
            return Reply(302, {"location": self.targets.pop(0)}, b"")
        return Reply(200, {}, b"done")


def asked(*targets):
    transport = Redirecting(*targets)
    headers = {"Authorization": "Bearer ghs_test", "User-Agent": "sluice"}
    follow(transport, Message("GET", "https://api.github.com/x", headers))
    return transport


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("https://api.github.com/y", True),
        ("/y", True),
        ("https://API.github.com:443/y", True),
        ("https://api.github.com:444/y", False),
        ("https://api.github.com.evil.example/y", False),
        ("https://user@evil.example/y", False),
        ("//evil.example/y", False),
    ],
)
def test_a_token_stays_with_its_host(target, kept):
    transport = asked(target)
    assert ("Authorization" in transport.asked[1].headers) is kept


@pytest.mark.parametrize("target", ["http://api.github.com/y", "http://127.0.0.1/y", "ftp://api.github.com/y"])
def test_a_redirect_out_of_encryption_is_refused(target):
    with pytest.raises(ForgeError, match="without encryption"):
        asked(target)


def test_redirects_without_end_and_of_writing_are_refused():
    with pytest.raises(ForgeError, match="more than 3 times"):
        asked("/a", "/b", "/c", "/d")
    with pytest.raises(ForgeError, match="moved or renamed"):
        follow(Redirecting("/y"), Message("POST", "https://api.github.com/x", {}))


@given(st.binary(max_size=60))
def test_an_answer_that_is_no_json_is_refused_in_words(data):
    class Fixed:
        def exchange(self, message, limit):
            return Reply(200, {}, data)

    client = GitHub("https://api.github.com", "octo/portal", "ghs_test", transport=Fixed())
    try:
        expected = json.loads(data) if data else None
    except ValueError:
        with pytest.raises(ForgeError, match="no JSON"):
            client.get("x")
    else:
        assert client.get("x") == expected or expected != expected


@given(
    st.integers(400, 599),
    st.dictionaries(
        st.sampled_from(["retry-after", "x-ratelimit-remaining", "x-ratelimit-reset"]), st.text(max_size=15), max_size=3
    ),
    st.integers(1, 50),
)
def test_no_header_breaks_the_waiting(status, headers, attempt):
    reply = Reply(status, headers, b"")
    if is_limited(reply):
        assert limited_for(reply, attempt, datetime.now(UTC)) >= 1.0
