from __future__ import annotations

from dataclasses import replace

import pytest
from unit.report import factory

from sluice.gate.verdict import MetricVerdict
from sluice.report.gates import explanation, gate_row, main_figures

DROP = MetricVerdict(
    "correct", "block", "fail", "binary", 640, 0.841, 0.702, -0.139, -0.1683, -0.1101, 0.05,
    broken=110, repaired=21, detectable=0.041, mcnemar=1e-9,
)  # fmt: skip


def test_a_row_is_formatted_for_people():
    row = gate_row(DROP)
    assert (row.base, row.head, row.difference, row.interval) == ("84.1%", "70.2%", "−13.9", "[−16.8, −11.0]")
    assert (row.margin, row.detectable, row.n) == ("−5.0", "−4.1", "640")


def test_ratios_are_told_in_their_units():
    row = gate_row(factory.latency())
    assert (row.base, row.head, row.difference, row.margin) == ("404 ms", "398 ms", "×0.98", "×1.50")
    cost = replace(factory.latency(), metric="cost", base=0.0004, head=0.0005)
    assert (gate_row(cost).base, gate_row(cost).head) == ("$0.00040", "$0.00050")


def test_figures_without_a_base_are_heads():
    assert main_figures(replace(DROP, base=None, difference=None)) == "70.2%"
    assert main_figures(DROP) == "84.1% → 70.2%, −13.9 points [−16.8, −11.0]"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "correct dropped by 13.9 points, at least 11.0 points of it proven: 110 cases broke, 21 were repaired, "
             "McNemar p < 0.001"),
        ({"word": "inconclusive", "lower": -0.062, "more_cases": 1},
         "correct may have dropped by up to 6.2 points, and 5.0 points is the margin; 640 cases can show a drop of "
         "4.1 points, about 1 more case would decide (110 cases broke, 21 were repaired, McNemar p < 0.001)"),
        ({"word": "fail", "difference": 0.01, "notes": ("head's rate is at most 70.0%, below the floor of 80%",)},
         "correct does not hold its gate: 110 cases broke, 21 were repaired, McNemar p < 0.001; "
         "head's rate is at most 70.0%, below the floor of 80%"),
        ({"word": "fail", "difference": -0.01, "upper": 0.02, "floor": 0.8, "notes": ("at most 70.0%",)},
         "correct misses its floor: 110 cases broke, 21 were repaired, McNemar p < 0.001; at most 70.0%"),
        ({"word": "pass"}, ""),
        ({"word": "pass", "notes": ("a small real drop, inside the margin",)},
         "correct: a small real drop, inside the margin"),
        ({"word": "skipped", "notes": ("reused",)}, "correct was skipped: reused"),
    ],
)  # fmt: skip
def test_every_verdict_has_its_sentence(changes, said):
    assert explanation(replace(DROP, **changes)) == said


def test_a_fail_by_the_floor_alone_says_so():
    low = replace(DROP, difference=-0.01, lower=-0.04, upper=0.02, floor=0.8)
    assert gate_row(low).told == "fail: floor"
    assert main_figures(low) == "84.1% → 70.2%, −1.0 points [−4.0, +2.0], below the floor of 80.0%"
    assert main_figures(replace(low, base=None, difference=None, upper=None)) == "70.2%, below the floor of 80.0%"
    assert gate_row(replace(DROP, floor=0.8)).told == "fail", "a proven drop needs no floor to fail"
    assert gate_row(replace(low, word="inconclusive")).told == "inconclusive"


def test_a_slower_head_is_told_as_a_ratio():
    slow = replace(factory.latency("fail"), difference=1.8, lower=1.6, upper=2.0)
    assert explanation(slow) == "latency is ×1.80 of base; the limit is ×1.50"
    assert "any multiple" in explanation(replace(slow, word="inconclusive", upper=None))
