"""Assertions about what an answer brings beside its text: the server is asked for it only where one reads it."""

import json

from miniature import SUITE, edit_prompt, miniature, write


def judged(sluice):
    code, out, err = sluice("eval", "--base", "HEAD", "--format", "json", "--complete")
    assert out, err
    return code, json.loads(out)


def test_the_time_to_the_first_token_and_perplexity_are_asked_for_where_they_are_read(
    tmp_path, monkeypatch, server, sluice
):
    assertions = [
        *SUITE["assertions"],
        {"metric": "prompt_start", "type": "ttft", "threshold": 60_000},
        # e to the power of a quarter
        {"metric": "sure", "type": "perplexity", "threshold": 1.2841},
        {"metric": "sure", "type": "not-perplexity", "threshold": 1.2839},
    ]
    gates = {"correct": {"max_drop": 0.2}, "prompt_start": {"max_drop": 0.2}, "sure": {"max_drop": 0.2}}
    miniature(tmp_path, count=60, suite={"assertions": assertions, "gates": gates})
    monkeypatch.chdir(tmp_path)
    edit_prompt(tmp_path, "Answer with the last word.\nBe very brief.")
    code, judgement = judged(sluice)
    assert code == 0
    assert all(call.body["stream"] and call.body["logprobs"] for call in server.generations)
    for pair in judgement["suites"][0]["comparison"]["pairs"]:
        metrics = pair["head"][0]["metrics"]
        assert metrics["prompt_start"]["passed"] and metrics["sure"]["passed"]
    asked = len(server.generations)
    code, judgement = judged(sluice)
    assert code == 0 and len(server.generations) == asked, "journal and cache keep what was read"

    write(tmp_path, "evals/answer.yaml", {**SUITE, "gates": {"correct": {"max_drop": 0.2}}})
    server.calls.clear()
    judged(sluice)
    assert server.generations
    assert not any(call.body.keys() & {"stream", "logprobs"} for call in server.generations)
