"""Metrics that need no judge, through the front door: a base and a head are told apart by them, or cannot be judged."""

import json

import pytest
from miniature import edit_prompt, miniature
from servers.tgi_contract import Generation, text_of

CHECKS = {
    "grounded": {"type": "grounded-words", "threshold": 0.5, "value": {"passages": ["{{ question }}"]}},
    "private": {"type": "not-contains-personal-data"},
    "secret": {"type": "not-contains-secret"},
    "close": {"type": "chrf", "threshold": 0.9, "value": "{{ expected }}"},
}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    pytest.importorskip("sacrebleu", reason="pip install '.[metrics]' in this clone")
    assertions = [{"metric": metric, **check} for metric, check in CHECKS.items()]
    gates = {metric: {"max_drop": 0.05} for metric in CHECKS}
    miniature(tmp_path, suite={"assertions": assertions, "gates": gates})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")
    return tmp_path


def answer(generation: Generation) -> str:
    """The last word, or what a prompt that went wrong gives away."""
    system, question = text_of(generation.messages[0]), text_of(generation.messages[1])
    return "ask jane.roe@contoso.com" if "leak" in system else question.split()[-1]


def scores(root, side):
    """The mean of each metric, and all reasons."""
    stored = json.loads((root / ".sluice/last-judgement.json").read_bytes())
    found = [result["metrics"] for pair in stored["suites"][0]["comparison"]["pairs"] for result in pair[side]]
    means = {metric: sum(one[metric]["value"] for one in found) / len(found) for metric in CHECKS}
    return means, {one[metric]["reason"] for one in found for metric in CHECKS}


def test_a_leak_fails_by_the_metrics_that_see_it(repository, tgi, sluice, monkeypatch):
    monkeypatch.setenv("SLUICE_ENDPOINT", tgi(answer).url)
    edit_prompt(repository, "leak")
    code, out, err = sluice("eval", "--complete")
    assert code == 1, out + err
    base, head = scores(repository, "base")[0], scores(repository, "head")[0]
    assert base == {"grounded": 1, "private": 1, "secret": 1, "close": pytest.approx(1)}
    assert (head["grounded"], head["private"], head["secret"]) == (0, 0, 1) and head["close"] < 0.2
    reasons = scores(repository, "head")[1]
    assert "the output holds an e-mail address" in reasons and not any("jane.roe@" in one for one in reasons)


def test_a_harmless_edit_passes_all_of_them(repository, tgi, sluice, monkeypatch):
    monkeypatch.setenv("SLUICE_ENDPOINT", tgi(answer).url)
    edit_prompt(repository, "Answer with the last word.")
    assert sluice("eval")[0] == 0


def test_perplexity_without_log_probabilities_cannot_be_judged(tmp_path, tgi, sluice, monkeypatch):
    suite = {
        "assertions": [{"metric": "sure", "type": "perplexity", "threshold": 5}],
        "gates": {"sure": {"max_drop": 0.1}},
    }
    miniature(tmp_path, suite=suite)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr("servers.tgi.logprobs_of", lambda chat, tokens: None)  # servers may leave them out
    monkeypatch.setenv("SLUICE_ENDPOINT", tgi(answer).url)
    edit_prompt(tmp_path, "Answer with the last word.")
    code, out, _ = sluice("eval")
    assert code == 4, out
    assert "no log-probabilities" in " ".join(out.split())
