"""Server-sent events put together again: whatever the pieces, the same answer; whatever is missing, no answer."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import faults
from servers.builders import hub_model, outcomes, provider_for, request
from servers.sockets import PlainServer, http, models

from sluice.providers.base import Completion
from sluice.providers.stream import Assembly, StreamBroken
from sluice.providers.wire import decode_answer


def chunk(content=None, reason=None, **more):
    delta = {"role": "assistant", **({} if content is None else {"content": content})}
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"model": "m", "system_fingerprint": "b", "choices": [choice], **more}


USAGE = {"model": "m", "choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}
EVENTS = [chunk(""), chunk("Ünïcode "), chunk("text"), chunk("", "stop"), USAGE]


def wire(events, end="\n", done=True):
    said = [": a comment" + end, *(f"data: {json.dumps(event)}{end}{end}" for event in events)]
    return "".join([*said, f"data: [DONE]{end}{end}" if done else ""]).encode()


def assembled(data, cuts=()):
    assembly = Assembly()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, stop in pairwise(edges):
        assembly.feed(data[start:stop])
    status, body = assembly.whole()
    return status, decode_answer(body, "application/json", ()) if status == 200 else json.loads(body)


@given(st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 10_000), max_size=12))
def test_every_cut_and_every_line_ending_gives_the_same_answer(end, cuts):
    status, answer = assembled(wire(EVENTS, end), cuts)
    assert (status, answer.text, answer.finish_reason) == (200, "Ünïcode text", "stop")
    assert (answer.prompt_tokens, answer.completion_tokens, answer.model, answer.build) == (4, 2, "m", "b")


def test_an_event_of_several_lines_and_an_end_without_a_blank_line():
    data = b'data: {"choices": [{"index": 0, "delta": {"content": "x"},\ndata: "finish_reason": "stop"}]}\n'
    assert assembled(data)[1].text == "x"


@given(st.integers(0, len(wire(EVENTS[:3], done=False))))
def test_a_stream_that_ends_before_its_answer_is_broken(cut):
    with pytest.raises(StreamBroken):
        assembled(wire(EVENTS[:3], done=False)[:cut])


@pytest.mark.parametrize("event", ["data: {\n\n", "data: 3\n\n", "data: <html>\n\n"])
def test_what_is_no_event_is_broken(event):
    with pytest.raises(StreamBroken):
        assembled(event.encode())


@pytest.mark.parametrize(
    ("kind", "status"), [("overloaded", 429), ("generation", 424), ("incomplete_generation", 500), ("else", 500)]
)
def test_an_error_in_a_stream_is_the_error_that_it_would_be_without(kind, status):
    said = {"error": "why", "error_type": kind}
    assert assembled(wire([*EVENTS[:2], said])) == (status, said)


# Through the provider


def wanting(text, *wants):
    return replace(request(text), wants=wants)


def test_only_what_is_wanted_is_asked_for_and_given(tgi):
    server = tgi()
    with provider_for(server, concurrency=1) as provider:
        plain, both, logprobs = outcomes(
            provider, request("a b"), wanting("a b", "first_token", "logprobs"), wanting("a b", "logprobs")
        )
    bodies = [call.body for call in server.generations]
    assert not {"stream", "logprobs"} & bodies[0].keys()
    assert bodies[1]["stream"] is bodies[1]["logprobs"] is True and "stream" not in bodies[2]
    assert plain.text == both.text == logprobs.text == "a b"
    assert (plain.prompt_tokens, plain.completion_tokens) == (both.prompt_tokens, both.completion_tokens)
    assert plain.finish_reason == both.finish_reason
    assert (plain.first_token, plain.logprobs, logprobs.first_token) == (None, None, None)
    assert both.logprobs == logprobs.logprobs == (-0.25, -0.25)
    assert 0 < both.first_token <= both.latency


def test_the_address_of_a_request_says_what_it_wants():
    digests = {
        wanting("x", *wants).digest() for wants in [(), ("logprobs",), ("first_token",), ("first_token", "logprobs")]
    }
    assert len(digests) == 4


def test_a_first_token_is_timed_when_it_comes():
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

    def slowly(body):
        first, rest = wire(EVENTS[:2], done=False), wire(EVENTS[2:])
        return [head, 0.2, first, 0.4, rest]

    with (
        PlainServer({"/v1/models": models(), "/v1/chat/completions": slowly}, closes=True) as server,
        provider_for(server.url, hub_model(engine="vllm")) as provider,
    ):
        outcome = outcomes(provider, wanting("x", "first_token"))[0]
    assert outcome.text == "Ünïcode text"
    assert 0.2 <= outcome.first_token < outcome.latency - 0.3


def test_a_stream_that_breaks_is_retried(tgi):
    server = tgi()
    half = wire(EVENTS[:2], done=False)
    server.script(
        faults.Fault(body=half, content_type="text/event-stream"),
        faults.Fault(body=half + b"x" * 99, sent=len(half), content_type="text/event-stream"),
        faults.Fault(
            body=wire([{"error": "Model is overloaded", "error_type": "overloaded"}]), content_type="text/event-stream"
        ),
    )
    with provider_for(server) as provider:
        outcome = outcomes(provider, wanting("a b", "first_token"))[0]
    assert isinstance(outcome, Completion)
    assert (outcome.text, outcome.attempts) == ("a b", 4)


def test_a_server_that_does_not_stream_gives_an_answer_without_the_time():
    def whole(body):
        choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
        return http({"choices": [choice]})

    with (
        PlainServer({"/v1/models": models(), "/v1/chat/completions": whole}) as server,
        provider_for(server.url, hub_model(engine="vllm")) as provider,
    ):
        outcome = outcomes(provider, wanting("x", "first_token"))[0]
    assert (outcome.text, outcome.first_token) == ("x", None)


@pytest.mark.parametrize(
    "content", [[], [{"logprob": float("nan")}], [{"logprob": -1}, {}], [{"logprob": 3}], "x", None]
)
def test_log_probabilities_that_are_none_are_not_given(content):
    choice = {"index": 0, "message": {"content": "x"}, "logprobs": {"content": content}}
    body = json.dumps({"choices": [choice]}).encode()
    assert decode_answer(body, "application/json", ()).logprobs is None
