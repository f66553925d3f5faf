"""Ranking measures against trec_eval's own figures (oracles/ranking.json says whose), by hand, and at their edges."""

import json
import math
from pathlib import Path

import pytest

from sluice.assertions import AssertionProblem, Subject, compile_assertion
from sluice.schema import Assertion

ORACLE = json.loads((Path(__file__).parent / "oracles/ranking.json").read_text("utf-8"))["cases"]
TYPES = ("hit-at-k", "recall-at-k", "precision-at-k", "mrr", "ndcg")


def value_of(name, row, threshold=None, **settings):
    settings = {"relevant": "{{ relevant }}", **settings}
    assertion = Assertion(metric="m", type=name, value=settings, threshold=threshold)
    return compile_assertion(assertion).score(Subject("", row)).value


@pytest.mark.parametrize("case", ORACLE, ids=range(len(ORACLE)))
def test_measures_equal_trec_eval(case):
    row = {"passages": [{"id": name, "text": "x"} for name in case["passages"]], "relevant": case["relevant"]}
    for name in TYPES:
        assert value_of(name, row, k=case["k"]) == pytest.approx(case["expect"][name], abs=1e-12), name
    assert value_of("mrr", row) == pytest.approx(case["expect"]["mrr all"], abs=1e-12)
    assert value_of("ndcg", row) == pytest.approx(case["expect"]["ndcg all"], abs=1e-12)
    if case["expect"]["ndcg exponential"] is not None:
        found = value_of("ndcg", row, k=case["k"], gain="exponential")
        assert found == pytest.approx(case["expect"]["ndcg exponential"], abs=1e-12)


def test_ndcg_by_hand():
    """Grades 3, 2, 3, 0, 1, 2 in the order found: the worked example that textbooks and Wikipedia give."""
    row = {"passages": list("abcdef"), "relevant": {"a": 3, "b": 2, "c": 3, "d": 0, "e": 1, "f": 2}}
    dcg = 3 + 2 / math.log2(3) + 3 / 2 + 1 / math.log2(6) + 2 / math.log2(7)
    best = 3 + 3 / math.log2(3) + 2 / 2 + 2 / math.log2(5) + 1 / math.log2(6)
    assert value_of("ndcg", row) == pytest.approx(dcg / best, abs=1e-12) == pytest.approx(0.961, abs=5e-4)


@pytest.mark.parametrize("name", TYPES)
def test_a_perfect_ranking_is_exactly_one(name):
    row = {"passages": ["a", "b", "c", "x"], "relevant": {"c": 1, "b": 2, "a": 5}}
    assert value_of(name, row, k=3) == 1


def test_ids_are_compared_as_text_and_read_from_the_named_fields():
    row = {"found": [{"source": 5}, {"source": "7"}], "article": "7"}
    settings = {"relevant": "{{ article }}", "passages": "{{ found }}", "id": "source"}
    assert value_of("mrr", row, **settings) == 0.5
    assert value_of("mrr", {**row, "article": 5}, **settings) == 1


def test_one_value_stands_for_what_is_relevant():
    compiled = compile_assertion(Assertion(metric="m", type="mrr", value="{{ article }}"))
    assert compiled.fields == {"article", "passages"}
    assert compiled.score(Subject("", {"passages": ["x", "a"], "article": "a"})).value == 0.5


def test_a_chunk_that_comes_again_keeps_its_place_and_counts_once():
    row = {"passages": ["a", "a", "b"], "relevant": ["a", "b"]}
    assert value_of("recall-at-k", row, k=2) == 0.5
    assert value_of("precision-at-k", row, k=3) == pytest.approx(2 / 3)
    assert value_of("ndcg", row) == pytest.approx((1 + 1 / 2) / (1 + 1 / math.log2(3)))


def test_nothing_found_is_zero_and_nothing_relevant_cannot_be_judged():
    assert value_of("recall-at-k", {"passages": [], "relevant": ["a"]}) == 0
    for nothing in ([], {"a": 0}, "", None):
        with pytest.raises(AssertionProblem, match=r"when|no id"):
            value_of("recall-at-k", {"passages": ["a"], "relevant": nothing})


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"passages": "a", "relevant": "a"}, "no list"),
        ({"passages": [{"text": "a"}], "relevant": "a"}, "no id in its field 'id'"),
        ({"passages": ["a"], "relevant": {"a": -1}}, "no number from 0"),
        ({"passages": ["a"], "relevant": {"a": "high"}}, "no number from 0"),
        ({"passages": ["a"], "relevant": [["a"]]}, "no id"),
        ({"relevant": "a"}, "no field 'passages'"),
    ],
)
def test_rows_that_cannot_be_read_are_errors_of_the_case(row, why):
    with pytest.raises(AssertionProblem, match=why):
        value_of("ndcg", row)
