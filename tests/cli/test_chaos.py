"""A run through a storm of random faults equals the run in calm, case by case. The seed is in every message."""

import json
import random

import pytest
from miniature import edit_prompt, miniature
from servers.chaos import Chaos
from servers.hasty import hurry  # noqa: F401 - the fixture is used by name
from servers.tgi_contract import text_of

from sluice.providers.retry import RetryPolicy, Timeouts


def moody(generation):
    """Answer right, wrong, or at length, as the question decides: what comes of it differs from case to case."""
    question, system = text_of(generation.messages[-1]), text_of(generation.messages[0])
    number = int(question.split()[-2])
    if number % 11 == 0 or ("very" in system and number % 37 == 0):
        return "no idea"
    return " ".join([*question.split()[: number % 5], question.split()[-1]])


def told(judgement):
    """All that is judged, without what time and retries decide."""
    suite = judgement["suites"][0]
    cases = {}
    for pair in suite["comparison"]["pairs"]:
        for side in ("base", "head"):
            for result in pair[side]:
                kept = {key: value for key, value in result.items() if key not in ("latency", "attempts")}
                cases[pair["info"]["id"], side, result["repeat"]] = kept
        cases[pair["info"]["id"]] = pair["change"]
    usage = {key: value for key, value in suite["usage"].items() if key not in ("retries", "seconds")}
    return judgement["verdict"], usage, cases


def run(root, server, sluice, monkeypatch, count):
    root.mkdir()
    miniature(root, count=count, suite={"gates": {"correct": {"max_drop": 0.2}}})
    edit_prompt(root, "Answer with the last word.\nBe very brief.")
    monkeypatch.chdir(root)
    monkeypatch.setenv("SLUICE_ENDPOINT", server.url)
    monkeypatch.setenv("CI", "true")
    code, out, err = sluice("eval", "--complete", "--format", "json")
    assert out, err
    return code, json.loads(out)


def storm(tmp_path, tgi, sluice, monkeypatch, hurry, count, share, seed):  # noqa: F811
    hurry(Timeouts(attempt=0.25), RetryPolicy(attempts=12, base=0.002, cap=0.02, retry_after_cap=0.02))
    server = tgi(moody)
    calm_code, calm = run(tmp_path / "calm", server, sluice, monkeypatch, count)
    usage = calm["suites"][0]["usage"]
    assert usage["calls"] == 2 * count == len(server.generations) - usage["retries"]
    server.misbehave = chaos = Chaos(seed, share)
    code, judgement = run(tmp_path / "storm", server, sluice, monkeypatch, count)
    assert (code, told(judgement)) == (calm_code, told(calm)), f"seed {seed}"
    asked = sum(chaos.met.values())
    retries = judgement["suites"][0]["usage"]["retries"]
    assert asked == 2 * count + retries, f"seed {seed}: every retry is counted"
    assert retries > share * count, f"seed {seed}"
    assert chaos.played >= retries, f"seed {seed}"
    return asked


def test_a_small_storm(tmp_path, tgi, sluice, monkeypatch, hurry):  # noqa: F811
    assert storm(tmp_path, tgi, sluice, monkeypatch, hurry, 200, 0.45, seed=random.randrange(10**6)) >= 500


@pytest.mark.slow
def test_a_storm_of_twenty_thousand_requests(tmp_path, tgi, sluice, monkeypatch, hurry):  # noqa: F811
    seed = random.randrange(10**6)
    assert storm(tmp_path, tgi, sluice, monkeypatch, hurry, 6000, 0.5, seed) >= 20_000, f"seed {seed}"
