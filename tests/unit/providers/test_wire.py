"""Bodies of requests and answers."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.builders import request

from sluice.providers.wire import AnswerInvalid, chat_body, decode_answer, describe_error, encode_request

SCHEMA = {"type": "object", "properties": {"label": {"type": "string"}}}


def answer(**message):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}


def decode(body, stop=()):
    return decode_answer(json.dumps(body).encode(), "application/json", stop)


def test_greedy_says_so_and_leaves_out_what_only_sampling_uses():
    body = chat_body(request("hello", max_tokens=5, top_p=0.5, seed=3), "tgi", "tgi")
    assert body == {
        "model": "tgi",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 5,
        "temperature": 0,
    }


def test_sampling_sends_its_fields_and_repeats_are_further_draws():
    body = chat_body(request("hello", temperature=0.7, top_p=0.9, seed=10, stop=("END",), repeat=2), "m", "tgi")
    assert (body["temperature"], body["top_p"], body["seed"], body["stop"]) == (0.7, 0.9, 12, ["END"])


def test_a_top_p_of_one_and_a_missing_seed_are_left_out():
    body = chat_body(request("hello", temperature=0.7, top_p=1.0), "m", "tgi")
    assert "top_p" not in body
    assert "seed" not in body


def test_the_largest_seed_stays_in_range():
    assert chat_body(request("x", temperature=1.0, seed=2**63 - 1, repeat=1), "m", "tgi")["seed"] == 0


def test_a_schema_in_each_dialect():
    assert chat_body(request("x", schema=SCHEMA), "m", "tgi")["response_format"] == {"type": "json", "value": SCHEMA}
    openai = chat_body(request("x", schema=SCHEMA), "m", "openai")["response_format"]
    assert openai["type"] == "json_schema"
    assert openai["json_schema"]["schema"] == SCHEMA


@settings(deadline=None)
@given(st.text(max_size=50))
def test_the_body_holds_the_text_as_it_is(text):
    assert json.loads(encode_request(request(text), "m", "tgi"))["messages"][0]["content"] == text


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(ValueError, match="surrogates not allowed"):
        encode_request(request("\ud800"), "m", "tgi")


def test_an_answer():
    decoded = decode(answer(content="fine"))
    assert (decoded.text, decoded.finish_reason) == ("fine", "stop")
    assert (decoded.prompt_tokens, decoded.completion_tokens) == (3, 2)


def test_an_answer_may_be_empty_where_the_server_says_so():
    assert decode(answer(content="")).text == ""


@pytest.mark.parametrize("count", [None, "12", 1.5, 12.0, True, -1, [3]])
def test_usage_that_is_no_whole_number_is_unknown(count):
    body = answer(content="x")
    body["usage"]["prompt_tokens"] = count
    decoded = decode(body)
    assert decoded.prompt_tokens is None
    assert decoded.completion_tokens == 2


@pytest.mark.parametrize("usage", [None, [], "many", 3])
def test_missing_usage_is_unknown(usage):
    decoded = decode({**answer(content="x"), "usage": usage})
    assert (decoded.prompt_tokens, decoded.completion_tokens) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {},
        {"choices": None},
        {"choices": []},
        {"choices": ["x"]},
        {"choices": [{}]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {}}]},
        answer(content=None),
        answer(content=["a"]),
        answer(tool_calls=[]),
    ],
)
def test_what_is_no_answer_never_becomes_an_empty_one(body):
    with pytest.raises(AnswerInvalid):
        decode(body)


@pytest.mark.parametrize("data", [b"", b"{", b'{"choices":[', b"<html>", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json(data):
    with pytest.raises(AnswerInvalid, match="not JSON"):
        decode_answer(data, "application/json", ())


def test_another_content_type():
    with pytest.raises(AnswerInvalid, match="text/html"):
        decode_answer(json.dumps(answer(content="x")).encode(), "text/html", ())


def test_an_error_with_status_200_is_quoted():
    with pytest.raises(AnswerInvalid, match="out of credit"):
        decode({"error": {"message": "out of credit"}})


def test_text_ends_before_the_first_stop_sequence_whatever_the_engine_leaves():
    assert decode(answer(content="one END two STOP"), ("STOP", "END")).text == "one "
    assert decode(answer(content="one"), ("STOP",)).text == "one"


def test_errors_are_described_on_one_line():
    body = json.dumps({"error": "first\nsecond\x1b[31m", "error_type": "validation"}).encode()
    assert describe_error(body, "application/json") == "first second [31m (validation)"
    assert describe_error(b'{"detail": "no such model"}', "application/json") == "no such model"
    assert describe_error(b"{", "application/json") == "{"
    assert describe_error(b"x" * 5000, "text/plain") == "x" * 300 + "…"
