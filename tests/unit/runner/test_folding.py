"""Case scores, pass marks, assert-sets and weights of 0: what decides, and what is only reported."""

import pytest

from sluice.assertions import AssertionConfigError, AssertionProblem, Subject, compile_assertion
from sluice.runner.folding import fold
from sluice.schema import Assertion, CaseScore


def holds(text, **more):
    return {"metric": text, "type": "contains", "value": text, **more}


def folded(assertions, output, overall=None, row=None):
    compiled = [compile_assertion(Assertion.model_validate(one, strict=False)) for one in assertions]
    metrics, passed = fold(compiled, Subject(output, row or {}), None if overall is None else CaseScore(**overall))
    return {name: (round(score.value, 6), score.passed) for name, score in metrics.items()}, passed


def test_every_assertion_decides_without_a_mark():
    metrics, passed = folded([holds("a"), holds("b", weight=3)], "a", {"metric": "total"})
    assert metrics == {"a": (1, True), "b": (0, False), "total": (0.25, False)} and not passed


@pytest.mark.parametrize(("mark", "passes"), [(0.25, True), (0.26, False), (0, True)])
def test_a_pass_mark_decides_alone(mark, passes):
    metrics, passed = folded([holds("a"), holds("b", weight=3)], "a", {"pass_mark": mark})
    assert metrics["score"] == (0.25, passes) and passed is passes


@pytest.mark.parametrize(("row", "passes"), [({"mark": 0.2}, True), ({"mark": None}, False), ({}, False)])
def test_a_mark_may_stand_in_the_row(row, passes):
    assert folded([holds("a"), holds("b", weight=3)], "a", {"pass_mark": "mark"}, row)[1] is passes


def test_a_mark_that_is_no_number_is_a_problem():
    with pytest.raises(AssertionProblem, match="pass mark"):
        folded([holds("a")], "a", {"pass_mark": "mark"}, {"mark": "high"})


def test_weight_zero_is_reported_and_decides_nothing():
    metrics, passed = folded([holds("a"), holds("b", weight=0)], "a", {})
    assert metrics == {"a": (1, True), "b": (0, False), "score": (1, True)} and passed


def test_a_set_counts_as_one_and_reports_its_named_parts():
    parts = [holds("a"), holds("b", weight=3), {**holds("c"), "metric": "set"}]
    one_of = {"metric": "set", "type": "assert-set", "weight": 2, "assertions": parts, "threshold": 0.2}
    metrics, passed = folded([one_of, holds("x", weight=2)], "ax", {})
    assert metrics == {"set": (0.2, True), "a": (1, True), "b": (0, False), "x": (1, True), "score": (0.6, True)}
    assert passed
    strict = {key: value for key, value in one_of.items() if key != "threshold"}
    assert not folded([strict], "ax")[1]


def test_a_case_that_nothing_judges_has_passed():
    assert folded([holds("a", when="never")], "", {"pass_mark": 2}) == ({"score": (1, True)}, True)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"assertions": ()}, "assertions"),
        ({"value": "x"}, "value"),
        ({"assertions": [{"metric": "b", "type": "assert-set", "assertions": [holds("a")]}]}, "assertions"),
        ({"type": "contains", "value": "x"}, "assertions"),
    ],
)
def test_sets_that_cannot_be(change, key):
    written = {"metric": "s", "type": "assert-set", "assertions": [holds("a")], **change}
    with pytest.raises(AssertionConfigError) as error:
        compile_assertion(Assertion.model_validate(written, strict=False))
    assert error.value.key == key
