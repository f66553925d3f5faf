"""Kappa equals statsmodels', and its bound keeps its promise where there are few labels."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa as oracle

from sluice.stats.agreement import cohens_kappa, kappa_at_least

Z = 1.959963984540054


@pytest.mark.parametrize(
    "table",
    [
        [[45, 5], [10, 40]],
        [[90, 3], [4, 3]],
        [[1, 9], [8, 2]],
        [[30, 2, 1], [4, 25, 3], [0, 6, 20]],
    ],
)
def test_kappa_and_its_interval_equal_statsmodels(table):
    found, expected = cohens_kappa(table, Z), oracle(table)
    assert found is not None
    assert found.value == pytest.approx(expected.kappa, abs=1e-12)
    assert (found.lower, found.upper) == pytest.approx((expected.kappa_low, expected.kappa_upp), abs=1e-9)


@given(st.lists(st.integers(1, 60), min_size=4, max_size=4))
def test_any_table_equals_statsmodels(cells):
    table = [cells[:2], cells[2:]]
    found, expected = cohens_kappa(table, Z), oracle(table)
    assert found is not None
    assert (found.value, found.lower) == pytest.approx((expected.kappa, expected.kappa_low), abs=1e-9)


def test_nothing_to_agree_about_is_no_kappa():
    assert cohens_kappa([[20, 0], [0, 0]], Z) is None
    assert cohens_kappa([[0, 0], [0, 0]], Z) is None
    assert kappa_at_least([[20, 0], [0, 0]], Z) is None


def test_few_labels_prove_little_even_where_raters_never_differ():
    assert cohens_kappa([[2, 0], [0, 2]], Z).lower == 1.0
    assert kappa_at_least([[2, 0], [0, 2]], Z) < 0.0
    assert 0.5 < kappa_at_least([[10, 0], [0, 10]], Z) < 0.7
    assert kappa_at_least([[100, 0], [0, 100]], Z) > 0.9


@pytest.mark.parametrize(("n", "accuracy"), [(12, 0.7), (20, 0.7), (40, 0.7), (40, 0.85), (100, 0.7), (30, 0.95)])
def test_a_judge_below_the_bound_is_let_through_in_one_case_of_twenty_at_most(n, accuracy):
    """The true kappa of a judge that is right with this rate on balanced labels is 2 x rate - 1."""
    drawn = random.Random(n)
    draws = 2_000
    wrong = sum(_bound(drawn, n, accuracy) > 2 * accuracy - 1 for _ in range(draws))
    assert wrong / draws <= 0.05


def _bound(drawn, n, accuracy):
    table = [[0, 0], [0, 0]]
    for case in range(n):
        right = drawn.random() < accuracy
        table[case % 2][case % 2 if right else 1 - case % 2] += 1
    bound = kappa_at_least(table, Z)
    return -1.0 if bound is None else bound
