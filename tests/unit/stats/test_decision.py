import pytest

from sluice.stats.clusters import count_pairs
from sluice.stats.decision import Outcome, decide, decide_look


def _counts(n, repaired, broken):
    return count_pairs([1] * repaired + [-1] * broken + [0] * (n - repaired - broken))


def _looks(*tables):
    return [_counts(*table) for table in tables]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((400, 10, 10), "pass"),
        ((1000, 5, 25), "pass"),
        ((400, 5, 45), "fail"),
        ((100, 5, 8), "inconclusive"),
        ((54, 0, 0), "inconclusive"),
        ((55, 0, 0), "pass"),
    ],
)
def test_one_look(table, expected):
    assert decide([_counts(*table)], 0.05).decision == expected


def test_a_significant_drop_inside_the_margin_does_not_fail_early():
    counts = _counts(1000, 5, 45)
    assert decide_look(counts, 0.05, 2.2, 2.2, last=False) == "inconclusive"
    assert decide_look(counts, 0.05, 2.2, 2.2, last=True) == "fail"


def test_the_first_decision_stops():
    looks = _looks((80, 2, 30), (160, 4, 60), (240, 6, 90), (320, 8, 120), (400, 10, 150))
    assert decide(looks, 0.05) == Outcome("fail", 0)


def test_looks_need_more_than_one_look_would():
    looks = _looks((40, 1, 3), (80, 2, 6), (120, 4, 8), (160, 5, 11), (200, 6, 14))
    assert decide(looks, 0.05) == Outcome("inconclusive", 4)
    assert decide(looks[-1:], 0.05) == Outcome("fail", 0)


def test_a_family_makes_failing_harder_and_passing_no_easier():
    looks = [_counts(200, 4, 13)]
    assert decide(looks, 0.05).decision == "fail"
    assert decide(looks, 0.05, fail_alpha=0.045 / 5).decision == "inconclusive"
