"""What both servers must do: TGI's routes, bodies, headers, errors and limits, as Sluice relies on them."""

import concurrent.futures
import re

import pytest
from servers.builders import hub_model, provider_for, until
from servers.target import Target

from sluice.errors import CannotJudge

CHAT = "/v1/chat/completions"
USER = [{"role": "user", "content": "Name three colours of the rainbow, please."}]
COUNTERS = ("tgi_request_count", "tgi_request_success")
HISTOGRAMS = (
    "tgi_request_duration",
    "tgi_request_validation_duration",
    "tgi_request_queue_duration",
    "tgi_request_inference_duration",
    "tgi_request_mean_time_per_token_duration",
    "tgi_request_input_length",
    "tgi_request_generated_tokens",
    "tgi_request_max_new_tokens",
)
HEADERS = (
    "x-compute-type",
    "x-compute-time",
    "x-compute-characters",
    "x-total-time",
    "x-validation-time",
    "x-queue-time",
    "x-inference-time",
    "x-time-per-token",
    "x-prompt-tokens",
    "x-generated-tokens",
)


def chat(target, **fields):
    return target.post(CHAT, {"model": "tgi", "messages": USER, "max_tokens": 8, "temperature": 0, **fields})


def assert_invalid(answer, part=""):
    assert answer.status == 422
    body = answer.json()
    assert set(body) == {"error", "error_type"}
    assert body["error_type"] == "validation"
    assert part in body["error"]


# What it says of itself


def test_info(target):
    info = target.info()
    assert info["router"].startswith("text-generation-router")
    assert isinstance(info["model_id"], str)
    assert info["model_sha"] is None or re.fullmatch(r"[0-9a-f]{40}", info["model_sha"])
    assert re.match(r"\d+\.\d+\.\d+", info["version"])
    for limit in ("max_concurrent_requests", "max_stop_sequences", "max_input_tokens", "max_total_tokens"):
        assert isinstance(info[limit], int)
    assert info["max_input_tokens"] < info["max_total_tokens"]
    assert {"docker_label", "sha", "max_best_of", "max_client_batch_size", "validation_workers"} <= set(info)


def test_models(target):
    body = target.get("/v1/models").json()
    assert body["object"] == "list"
    assert [entry["id"] for entry in body["data"]] == [target.info()["model_id"]]


@pytest.mark.parametrize("path", ["/health", "/ping", "/"])
def test_health(target, path):
    assert target.get(path).status == 200


def test_metrics_by_name(target):
    assert chat(target).status == 200
    assert target.post("/generate", {"inputs": "Hello", "parameters": {"max_new_tokens": 4}}).status == 200
    text = target.get("/metrics").data.decode()
    for name in COUNTERS:
        assert re.search(rf"^{name} \d+", text, re.MULTILINE), name
    for name in HISTOGRAMS:
        assert re.search(rf"^{name}_(count|bucket)", text, re.MULTILINE), name
    assert re.search(r"^tgi_queue_size ", text, re.MULTILINE)
    assert re.search(r'^tgi_batch_inference_count\{method="prefill"\} \d+', text, re.MULTILINE)


def test_failures_are_counted_by_kind(target):
    assert_invalid(chat(target, top_p=1.0))
    assert re.search(
        r'^tgi_request_failure\{err="validation"\} \d+', target.get("/metrics").data.decode(), re.MULTILINE
    )


# Chat


def test_a_chat_completion(target):
    answer = chat(target)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert set(HEADERS) <= set(answer.headers)
    body = answer.json()
    assert body["object"] == "chat.completion"
    assert body["model"] == target.info()["model_id"]
    (choice,) = body["choices"]
    assert choice["index"] == 0
    assert choice["message"]["role"] == "assistant"
    assert isinstance(choice["message"]["content"], str)
    assert choice["finish_reason"] in {"stop", "length", "stop_sequence"}
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 1 <= usage["completion_tokens"] <= 8
    assert int(answer.headers["x-generated-tokens"]) == usage["completion_tokens"]


def test_temperature_zero_is_greedy_whatever_the_seed(target):
    texts = {chat(target, seed=seed).json()["choices"][0]["message"]["content"] for seed in (1, 2, 3)}
    assert len(texts) == 1


def test_a_seed_fixes_a_sample(target):
    fields = {"temperature": 1.0, "top_p": 0.9, "seed": 42}
    first, second = (chat(target, **fields).json()["choices"][0]["message"]["content"] for _ in range(2))
    assert first == second


def test_max_tokens_ends_with_length(target):
    choice = chat(target, max_tokens=1).json()
    assert choice["choices"][0]["finish_reason"] == "length"
    assert choice["usage"]["completion_tokens"] == 1


def test_the_stop_sequence_stays_in_the_text(target):
    words = chat(target).json()["choices"][0]["message"]["content"].split()
    stop = next((word for word in words if len(word) > 3 and word.isalpha()), None)
    if stop is None:
        pytest.skip("the model's answer has no word to stop at")
    choice = chat(target, stop=[stop]).json()["choices"][0]
    if target.real and choice["finish_reason"] != "stop_sequence":
        pytest.skip("the word crosses token boundaries in this model's tokenizer")
    assert choice["finish_reason"] == "stop_sequence"
    assert stop in choice["message"]["content"]


def test_a_stream(target):
    whole = chat(target).json()
    answer = chat(target, stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *chunks, done = answer.events()
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    parts = [choice for chunk in chunks for choice in chunk["choices"]]
    assert "".join(part["delta"]["content"] for part in parts) == whole["choices"][0]["message"]["content"]
    assert [part["finish_reason"] for part in parts][-1] == whole["choices"][0]["finish_reason"]
    assert all(part["finish_reason"] is None for part in parts[:-1])
    usage = next(chunk["usage"] for chunk in chunks if chunk.get("usage"))
    assert usage["completion_tokens"] == whole["usage"]["completion_tokens"]


def test_a_schema_is_a_grammar_and_needs_properties(target):
    schema = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
    assert chat(target, response_format={"type": "json", "value": schema}, max_tokens=32).status == 200
    assert_invalid(chat(target, response_format={"type": "json", "value": {"type": "string"}}), "properties")


@pytest.mark.parametrize("top_p", [0.0, 1.0, 1.5])
def test_top_p_lies_strictly_between_zero_and_one(target, top_p):
    assert_invalid(chat(target, temperature=0.5, top_p=top_p), "top_p")


def test_a_negative_temperature_is_invalid(target):
    assert_invalid(chat(target, temperature=-1.0), "temperature")


def test_no_tokens_are_not_asked_for(target):
    assert_invalid(chat(target, max_tokens=0), "max_new_tokens")


def test_stop_sequences_are_limited(target):
    most = target.info()["max_stop_sequences"]
    stops = [f"stop-{index}" for index in range(most + 1)]
    assert chat(target, stop=stops[:most]).status == 200
    assert_invalid(chat(target, stop=stops), str(most))


def test_input_and_total_are_limited(target):
    info = target.info()
    long = [{"role": "user", "content": "word " * (info["max_input_tokens"] + 10)}]
    assert_invalid(chat(target, messages=long, max_tokens=1))
    assert_invalid(chat(target, max_tokens=info["max_total_tokens"] + 1), str(info["max_total_tokens"]))


# Generate


def test_generate(target):
    answer = target.post(
        "/generate", {"inputs": "Hello there", "parameters": {"max_new_tokens": 4, "details": True, "do_sample": False}}
    )
    assert answer.status == 200
    assert set(HEADERS) <= set(answer.headers)
    body = answer.json()
    assert isinstance(body["generated_text"], str)
    details = body["details"]
    assert details["finish_reason"] in {"length", "eos_token", "stop_sequence"}
    assert details["generated_tokens"] == len(details["tokens"]) == int(answer.headers["x-generated-tokens"])
    assert details["seed"] is None


def test_generate_refuses_temperature_zero(target):
    assert_invalid(target.post("/generate", {"inputs": "Hello", "parameters": {"temperature": 0.0}}), "temperature")


def test_generate_refuses_an_empty_input(target):
    assert_invalid(target.post("/generate", {"inputs": "", "parameters": {"max_new_tokens": 4}}))


def test_generate_stream(target):
    parameters = {"max_new_tokens": 4, "details": True}
    events = target.post("/generate_stream", {"inputs": "Hello there you", "parameters": parameters}).events()
    assert [event["index"] for event in events] == list(range(1, len(events) + 1))
    assert all(event["generated_text"] is None for event in events[:-1])
    assert isinstance(events[-1]["generated_text"], str)
    assert events[-1]["details"]["generated_tokens"] == len(events)


def test_an_error_of_a_stream_is_an_event(target):
    answer = target.post("/generate_stream", {"inputs": "Hello", "parameters": {"temperature": 0.0}})
    assert answer.status == 200
    assert answer.events()[-1]["error_type"] == "validation"


def test_tokenize(target):
    tokens = target.post("/tokenize", {"inputs": "Hello there"}).json()
    assert tokens
    assert all({"id", "text", "start", "stop"} <= set(token) for token in tokens)


# Bodies


def test_a_missing_field(target):
    assert target.post(CHAT, {"model": "tgi", "max_tokens": 4}).status == 422
    target.expect_violation()


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": "4"},
        {"max_tokens": 1.5},
        {"max_tokens": -1},
        {"seed": -1},
        {"stop": [1]},
        {"temperature": "hot"},
        {"stream": "yes"},
        {"response_format": {"type": "text"}},
        {"messages": "Hello"},
    ],
)
def test_a_wrong_type(target, fields):
    assert chat(target, **fields).status == 422
    target.expect_violation()


def test_no_json(target):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {target.key}"}
    assert target.send("POST", CHAT, b'{"messages": [', headers).status == 400
    target.expect_violation()


def test_another_content_type(target):
    headers = {"Content-Type": "text/plain", "Authorization": f"Bearer {target.key}"}
    assert target.send("POST", CHAT, b"{}", headers).status == 415
    target.expect_violation()


def test_an_unknown_route(target):
    assert target.get("/v1/unknown").status == 404
    target.expect_violation()


def test_another_method(target):
    assert target.get("/generate").status == 405
    target.expect_violation()


def test_an_unknown_field_is_ignored_and_a_violation(target):
    assert chat(target, max_new_tokens=4).status == 200
    target.expect_violation()


# Limits that only the contract server can be brought to


def test_a_key_is_asked_for_on_generation_routes_only(tgi):
    server = tgi(api_key="Some-Key")
    guarded = Target(server.url, "some-KEY", real=False)
    for path in (CHAT, "/generate", "/generate_stream", "/tokenize", "/"):
        refused = guarded.post(path, {"inputs": "x", "messages": USER}, key=False)
        assert (refused.status, refused.data) == (401, b"")
    for path in ("/info", "/health", "/ping", "/metrics", "/v1/models", "/"):
        assert guarded.get(path).status == 200
    assert chat(guarded).status == 200


def test_an_unhealthy_server(tgi):
    server = tgi()
    server.healthy = False
    answer = Target(server.url, None, real=False).get("/health")
    assert answer.status == 503
    assert answer.json() == {"error": "unhealthy", "error_type": "healthcheck"}


def test_overload(tgi):
    server = tgi(max_concurrent_requests=2)
    target = Target(server.url, None, real=False)
    server.held = True
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        held = [pool.submit(chat, target) for _ in range(2)]
        until(lambda: server.active == 2)
        refused = [chat(target) for _ in range(3)]
        server.held = False
    assert [answer.result().status for answer in held] == [200, 200]
    for answer in refused:
        assert answer.status == 429
        assert answer.json() == {"error": "Model is overloaded", "error_type": "overloaded"}
    assert 'tgi_request_failure{err="overloaded"} 3' in target.get("/metrics").data.decode()


def test_a_payload_that_is_too_large(tgi):
    server = tgi(payload_limit=1000)
    assert chat(Target(server.url, None, real=False), guideline="x" * 2000).status == 413


# The provider


def test_a_server_that_is_another_is_refused(target):
    if target.info()["model_id"].startswith("/"):
        pytest.skip("this server serves a directory, whose name proves nothing")
    model = hub_model("nobody/has-this-model", "0" * 40)
    with (
        provider_for(target.url, model, api_key=target.key) as provider,
        pytest.raises(CannotJudge, match="nobody/has-this-model"),
    ):
        provider.identity()
