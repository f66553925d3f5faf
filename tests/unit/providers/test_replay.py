"""Recorded answers."""

import json
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.builders import outcomes, provider_for, request

from sluice.errors import InvalidFiles
from sluice.providers.base import Completion, Failure, Identity
from sluice.providers.replay import ReplayProvider, read_recording, write_recording

IDENTITY = Identity("tgi", "acme/contract-1b", "f" * 40, "3.3.7", {"max_input_tokens": 1024}, {"docker_label": "sha-1"})
ANSWER = Completion("fine", "stop", 12, 3, 0.25, attempts=2)
BROKEN = Failure("timeout", "too late", 4)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "recording.jsonl"
    write_recording(path, IDENTITY, [(request("a"), ANSWER), (request("b"), BROKEN)])
    return path


def test_what_was_recorded_comes_back(recording):
    provider = ReplayProvider(recording)
    assert provider.identity() == IDENTITY
    assert list(chain.from_iterable(provider.run([[request("b"), request("a")], [], [request("a")]]))) == [
        (0, [BROKEN, ANSWER]),
        (1, []),
        (2, [ANSWER]),
    ]
    provider.close()


def test_a_request_that_was_not_recorded_says_what_to_do(recording):
    (outcome,) = outcomes(ReplayProvider(recording), request("a", max_tokens=65))
    assert outcome.kind == "data"
    assert "recording.jsonl" in outcome.message
    assert "record it again" in outcome.message


def test_lengths_are_the_recorded_ones_where_known(recording):
    assert ReplayProvider(recording).lengths([request("a"), request("b" * 40)]) == [12, 10]


def test_the_file_is_canonical(recording, tmp_path):
    other = tmp_path / "other.jsonl"
    write_recording(other, IDENTITY, [(request("b"), BROKEN), (request("a"), ANSWER)])
    assert other.read_bytes() == recording.read_bytes()
    assert recording.read_bytes().endswith(b"\n")
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    assert lines[0]["format"] == "sluice-recording/1"
    assert [list(line) for line in lines] == [sorted(line) for line in lines]
    assert not list(tmp_path.glob("*.partial"))


def test_the_last_outcome_of_a_request_is_kept(tmp_path):
    path = tmp_path / "r.jsonl"
    write_recording(path, IDENTITY, [(request("a"), BROKEN), (request("a"), ANSWER)])
    assert outcomes(ReplayProvider(path), request("a")) == [ANSWER]


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=30), latency=st.floats(0, 1e6), tokens=st.none() | st.integers(0, 10**6))
def test_any_outcome_survives(tmp_path_factory, text, latency, tokens):
    path = tmp_path_factory.mktemp("r") / "r.jsonl"
    outcome = Completion(text, None, tokens, tokens, latency)
    write_recording(path, IDENTITY, [(request(text), outcome)])
    assert outcomes(ReplayProvider(path), request(text)) == [outcome]


def test_a_recording_of_a_live_run_replays_it(tgi, tmp_path):
    requests = [request(f"case {index}") for index in range(6)]
    with provider_for(tgi()) as provider:
        live = outcomes(provider, *requests)
        identity = provider.identity()
    path = tmp_path / "live.jsonl"
    write_recording(path, identity, zip(requests, live, strict=True))
    replay = ReplayProvider(path)
    assert outcomes(replay, *requests) == live
    assert replay.identity() == identity


GOOD = '{"completion":{"finish_reason":null,"latency":0,"prompt_tokens":null,"completion_tokens":null,"text":"x"},'
KEY = '"request":"sha256:' + "0" * 64 + '"}'
HEADER = '{"format":"sluice-recording/1","identity":{"engine":"tgi","model":"m"}}'


@pytest.mark.parametrize(
    ("lines", "bad"),
    [
        ([], [1]),
        (['{"format":"sluice-recording/9","identity":{"engine":"tgi","model":"m"}}'], [1]),
        ([HEADER, "{"], [2]),
        ([HEADER, GOOD + KEY, GOOD + KEY], [3]),
        ([HEADER, "{" + KEY, GOOD + '"failure":{"kind":"data","message":"m"},' + KEY], [2, 3]),
        ([HEADER, GOOD + '"surplus":1,' + KEY, GOOD + '"request":"md5:0"}'], [2, 3]),
        ([HEADER, GOOD.replace('"latency":0', '"latency":-1') + KEY], [2]),
    ],
)
def test_every_bad_line_is_found(tmp_path, lines, bad):
    path = tmp_path / "r.jsonl"
    path.write_text("".join(line + "\n" for line in lines))
    with pytest.raises(InvalidFiles) as invalid:
        read_recording(path)
    assert [finding.line for finding in invalid.value.findings] == bad
    assert all(finding.path == str(path) for finding in invalid.value.findings)


def test_a_missing_file_is_a_finding(tmp_path):
    with pytest.raises(InvalidFiles):
        ReplayProvider(tmp_path / "missing.jsonl")
