from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.report import numbers

MINUS = "\u2212"


@pytest.mark.parametrize(
    ("difference", "expected"),
    [(-0.023, "−2.3"), (0.0118, "+1.2"), (0.0, "0.0"), (-0.0, "0.0"), (-0.0004, "0.0"), (1.0, "+100.0"), (0.05, "+5.0"),
     (None, "–"), (math.inf, "–"), (math.nan, "–")],
)  # fmt: skip
def test_points_have_a_real_sign_and_one_decimal(difference, expected):
    assert numbers.points(difference) == expected


@pytest.mark.parametrize(
    ("lower", "upper", "thresholds", "expected"),
    [
        (-0.039, -0.007, (), "[−3.9, −0.7]"),
        (-0.0504, 0.01, (-0.05,), "[−5.04, +1.0]"),
        (-0.0496, 0.01, (-0.05,), "[−4.96, +1.0]"),
        (-0.05, 0.01, (-0.05,), "[−5.0, +1.0]"),
        (-0.1, -0.0003, (), "[−10.0, −0.03]"),
        (-0.1, 0.0, (), "[−10.0, 0.0]"),
        (-0.1, math.inf, (), "≥ −10.0"),
        (None, 0.1, (), "≤ +10.0"),
        (None, None, (), ""),
    ],
)
def test_intervals_never_round_a_bound_onto_its_threshold(lower, upper, thresholds, expected):
    assert numbers.points_interval(lower, upper, thresholds) == expected


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_points_are_within_half_a_unit_of_the_value(lower, upper):
    for value in (lower, upper):
        told = float(numbers.points(value).replace(MINUS, "-"))
        assert abs(told - 100 * value) <= 0.05 + 1e-9


@given(st.floats(-0.2, 0.2), st.sampled_from([0.02, 0.05, 0.1]))
def test_a_bound_shown_on_one_side_of_the_margin_is_there(bound, margin):
    text = numbers.points_interval(bound, 1.0, (-margin,))
    told = float(text[1:].split(",")[0].replace(MINUS, "-"))
    if abs(bound + margin) > 1e-4:
        assert (told < -100 * margin) == (bound < -margin)


def test_ratios():
    assert numbers.ratio(1.0449) == "×1.04"
    assert numbers.ratio_interval(0.98, 1.114, (1.5,)) == "[0.98, 1.11]"
    assert numbers.ratio_interval(0.98, 1.5004, (1.5,)) == "[0.98, 1.500]"
    assert numbers.ratio(None) == "–"


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.841, "84.1%"), (1.0, "100.0%"), (0.99999, ">99.9%"), (0.0, "0.0%"), (0.0004, "<0.1%"), (None, "–")],
)
def test_only_exact_percentages_reach_the_ends(share, expected):
    assert numbers.percent(share) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0, "0.00 ms"), (0.0004, "0.40 ms"), (0.0123, "12.3 ms"), (0.41, "410 ms"), (0.99949, "999 ms"),
     (0.9996, "1.00 s"), (4.1, "4.10 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (125, "2 min 05 s"),
     (3599.6, "1 h 00 min"), (3720, "1 h 02 min"), (-1, "–"), (None, "–")],
)  # fmt: skip
def test_durations(seconds, expected):
    assert numbers.duration(seconds) == expected


@pytest.mark.parametrize(
    ("dollars", "expected"),
    [(0.0, "$0"), (0.00042, "$0.00042"), (0.000419, "$0.00042"), (0.0499, "$0.050"), (0.0996, "$0.10"),
     (0.31, "$0.31"), (1204.5, "$1,204.50"), (-0.31, "−$0.31"), (None, "–")],
)  # fmt: skip
def test_money(dollars, expected):
    assert numbers.money(dollars) == expected


def test_counts():
    assert numbers.count(12345) == "12,345"
    assert numbers.count(None) == "–"
    assert [numbers.counted(n, "case") for n in (0, 1, 2000)] == ["0 cases", "1 case", "2,000 cases"]
    assert numbers.counted(2, "retry", "retries") == "2 retries"


@pytest.mark.parametrize(
    ("value", "expected"), [(0.87, "p = 0.87"), (0.0031, "p = 0.003"), (1e-9, "p < 0.001"), (None, "p –")]
)
def test_p_values(value, expected):
    assert numbers.p_value(value) == expected
