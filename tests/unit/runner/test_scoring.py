"""Scores: how assertions fold into metrics and states, and what is an error instead of a fail."""

from types import ModuleType

import pytest
from miniature import CARD, MODEL, PROMPT, SUITE, rows, write

from sluice.catalog import WorkingTree, load
from sluice.errors import CannotJudge
from sluice.providers.base import Completion, Failure
from sluice.results import CaseInfo
from sluice.runner.scoring import Scorer, cost_of, load_code, repeats_of
from sluice.schema import Assertion, Gate, Price, Suite

PRICE = Price(input_per_million=2.0, output_per_million=4.0)


def scorer(*assertions, code=None):
    suite = Suite(
        description="x", prompt="p", dataset="d", assertions=tuple(Assertion(**one) for one in assertions),
        gates={"m": Gate(max_drop=0.05)},
    )  # fmt: skip
    return Scorer(suite, code)


def score(made, text="yes", row=None, **completion):
    outcome = Completion(text, "stop", completion.get("tokens", 10), 5, 0.2)
    return made.score(CaseInfo("a", row or {}, None, {}), 0, "r", outcome, called=True, price=PRICE)


def test_all_metrics_must_pass():
    made = scorer({"metric": "m", "type": "contains", "value": "y"}, {"metric": "n", "type": "contains", "value": "z"})
    result = score(made)
    assert result.state == "fail"
    assert (result.metrics["m"].passed, result.metrics["n"].passed) == (True, False)


def test_assertions_of_one_metric_are_weighted_and_must_all_pass():
    made = scorer(
        {"metric": "m", "type": "contains", "value": "y", "weight": 3},
        {"metric": "m", "type": "contains", "value": "z", "weight": 1},
    )
    assert score(made).metrics["m"].value == pytest.approx(0.75)
    assert not score(made).metrics["m"].passed
    assert made.kinds == {"m": "binary"}


def test_an_assertion_that_does_not_apply_leaves_its_metric_out():
    made = scorer({"metric": "m", "type": "contains", "value": "z", "when": "wanted"})
    assert score(made, row={"wanted": False}).metrics == {}
    assert score(made, row={"wanted": False}).state == "pass"
    assert score(made, row={"wanted": True}).state == "fail"


def test_a_failure_is_an_error_and_has_no_scores():
    made = scorer({"metric": "m", "type": "contains", "value": "z"})
    failure = Failure("timeout", "late", 3)
    result = made.score(CaseInfo("a", {}, None, {}), 0, "r", failure, called=True, price=PRICE)
    assert (result.state, result.error_kind, result.attempts, result.metrics) == ("error", "timeout", 3, {})


def test_an_assertion_that_cannot_run_is_an_error_that_keeps_the_output():
    made = scorer({"metric": "m", "type": "regex", "value": "(a+)+$"})
    result = score(made, text="a" * 5000 + "!")
    assert (result.state, result.error_kind) == ("error", "harness")
    assert result.output is not None


def test_cost_needs_both_counts():
    assert cost_of(Completion("x", None, 1_000_000, 500_000, 0.1), PRICE) == pytest.approx(4.0)
    assert cost_of(Completion("x", None, None, 5, 0.1), PRICE) is None


def test_suite_code_that_breaks_cannot_judge(tmp_path):
    for path, content in {
        "prompts/answer.yaml": PROMPT, "datasets/questions.yaml": CARD, "datasets/questions.jsonl": rows(3),
        "evals/answer.yaml": SUITE, "models/served.yaml": MODEL, "evals/answer.py": "raise RuntimeError('no')\n",
    }.items():  # fmt: skip
        write(tmp_path, path, content)
    with pytest.raises(CannotJudge, match=r"evals/answer.py cannot be loaded: RuntimeError: no"):
        load_code(load(WorkingTree(tmp_path)), "answer")


def test_repeats_only_where_sampling_is_stochastic():
    suite = Suite(
        description="x", prompt="p", dataset="d", assertions=(Assertion(metric="m", type="equals", value="1"),),
        gates={}, repeats=2, must_pass=("a",),
    )  # fmt: skip
    cases = [CaseInfo(name, {}, None, {}) for name in "ab"]
    assert repeats_of(suite, cases, stochastic=False) == {"a": 1, "b": 1}
    assert repeats_of(suite, cases, stochastic=True) == {"a": 3, "b": 2}


def test_suite_code_that_takes_too_long_is_an_error_and_no_fail(monkeypatch):
    from sluice.assertions import suite_code

    monkeypatch.setattr(suite_code, "SECONDS", 0.05)
    module = ModuleType("suite")
    exec("def slow(output, row) -> bool:\n while True: pass\n", module.__dict__)
    result = score(scorer({"metric": "m", "type": "python", "value": "slow"}, code=module))
    assert (result.state, result.error_kind) == ("error", "harness")
    assert "took longer" in result.error


def test_suite_code_that_never_loads_cannot_judge(tmp_path, monkeypatch):
    from sluice.runner import scoring

    monkeypatch.setattr(scoring, "SECONDS", 0.05)
    for path, content in {
        "prompts/answer.yaml": PROMPT, "datasets/questions.yaml": CARD, "datasets/questions.jsonl": rows(3),
        "evals/answer.yaml": SUITE, "models/served.yaml": MODEL, "evals/answer.py": "while True: pass\n",
    }.items():  # fmt: skip
        write(tmp_path, path, content)
    with pytest.raises(CannotJudge, match="to load"):
        load_code(load(WorkingTree(tmp_path)), "answer")
