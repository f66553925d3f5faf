"""A latency gate that may block, where answers were reused: fresh pairs are called for it (GATE 11)."""

import json
import time

import pytest
from miniature import MODEL, SUITE, commit, edit_prompt, write
from servers.tgi_contract import text_of

SLOW = 0.03


@pytest.fixture
def timed(repository, tgi, monkeypatch):
    """A repository with a blocking latency gate whose base was answered for an earlier head, and its server."""

    def answer(generation):
        if "slowly" in text_of(generation.messages[0]):
            time.sleep(SLOW)
        return text_of(generation.messages[-1]).split()[-1]

    server = tgi(answer)
    monkeypatch.setenv("SLUICE_ENDPOINT", server.url)
    gates = {**SUITE["gates"], "latency": {"max_ratio": 1.5}}
    write(repository, "evals/answer.yaml", {**SUITE, "gates": gates})
    write(repository, "models/served.yaml", {**MODEL, "serving": {**MODEL["serving"], "concurrency": 1}})
    commit(repository)
    return repository, server


def latency(root):
    judgement = json.loads((root / ".sluice" / "last-judgement.json").read_bytes())
    [metric] = [one for one in judgement["verdict"]["suites"][0]["metrics"] if one["metric"] == "latency"]
    return metric


def test_an_early_pass_waits_for_a_latency_gate_that_blocks(timed, sluice):
    root, server = timed
    edit_prompt(root, "Answer with the last word.\nBe very brief.")
    assert sluice("eval")[0] in (0, 4)
    assert len(server.generations) == 600
    assert latency(root)["n"] == 300


def test_a_reused_base_gets_fifty_fresh_pairs(timed, sluice):
    root, server = timed
    edit_prompt(root, "Answer with the last word.\nBe very brief.")
    sluice("eval", "--complete")
    server.calls.clear()
    edit_prompt(root, "Answer with the last word, slowly.")
    code, out, err = sluice("eval", "--complete")
    assert code == 1, out + err
    assert len(server.generations) == 300 + 100
    sides = ["slowly" in text_of(one.body["messages"][0]) for one in server.generations[300:]]
    assert sum(sides) == 50
    assert any(sides[:4]) and not all(sides[:4]), "both sides in turn"
    assert latency(root)["n"] == 50
    assert latency(root)["word"] == "fail"
    assert "latency was measured on 50 pairs that were called for it" in " ".join(out.split())
    asked = len(server.generations)
    again = sluice("eval", "--complete")
    assert (again[0], len(server.generations)) == (code, asked), "what was measured is kept"


def test_without_room_in_the_budget_it_is_skipped(timed, sluice):
    root, server = timed
    suite = {**SUITE, "gates": {**SUITE["gates"], "latency": {"max_ratio": 1.5}}, "budget": {"calls": 350}}
    edit_prompt(root, "Answer with the last word.\nBe very brief.")
    sluice("eval", "--complete")
    server.calls.clear()
    write(root, "evals/answer.yaml", suite)
    commit(root)
    edit_prompt(root, "Answer with the last word, slowly.")
    sluice("eval", "--complete", "--base", "HEAD")
    assert len(server.generations) == 300
    assert latency(root)["word"] == "skipped"


def test_a_gate_that_only_warns_is_skipped(timed, sluice):
    root, server = timed
    write(
        root, "evals/answer.yaml", {**SUITE, "gates": {**SUITE["gates"], "latency": {"max_ratio": 1.5, "tier": "warn"}}}
    )
    commit(root)
    edit_prompt(root, "Answer with the last word.\nBe very brief.")
    sluice("eval", "--complete", "--base", "HEAD")
    server.calls.clear()
    edit_prompt(root, "Answer with the last word, slowly.")
    sluice("eval", "--complete", "--base", "HEAD")
    assert len(server.generations) == 300
    assert latency(root)["word"] == "skipped"
