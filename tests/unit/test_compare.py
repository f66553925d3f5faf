"""Pairing: every change has its kind, errors are neither passes nor fails, and too many make it invalid."""

import pytest

from sluice.compare import compare
from sluice.errors import CannotJudge
from sluice.results import CaseInfo, CaseResult, MetricScore, Run, RunHeader

HEADER = RunHeader("s", "label", "sha256:0", None, {}, "plan", 4, ("m",))
KINDS = {"m": "binary"}


def info(name):
    return CaseInfo(name, {}, None, {})


def result(case, state="pass", output="x", repeat=0, value=None):
    scores = (
        {}
        if state == "error"
        else {"m": MetricScore(float(state == "pass") if value is None else value, state == "pass")}
    )
    return CaseResult(
        case, repeat, state, "r", output=output, metrics=scores, error_kind="timeout" if state == "error" else None
    )


def run(*results):
    return Run(HEADER, results)


def compared(base, head, names="abcd"):
    return compare(run(*base), run(*head), [info(name) for name in names], KINDS)


def test_each_kind_of_change():
    base = [result("a"), result("b", "fail"), result("c", output="one"), result("d")]
    head = [result("a", "fail"), result("b"), result("c", output="two"), result("d")]
    found = {pair.info.id: pair.change for pair in compared(base, head).pairs}
    assert found == {"a": "broken", "b": "repaired", "c": "changed", "d": "same"}


def test_an_error_leaves_the_pair_out():
    found = compared([result(n) for n in "abcd"], [result("a", "error"), *(result(n) for n in "bcd")])
    assert found.pairs[0].change == "error"
    assert found.metrics["m"].cases == ("b", "c", "d")
    assert any("3 of 4" in reason for reason in found.invalid)


def test_error_rates_that_differ_are_invalid_even_when_few():
    names = [f"c{number}" for number in range(200)]
    base = [result(name) for name in names]
    head = [result(name, "error" if number < 3 else "pass") for number, name in enumerate(names)]
    reasons = compared(base, head, names).invalid
    assert len(reasons) == 1
    assert "error rates differ" in reasons[0]


def test_a_missing_case_is_invalid():
    found = compared([result(n) for n in "abcd"], [result(n) for n in "abc"])
    assert any("no result on one side" in reason for reason in found.invalid)


def test_no_case_is_invalid():
    assert compared([], [], "").invalid == ("no case was planned",)


def test_a_doubled_case_is_refused():
    with pytest.raises(CannotJudge, match="twice"):
        compared([result("a"), result("a")], [result("a")], "a")


def test_repeats_are_averaged_and_become_continuous():
    base = [result("a", repeat=0), result("a", repeat=1)]
    head = [result("a", repeat=0), result("a", "fail", repeat=1)]
    metric = compared(base, head, "a").metrics["m"]
    assert metric.kind == "continuous"
    assert metric.differences == (-0.5,)


def test_a_metric_that_does_not_apply_is_no_zero():
    base = [CaseResult("a", 0, "pass", "r", output="x"), result("b")]
    head = [CaseResult("a", 0, "pass", "r", output="x"), result("b")]
    assert compared(base, head, "ab").metrics["m"].cases == ("b",)
