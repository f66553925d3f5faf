"""Our provider beside the reference client, against the same servers: the same body, the same answer."""

import random
from dataclasses import replace

import pytest
from huggingface_hub import InferenceClient
from servers import faults
from servers.builders import hub_model, outcomes, provider_for, request

from sluice.providers.base import Completion, Failure
from sluice.providers.retry import RetryPolicy, Timeouts

TEXT = "Name three colours of the rainbow, please."
PATIENT = Timeouts(connect=5, attempt=120, case=240)


@pytest.fixture
def model(target):
    """A model file for whatever answers there."""
    info = target.info()
    return hub_model(info["model_id"], info["model_sha"] or "0" * 40, context=info["max_total_tokens"])


@pytest.fixture
def reference(target):
    # Every client asks for a token; without one this library looks for the user's own.
    return InferenceClient(base_url=target.url, api_key=target.key or "none", timeout=120)


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_tokens": 8},
        {"max_tokens": 1},
        {"max_tokens": 8, "stop": ("colours",)},
        {"max_tokens": 8, "temperature": 0.8, "top_p": 0.9, "seed": 7},
        {"max_tokens": 8, "temperature": 1.0, "seed": 2**40},
    ],
)
def test_the_same_request_has_the_same_answer_and_the_same_body(target, model, reference, parameters):
    with provider_for(target.url, model, api_key=target.key, timeouts=PATIENT) as provider:
        (ours,) = outcomes(provider, request(TEXT, **parameters))
    given = {"temperature": 0.0, **parameters, "stop": list(parameters.get("stop", [])) or None}
    theirs = reference.chat_completion([{"role": "user", "content": TEXT}], **given)
    assert isinstance(ours, Completion)
    text = theirs.choices[0].message.content
    for stop in parameters.get("stop", ()):
        text = text.partition(stop)[0]  # the provider cuts it, as other engines do
    assert ours.text == text
    assert ours.finish_reason == theirs.choices[0].finish_reason
    assert (ours.prompt_tokens, ours.completion_tokens) == (theirs.usage.prompt_tokens, theirs.usage.completion_tokens)
    if target.contract is not None:
        first, second = (call.body for call in target.contract.generations)
        addressing = {"model", "stream"}
        assert {key: value for key, value in first.items() if key not in addressing} == {
            key: value for key, value in second.items() if key not in addressing
        }


def test_a_streamed_answer_with_log_probabilities_is_the_reference_clients(target, model, reference):
    asked = replace(request(TEXT, max_tokens=8), wants=("first_token", "logprobs"))
    with provider_for(target.url, model, api_key=target.key, timeouts=PATIENT) as provider:
        (ours,) = outcomes(provider, asked)
    chunks = list(
        reference.chat_completion(
            [{"role": "user", "content": TEXT}],
            max_tokens=8,
            temperature=0.0,
            logprobs=True,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert ours.text == "".join(choice.delta.content or "" for choice in choices)
    assert ours.finish_reason == next(choice.finish_reason for choice in choices if choice.finish_reason)
    logprobs = [token.logprob for choice in choices if choice.logprobs for token in choice.logprobs.content]
    assert list(ours.logprobs or ()) == pytest.approx(logprobs)
    usage = next(chunk.usage for chunk in chunks if chunk.usage)
    assert (ours.prompt_tokens, ours.completion_tokens) == (usage.prompt_tokens, usage.completion_tokens)
    if target.contract is not None:
        first, second = (call.body for call in target.contract.generations)
        assert {**first, "model": None} == {**second, "model": None}


def test_a_schema_gives_the_same_answer(target, model, reference):
    schema = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
    with provider_for(target.url, model, api_key=target.key, timeouts=PATIENT) as provider:
        (ours,) = outcomes(provider, request(TEXT, schema=schema))
    theirs = reference.chat_completion(
        [{"role": "user", "content": TEXT}],
        max_tokens=64,
        temperature=0.0,
        response_format={"type": "json", "value": schema},
    )
    assert ours.text == theirs.choices[0].message.content


def test_the_identity_is_what_info_says(target, model):
    info = target.info()
    with provider_for(target.url, model, api_key=target.key) as provider:
        identity = provider.identity()
    assert (identity.engine, identity.model, identity.revision) == ("tgi", info["model_id"], info["model_sha"])
    assert identity.limits["max_input_tokens"] == info["max_input_tokens"]


def test_a_refused_request_is_a_failure_and_the_others_are_answered(target, model):
    most = target.info()["max_stop_sequences"]
    too_many = tuple(f"stop-{index}" for index in range(most + 1))
    with provider_for(target.url, model, api_key=target.key, timeouts=PATIENT) as provider:
        bad, good = outcomes(provider, request(TEXT, stop=too_many), request(TEXT))
    assert isinstance(bad, Failure)
    assert bad.attempts == 1
    assert "stop" in bad.message
    assert isinstance(good, Completion)


def test_many_at_once_are_all_answered(target, model):
    with provider_for(target.url, model, api_key=target.key, timeouts=PATIENT, concurrency=64) as provider:
        results = outcomes(provider, *[request(f"Count to {number}.", max_tokens=4) for number in range(200)])
    assert all(isinstance(outcome, Completion) for outcome in results)


def test_a_storm_of_faults_changes_no_answer(tgi):
    """Every third call fails in one of the ways that may pass: all cases are answered, and answered as asked."""
    server = tgi()
    storm = [faults.overloaded("0"), faults.error(503), faults.reset(), faults.reset_mid_body(), faults.error(408)]
    script = [faults.Fault(honest=True)] * 400 + storm * 40
    random.Random(5).shuffle(script)  # in a fixed rhythm a case that waits for its turn could meet none but faults
    server.script(*script)
    policy = RetryPolicy(attempts=10, base=0.001, cap=0.01)
    with provider_for(server, retries=policy, concurrency=16) as provider:
        results = outcomes(provider, *[request(f"case number {index}") for index in range(300)])
    assert [getattr(o, "text", o) for o in results] == [f"case number {index}" for index in range(300)]
    assert sum(outcome.attempts > 1 for outcome in results) > 50
