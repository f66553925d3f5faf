"""One case meets one fault, and the run tells of it: retried, an error of the case, or a stop (docs/faults.md)."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from miniature import edit_prompt
from servers import faults
from servers.builders import until
from servers.hasty import hurry  # noqa: F401 - the fixture is used by name
from servers.sockets import PlainServer, http
from servers.tgi import TgiServer
from servers.tgi_contract import Settings, text_of

from sluice.providers import transport
from sluice.providers.retry import RetryPolicy, Timeouts

VICTIM = "case-0007"
SOURCE = Path(__file__).resolve().parents[2] / "src"
fault = pytest.mark.fault


@pytest.fixture
def changed(repository, server, hurry):  # noqa: F811
    """The repository with an edited prompt; its server; impatience."""
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    return server


def last_word(generation):
    """Answer as the server of the other tests does."""
    return text_of(generation.messages[-1]).split()[-1]


def of_victim(body):
    """Whether head asks the question of the victim."""
    return "question number 7 " in body and "very" in body


def strike(server, *script):
    """Give the victim's questions on head these faults in turn, then honest answers; an ellipsis repeats the last."""
    left = list(script)

    def misbehave(body):
        if not left or not of_victim(body):
            return None
        return left[0] if left[-1] is ... and len(left) == 2 else left.pop(0)

    server.misbehave = misbehave


def judged(sluice, *words):
    code, out, err = sluice("eval", "--complete", "--format", "json", *words)
    assert "Traceback" not in err
    judgement = json.loads(out) if out else None
    return code, judgement, err


def is_whole(judgement, *, without=()):
    """Assert that every case was answered as asked and passed, but for the errors of those named."""
    pairs = judgement["suites"][0]["comparison"]["pairs"]
    assert len(pairs) == 300
    for pair in pairs:
        name = pair["info"]["id"]
        answer = f"word{int(name.removeprefix('case-'))}"
        for result in [*pair["base"], *([] if name in without else pair["head"])]:
            assert (result["state"], result["output"]) == ("pass", answer), name
        if name in without:
            assert [result["state"] for result in pair["head"]] == ["error"]
    return judgement["suites"][0]["usage"]


def in_an_hour():
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(faults.reset(), id="reset", marks=fault("connection reset before an answer", "retried")),
        pytest.param(faults.reset_mid_body(), id="mid-body", marks=fault("connection reset in an answer", "retried")),
        pytest.param(faults.overloaded(), id="429", marks=fault("429 without Retry-After", "retried")),
        pytest.param(faults.overloaded("0.1"), id="429-seconds", marks=fault("429, Retry-After in seconds", "retried")),
        pytest.param(faults.overloaded(in_an_hour()), id="429-date", marks=fault("429, Retry-After a date", "retried")),
        pytest.param(faults.overloaded("1e99 days"), id="429-odd", marks=fault("429, Retry-After absurd", "retried")),
        pytest.param(
            faults.overloaded("999999999"), id="429-long", marks=fault("429, Retry-After of years", "retried")
        ),
        pytest.param(faults.error(408), id="408", marks=fault("408", "retried")),
        pytest.param(faults.error(500), id="500", marks=fault("500", "retried")),
        pytest.param(faults.error(502), id="502", marks=fault("502", "retried")),
        pytest.param(faults.error(503), id="503", marks=fault("503", "retried")),
        pytest.param(faults.error(504), id="504", marks=fault("504", "retried")),
        pytest.param(faults.delay(600), id="late", marks=fault("no answer in time", "retried")),
        pytest.param(faults.slow_loris(0.5, pieces=1000), id="loris", marks=fault("slow-loris", "retried")),
    ],
)
def test_a_fault_that_passes_is_retried_counted_and_shown(changed, sluice, hurry, what):  # noqa: F811
    hurry(Timeouts(attempt=3.0))
    strike(changed, what)
    code, judgement, _ = judged(sluice)
    assert code == 0
    usage = is_whole(judgement)
    assert (usage["retries"], usage["calls"]) == (1, 600)
    assert len(changed.generations) == 601
    assert "1 retry" in sluice("report")[1]
    assert "1 retry" in sluice("report", "--format", "markdown")[1]


@pytest.mark.parametrize(
    ("what", "kind", "attempts"),
    [
        pytest.param(faults.error(503), "provider", 4, id="503", marks=fault("5xx that stays", "error(provider)")),
        pytest.param(
            faults.overloaded(), "rate_limit", 4, id="429", marks=fault("429 that stays", "error(rate_limit)")
        ),
        pytest.param(faults.reset(), "provider", 4, id="reset", marks=fault("resets that stay", "error(provider)")),
        pytest.param(faults.delay(600), "timeout", 4, id="late", marks=fault("never an answer", "error(timeout)")),
        pytest.param(
            faults.error(422, "too long", "validation"), "provider", 1, id="422", marks=fault("422", "error(provider)")
        ),
        pytest.param(faults.error(424), "provider", 1, id="424", marks=fault("424", "error(provider)")),
        pytest.param(
            faults.raw(b'{"choices": [{'), "provider", 1, id="json", marks=fault("malformed JSON", "error(provider)")
        ),
        pytest.param(
            faults.truncated_json(), "provider", 1, id="truncated", marks=fault("truncated JSON", "error(provider)")
        ),
        pytest.param(
            faults.empty_choices(), "provider", 1, id="choices", marks=fault("empty choices", "error(provider)")
        ),
        pytest.param(faults.message(None), "provider", 1, id="null", marks=fault("null content", "error(provider)")),
        pytest.param(
            faults.wrong_content_type(), "provider", 1, id="html", marks=fault("wrong content type", "error(provider)")
        ),
    ],
)
def test_a_fault_that_stays_is_an_error_of_the_case_never_a_fail(changed, sluice, hurry, what, kind, attempts):  # noqa: F811
    hurry(Timeouts(attempt=0.5), RetryPolicy(attempts=4, base=0.002, cap=0.02))
    strike(changed, what, ...)
    code, judgement, _ = judged(sluice)
    assert code == 0, "one error of 300 cases leaves a verdict"
    usage = is_whole(judgement, without=[VICTIM])
    found = next(pair for pair in judgement["suites"][0]["comparison"]["pairs"] if pair["info"]["id"] == VICTIM)
    assert found["head"][0]["error_kind"] == kind
    assert (usage["retries"], found["change"]) == (attempts - 1, "error")
    assert "1 error" in sluice("report")[1]

    changed.misbehave = lambda body: None
    changed.calls.clear()
    code, judgement, _ = judged(sluice, "--retry-errors")
    usage = is_whole(judgement)
    assert len(changed.generations) == 1, "only what failed is asked"
    assert usage["retries"] == attempts, "what the first run tried counts, and so does asking again"


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param(float("nan"), marks=fault("NaN usage", "the answer counts, its tokens and price are unknown")),
        pytest.param(10**30, marks=fault("absurd usage", "the answer counts, its tokens and price are unknown")),
    ],
)
def test_usage_that_is_no_count_is_unknown(changed, sluice, usage):
    strike(changed, faults.message("word7", {"prompt_tokens": usage, "completion_tokens": usage}))
    code, judgement, _ = judged(sluice)
    assert code == 0
    is_whole(judgement)
    found = next(pair for pair in judgement["suites"][0]["comparison"]["pairs"] if pair["info"]["id"] == VICTIM)
    assert (found["head"][0]["prompt_tokens"], found["head"][0]["cost"]) == (None, None)


@fault("connect refused", "stop with exit code 4")
def test_nobody_listens(repository, sluice, hurry, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SLUICE_ENDPOINT", "http://127.0.0.1:9")
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    code, judgement, err = judged(sluice)
    assert (code, judgement) == (4, None)
    assert "could not be asked what it serves" in err


def meanwhile(server, then, after=150):
    """Do something as soon as the server has answered some."""

    def wait():
        until(lambda: len(server.generations) > after)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@fault("the server goes away in the middle", "stop with exit code 4")
def test_a_server_that_goes_away_stops_the_run_and_the_next_one_goes_on(changed, sluice, monkeypatch):
    changed.settings.latency = 0.005
    thread = meanwhile(changed, changed.stop)
    code, judgement, err = judged(sluice)
    thread.join()
    assert (code, judgement) == (4, None)
    assert "gave no answer to 8 cases in a row" in err
    with TgiServer(last_word) as second:
        monkeypatch.setenv("SLUICE_ENDPOINT", second.url)
        code, judgement, _ = judged(sluice)
        assert code == 0
        is_whole(judgement)
        assert len(second.generations) < 600 - 100, "what was answered is not asked again"


@fault("everything is refused with 429", "stop with exit code 4")
def test_a_server_that_refuses_everybody_stops_the_run(changed, sluice):
    changed.misbehave = lambda body: faults.overloaded("86400")
    code, judgement, err = judged(sluice)
    assert (code, judgement) == (4, None)
    assert "status 429, and asks to wait 86400 s" in err


@fault("the server restarts with another model", "stop with exit code 4")
def test_a_server_that_restarts_with_another_model_stops_the_run_uncounted(changed, sluice, monkeypatch):
    changed.settings.latency = 0.005
    other = TgiServer(
        lambda generation: "wrong", Settings(model_id="other/model"), port=int(changed.url.rpartition(":")[2])
    )

    def replace():
        changed.stop()
        other.start()

    thread = meanwhile(changed, replace)
    code, judgement, err = judged(sluice)
    thread.join()
    other.stop()
    assert (code, judgement) == (4, None)
    assert "other/model" in err and "is no longer the one that was asked first" in err
    assert other.calls, "it was there"
    with TgiServer(last_word) as right:
        monkeypatch.setenv("SLUICE_ENDPOINT", right.url)
        code, judgement, _ = judged(sluice)
    assert code == 0
    is_whole(judgement)


@fault("the model is exchanged behind open connections", "stop with exit code 4")
def test_answers_that_nobody_can_vouch_for_are_taken_back(repository, sluice, hurry, monkeypatch):  # noqa: F811
    """A server whose answers name no build; at the end it says that it is another one."""
    info = Settings().info()
    routes = {"/info": lambda _: http({**info, "version": None}), "/v1/chat/completions": said_by("wrong")}
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    with PlainServer(routes) as exchanged:
        exchanged.routes["/info"] = lambda _: http(
            {**info, "version": None, "model_sha": "f" * 40 if len(exchanged.bodies) > 300 else info["model_sha"]}
        )
        monkeypatch.setenv("SLUICE_ENDPOINT", exchanged.url)
        code, judgement, err = judged(sluice)
    assert (code, judgement) == (4, None)
    assert "revision was" in err
    with PlainServer({**routes, "/v1/chat/completions": said_by(None)}) as right:
        monkeypatch.setenv("SLUICE_ENDPOINT", right.url)
        code, judgement, err = judged(sluice)
    assert code == 0, err
    is_whole(judgement)


def said_by(text):
    """A chat route that always says the same, or the last word."""

    def answer(body):
        said = text or body["messages"][-1]["content"].split()[-1]
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        return http({"choices": [choice], "usage": None})

    return answer


@fault("an answer comes twice", "the copy answers nothing")
def test_copies_of_answers_answer_nothing(repository, sluice, hurry, monkeypatch):  # noqa: F811
    def twice(body):
        whole = said_by(None)(body)
        return [whole + whole]

    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    with PlainServer({"/info": lambda _: http(Settings().info()), "/v1/chat/completions": twice}) as server:
        monkeypatch.setenv("SLUICE_ENDPOINT", server.url)
        code, judgement, _ = judged(sluice)
    assert code == 0
    is_whole(judgement)


@fault("the wall clock jumps", "nothing: waits and budgets follow a clock that does not")
def test_a_wall_clock_that_jumps_moves_nothing(changed, sluice, monkeypatch):
    real, jumps = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: real() + (next(jumps) % 3 - 1) * 86_400)

    class Jumping(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(time.time(), tz)

    monkeypatch.setattr(transport, "datetime", Jumping)
    strike(changed, faults.overloaded(in_an_hour()), faults.overloaded("0.1"))
    started = time.monotonic()
    code, judgement, _ = judged(sluice)
    assert code == 0
    assert is_whole(judgement)["retries"] == 2
    assert time.monotonic() - started < 120
    assert 0 <= judgement["suites"][0]["usage"]["seconds"] < 120


def evaluate(root, url, **more):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "SLUICE_ENDPOINT": url, "CI": "true"}
    command = [sys.executable, "-m", "sluice.cli", "eval", "--complete", "--format", "json"]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300, **more)


@fault("disk full", "stop with exit code 4")
@pytest.mark.parametrize("most", [40_000, 90_000, 200_000])
def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(changed, repository, most):
    """No file may grow beyond a limit: the journal's append, or the cache's, fails as on a full disk."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    done = evaluate(repository, changed.url, preexec_fn=limit)
    assert done.returncode == 4, done.stderr
    assert "cannot write" in done.stderr and "Traceback" not in done.stderr
    done = evaluate(repository, changed.url)
    assert done.returncode == 0, done.stderr
    is_whole(json.loads(done.stdout))


@fault("two runners on one journal", "stop with exit code 4")
def test_the_second_runner_on_a_journal_stops(changed, repository, sluice):
    changed.held = True
    first = threading.Thread(target=lambda: evaluate(repository, changed.url))
    first.start()
    until(lambda: changed.active > 0)
    code, judgement, err = judged(sluice)
    changed.held = False
    first.join()
    assert (code, judgement) == (4, None)
    assert "another run is writing" in err and "wait for it" in err
    code, judgement, _ = judged(sluice)
    assert code == 0
    is_whole(judgement)
