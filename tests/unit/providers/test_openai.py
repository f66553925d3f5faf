"""The provider against the contract server: outcomes, faults, retries, budgets, breaking and cancelling."""

import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import chain, zip_longest

import pytest
from servers import faults
from servers.builders import IMPATIENT, embedded_model, hub_model, outcomes, provider_for, request, until
from servers.tgi_contract import GENERATION, INCOMPLETE, Settings

from sluice.errors import CannotJudge
from sluice.providers.base import Completion, Failure
from sluice.providers.openai import OpenAIProvider
from sluice.providers.retry import RetryPolicy, Timeouts

SECRET = "s3cret-key-of-the-team"
CLOSED = "http://127.0.0.1:9"


def one(provider, text="one two three", **parameters):
    return outcomes(provider, request(text, **parameters))[0]


# Answers


def test_an_answer_with_all_that_is_known_of_it(tgi):
    server = tgi(latency=0.05)
    with provider_for(server) as provider:
        outcome = one(provider)
    assert isinstance(outcome, Completion)
    assert (outcome.text, outcome.finish_reason, outcome.completion_tokens) == ("one two three", "stop", 3)
    assert outcome.prompt_tokens > 3
    assert outcome.attempts == 1
    assert 0.05 <= outcome.latency < 60


def test_batches_keep_their_order_and_end_as_they_complete(tgi):
    server = tgi(latency=0.01)
    batches = [[request(f"b{batch} c{case}") for case in range(batch)] for batch in range(5)]
    with provider_for(server, concurrency=4) as provider:
        results = dict(chain.from_iterable(provider.run(batches)))
    assert {index: [outcome.text for outcome in batch] for index, batch in results.items()} == {
        batch: [f"b{batch} c{case}" for case in range(batch)] for batch in range(5)
    }


def test_no_batches_and_empty_batches(tgi):
    with provider_for(tgi()) as provider:
        assert list(provider.run([])) == []
        assert dict(chain.from_iterable(provider.run([[], [request("a")], []]))).keys() == {0, 1, 2}


def test_a_finished_batch_comes_out_while_others_run(tgi):
    server = tgi()
    server.script(faults.Fault(honest=True), faults.delay(600))
    with provider_for(server, concurrency=2) as provider:
        run = provider.run([[request("same")], [request("same")]])
        assert next(run)[0][1][0].text == "same"
        run.close()


def test_at_most_the_given_number_is_in_flight(tgi):
    server = tgi()
    server.held = True
    with provider_for(server, concurrency=5) as provider:
        run = provider.run([[request(f"case {index}")] for index in range(40)])
        release = threading.Thread(target=lambda: (until(lambda: server.active == 5), setattr(server, "held", False)))
        release.start()
        assert len(list(chain.from_iterable(run))) == 40
        release.join()
    assert server.peak == 5
    assert len(server.generations) == 40


def test_the_servers_own_limit_bounds_the_calls_in_flight(tgi):
    server = tgi(latency=0.01, max_concurrent_requests=3)
    with provider_for(server, concurrency=16) as provider:
        results = outcomes(provider, *[request(f"case {index}") for index in range(24)])
    assert server.peak <= 3
    assert [outcome.attempts for outcome in results] == [1] * 24


def test_requests_are_sent_in_the_plans_order(tgi):
    server = tgi()
    with provider_for(server, concurrency=1) as provider:
        outcomes(provider, *[request(f"case {index}") for index in range(10)])
    assert [call.body["messages"][0]["content"] for call in server.generations] == [f"case {n}" for n in range(10)]


def test_finish_reasons_and_stop_sequences(tgi):
    with provider_for(tgi()) as provider:
        cut = one(provider, max_tokens=2)
        stopped = one(provider, "one two STOP three", stop=("STOP",))
    assert (cut.text, cut.finish_reason) == ("one two", "length")
    assert (stopped.text, stopped.finish_reason) == ("one two ", "stop_sequence")


def test_seeds_and_repeats(tgi):
    text = "a b c d e f g h i j k l"
    with provider_for(tgi()) as provider:
        first, again, repeat, other = outcomes(
            provider,
            request(text, temperature=1.0, seed=1),
            request(text, temperature=1.0, seed=1),
            request(text, temperature=1.0, seed=1, repeat=1),
            request(text, temperature=1.0, seed=2),
        )
        greedy = {outcome.text for outcome in outcomes(provider, *[request(text, seed=n) for n in range(4)])}
    assert first.text == again.text
    assert repeat.text == other.text != first.text
    assert greedy == {text}


def test_a_schema_reaches_the_engine_and_a_bad_one_is_its_failure(tgi):
    server = tgi()
    schema = {"type": "object", "properties": {"label": {"type": "string"}}}
    with provider_for(server) as provider:
        good, bad = outcomes(provider, request("x", schema=schema), request("x", schema={"type": "string"}))
    assert isinstance(good, Completion)
    assert isinstance(bad, Failure)
    assert "properties" in bad.message


def test_lengths_are_an_estimate(tgi):
    with provider_for(tgi()) as provider:
        assert provider.lengths([request("x" * 400), request("")]) == [100, 0]


# Failures


@pytest.mark.parametrize(
    "fault",
    [
        faults.truncated_json(),
        faults.wrong_content_type(),
        faults.empty_choices(),
        faults.message(None),
        faults.message(["part"]),
        faults.raw(b""),
        faults.raw(b"null"),
        faults.raw(b"{}", status=204),
        faults.raw(b"{}", status=302),
        faults.raw(b'{"error": "no credit"}'),
    ],
)
def test_what_is_no_answer_is_a_failure_at_once(tgi, fault):
    server = tgi()
    server.script(fault)
    with provider_for(server) as provider:
        outcome = one(provider)
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.attempts) == ("provider", 1)
    assert len(server.generations) == 1


@pytest.mark.parametrize("status", [400, 404, 413, 422, 424])
def test_errors_that_stay_are_not_tried_again(tgi, status):
    server = tgi()
    server.script(faults.error(status, "the reason", "some_type"))
    with provider_for(server) as provider:
        outcome = one(provider)
    assert outcome == Failure("provider", f"status {status}: the reason (some_type)", 1)
    assert len(server.generations) == 1


def test_validation_errors_of_the_engine_are_quoted(tgi):
    with provider_for(tgi()) as provider:
        long = one(provider, "word " * 1100)
        many = one(provider, stop=("a1", "b1", "c1", "d1", "e1"))
    assert "1024" in long.message
    assert long.kind == "provider"
    assert "stop sequences" in many.message


@pytest.mark.parametrize("error", [GENERATION, INCOMPLETE])
def test_errors_of_a_generation(tgi, error):
    with provider_for(tgi(answer=lambda generation: error)) as provider:
        outcome = one(provider)
    assert outcome.kind == "provider"
    assert error.error in outcome.message
    assert outcome.attempts == (1 if error is GENERATION else IMPATIENT.attempts)


@pytest.mark.parametrize(
    "fault",
    [
        faults.error(408),
        faults.error(500),
        faults.error(502),
        faults.error(503),
        faults.overloaded(),
        faults.overloaded("0"),
        faults.overloaded("soon"),
        faults.reset(),
        faults.reset_mid_body(),
    ],
)
def test_what_may_succeed_later_is_tried_again(tgi, fault):
    server = tgi()
    server.script(fault, fault)
    with provider_for(server) as provider:
        outcome = one(provider)
    assert isinstance(outcome, Completion)
    assert (outcome.text, outcome.attempts) == ("one two three", 3)
    assert len(server.generations) == 3


def test_latency_is_that_of_the_attempt_that_succeeded(tgi):
    server = tgi()
    server.script(faults.Fault(status=503, delay=1.0))
    with provider_for(server) as provider:
        outcome = one(provider)
    assert outcome.attempts == 2
    assert outcome.latency < 1.0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(faults.overloaded(), "rate_limit"), (faults.error(503), "provider"), (faults.error(408), "timeout")],
)
def test_attempts_end_and_the_last_error_names_the_kind(tgi, fault, kind):
    server = tgi()
    server.script(*[fault] * 10)
    with provider_for(server) as provider:
        outcome = one(provider)
    assert (outcome.kind, outcome.attempts) == (kind, IMPATIENT.attempts)
    assert len(server.generations) == IMPATIENT.attempts


def test_retry_after_is_waited_for_and_clamped(tgi):
    server = tgi()
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.script(faults.overloaded("0.2"), faults.overloaded("86400"), faults.overloaded(in_an_hour))
    with provider_for(server) as provider:
        started = time.monotonic()
        outcome = one(provider)
        waited = time.monotonic() - started
    assert outcome.attempts == 4
    assert 0.2 + 0.3 + 0.3 <= waited < 60


def test_a_slow_attempt_times_out_and_is_tried_again(tgi):
    server = tgi()
    server.script(faults.delay(600))
    with provider_for(server, timeouts=Timeouts(attempt=1.0)) as provider:
        outcome = one(provider)
    assert isinstance(outcome, Completion)
    assert outcome.attempts == 2


@pytest.mark.parametrize("fault", [faults.delay(600), faults.slow_loris(0.5, pieces=1000)])
def test_a_case_has_a_total_budget(tgi, fault):
    server = tgi()
    server.script(*[fault] * 100)
    endless = RetryPolicy(attempts=10_000, base=0.001, cap=0.001)
    with provider_for(server, retries=endless, timeouts=Timeouts(attempt=0.1, case=0.6)) as provider:
        provider._know()
        outcome = one(provider)
    assert outcome.kind == "timeout"
    assert 1 <= outcome.attempts <= 7


def test_a_budget_is_not_spent_on_waiting_for_nothing(tgi):
    server = tgi()
    server.script(*[faults.overloaded("60")] * 5)
    policy = RetryPolicy(attempts=5, base=0.01, retry_after_cap=60)
    with provider_for(server, retries=policy, timeouts=Timeouts(case=50)) as provider:
        started = time.monotonic()
        outcome = one(provider)
    assert (outcome.kind, outcome.attempts) == ("rate_limit", 1)
    assert time.monotonic() - started < 40


def test_text_that_is_no_unicode_is_the_datas_failure_and_is_not_sent(tgi):
    server = tgi()
    with provider_for(server) as provider:
        bad, good = outcomes(provider, request("\ud800"), request("fine"))
    assert bad.kind == "data"
    assert good.text == "fine"
    assert len(server.generations) == 1


def test_an_overloaded_server_is_asked_less(tgi):
    """Other clients hold the server's places: refusals must not use up the attempts of every case."""
    server = tgi(latency=0.01, max_concurrent_requests=4)
    server.settings.info = lambda: {**Settings().info(), "max_concurrent_requests": 32}
    policy = RetryPolicy(attempts=10, base=0.02, cap=0.2)
    with provider_for(server, concurrency=32, retries=policy) as provider:
        results = outcomes(provider, *[request(f"case {index}") for index in range(200)])
    refused = len(server.generations) - 200
    assert all(isinstance(outcome, Completion) for outcome in results)
    assert refused < 200


# Who answers


def test_the_identity_is_asked_for_before_after_the_first_answer_and_at_the_end(tgi):
    server = tgi()
    with provider_for(server) as provider:
        assert provider.identity() is provider.identity()
        outcomes(provider, *[request(f"case {index}") for index in range(100)])
    asked = [index for index, call in enumerate(server.calls) if call.path == "/info"]
    assert asked[0] == 0 and asked[-1] == len(server.calls) - 1
    assert 3 <= len(asked) <= 6, "as often as connections were opened together"


def test_nothing_is_asked_of_a_server_that_is_not_the_one_named(tgi):
    server = tgi(model_id="other/model")
    with provider_for(server) as provider, pytest.raises(CannotJudge, match="other/model"):
        one(provider)
    assert server.generations == []


def test_weights_of_the_repository_behind_a_directory(tgi):
    with provider_for(tgi(model_id="/data/small", model_sha=None), embedded_model()) as provider:
        assert provider.identity().model == "/data/small"
        assert one(provider).text == "one two three"


@pytest.mark.parametrize("endpoint", ["", "/", "/v1", "/v1/"])
def test_the_endpoint_with_or_without_v1(tgi, endpoint):
    server = tgi()
    with provider_for(server.url + endpoint) as provider:
        assert one(provider).text == "one two three"


def test_nobody_listens():
    with provider_for(CLOSED) as provider, pytest.raises(CannotJudge, match="could not be asked") as error:
        provider.identity()
    assert CLOSED in str(error.value)


# Keys and breaking


def test_a_key_is_sent(tgi):
    with provider_for(tgi(api_key=SECRET), api_key=SECRET) as provider:
        assert one(provider).text == "one two three"


@pytest.mark.parametrize(("key", "said"), [(None, "no key was given"), ("wrong", "the key was refused")])
def test_refused_keys_break_the_run(tgi, key, said):
    server = tgi(api_key=SECRET)
    with provider_for(server, api_key=key, concurrency=2) as provider:
        run = provider.run([[request(f"case {index}")] for index in range(50)])
        with pytest.raises(CannotJudge, match=said) as error:
            list(run)
    assert "SLUICE_API_KEY" in str(error.value)
    assert len(server.generations) <= 4


def test_refusals_between_answers_do_not_break_the_run(tgi):
    server = tgi()
    for _ in range(5):
        server.script(faults.error(403), faults.error(401), faults.Fault(honest=True))
    with provider_for(server, concurrency=1) as provider:
        results = outcomes(provider, *[request(f"case {index}") for index in range(15)])
    assert sum(isinstance(outcome, Failure) for outcome in results) == 10


def test_a_server_that_goes_away_breaks_the_run(tgi):
    server = tgi()
    with provider_for(server, concurrency=3) as provider:
        provider.identity()
        server.stop()
        with pytest.raises(CannotJudge, match="3 cases in a row"):
            outcomes(provider, *[request(f"case {index}") for index in range(50)])


def test_a_key_is_in_no_message_and_no_repr(tgi):
    server = tgi()
    leak = json.dumps({"error": f"bad key {SECRET}", "error_type": "x"}).encode()
    server.script(
        faults.raw(leak, status=400),
        faults.raw(("x" * 290 + SECRET).encode(), status=400, content_type="text/plain"),
        faults.raw(leak),
        faults.raw(b"{}", content_type=f"text/{SECRET}"),
    )
    with provider_for(server, api_key=SECRET, concurrency=1) as provider:
        results = outcomes(provider, *[request(f"case {index}") for index in range(4)])
        shown = repr(results) + repr(provider) + str(provider)
    assert all(isinstance(outcome, Failure) for outcome in results)
    assert "***" in shown
    assert not any(SECRET[:length] in shown for length in range(6, len(SECRET) + 1))


def test_a_redirect_is_not_followed_with_the_key(tgi):
    server, elsewhere = tgi(), tgi()
    server.script(faults.Fault(status=307, headers={"Location": elsewhere.url + "/v1/chat/completions"}))
    with provider_for(server, api_key=SECRET) as provider:
        assert one(provider).message.startswith("status 307")
    assert elsewhere.calls == []


# Life


def test_closing_a_run_cancels_what_is_in_flight(tgi):
    server = tgi()
    with provider_for(server, concurrency=4) as provider:
        run = provider.run([[request(f"case {index}")] for index in range(5000)])
        next(run)
        server.held = True
        run.close()
        sent = len(server.generations)
        server.held = False
        until(lambda: server.active == 0)
        assert len(server.generations) <= sent + 4 < 5000


def test_two_runs_of_one_provider_at_once(tgi):
    server = tgi(latency=0.01)
    with provider_for(server, concurrency=4) as provider:
        base = provider.run([[request(f"base {index}")] for index in range(20)])
        head = provider.run([[request(f"head {index}")] for index in range(20)])
        answered = chain.from_iterable(zip_longest(base, head, fillvalue=[]))
        assert len(list(chain.from_iterable(answered))) == 40


def test_a_provider_can_be_used_again_and_leaves_no_thread(tgi):
    before = threading.active_count()
    server = tgi()
    with provider_for(server) as provider:
        assert one(provider).text == "one two three"
        provider.close()
        assert one(provider).text == "one two three"
    assert threading.active_count() == before + 1  # the server's


def test_the_answers_are_timed_while_the_caller_works(tgi):
    server = tgi()
    with provider_for(server, concurrency=1) as provider:
        latencies = []
        for _, batch in chain.from_iterable(provider.run([[request(f"case {index}")] for index in range(3)])):
            latencies.append(batch[0].latency)
            time.sleep(0.5)
    assert min(latencies[1:]) < 0.4


def test_the_package_does_not_import_an_http_library():
    code = "import sys, sluice.providers, sluice.providers.base; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_is_a_provider():
    with provider_for(CLOSED, hub_model()) as provider:
        assert isinstance(provider, OpenAIProvider)
        assert provider.batch_size == 1
