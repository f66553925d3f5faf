"""Suites with a score, a pass mark, an assert-set and derived metrics, through the front door."""

import json

import pytest
from miniature import SUITE, commit, edit_prompt, write

EXPECTED = {"type": "icontains", "value": "{{ expected }}"}
SCORED = {
    **SUITE,
    "assertions": [
        {"metric": "correct", **EXPECTED},
        {
            "metric": "form",
            "type": "assert-set",
            "threshold": 0.4,
            "weight": 3,
            "assertions": [
                {"metric": "short", "type": "word-count", "value": {"max": 50}},
                {"metric": "shouted", "type": "regex", "value": "^[A-Z ]+$", "transform": ["trim"], "weight": 0},
            ],
        },
    ],
    "score": {"pass_mark": 0.7},
    "derived": {"both": "(correct + form / 3) / __count"},
    "gates": {name: {"max_drop": 0.05, "tier": "warn"} for name in ("correct", "form", "short", "shouted", "score")},
}


@pytest.fixture
def scored(repository, server, sluice):
    write(repository, "evals/answer.yaml", SCORED)
    commit(repository)
    return repository


def test_the_mark_decides_and_figures_are_told(scored, server, sluice):
    edit_prompt(scored, "Answer never.")
    code, out, _ = sluice("eval", "--format", "json")
    (suite,) = json.loads(out)["suites"]
    pairs = suite["comparison"]["pairs"]
    assert code in (0, 1, 4) and pairs
    for pair in pairs:
        for result in pair["head"]:
            assert result["metrics"].keys() == {"correct", "form", "short", "shouted", "score"}
            # The set has 3 of 4 parts of the score, so the mark of 0.7 passes a wrong answer of good form.
            assert result["state"] == "pass" and result["metrics"]["form"]["value"] == 1
            assert result["metrics"]["score"]["value"] == (1 if result["metrics"]["correct"]["passed"] else 0.75)
    assert any(note.startswith("both (derived): base 2, head ") for note in suite["notes"])


def test_what_cannot_be_is_found(repository, sluice):
    write(repository, "evals/answer.yaml", {**SCORED, "derived": {"both": "correct + nothing"}})
    code, out, _ = sluice("check")
    assert code == 3 and "no metric is called nothing" in out
