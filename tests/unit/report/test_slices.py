from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, fisher_exact, hypergeom
from unit.report import factory

from sluice.report.slices import FALSE_DISCOVERY_RATE, find_slices, hypergeometric_at_least


@given(st.integers(0, 40), st.integers(1, 120), st.data())
def test_the_tail_equals_scipys(count, total, data):
    marked, drawn = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    assert hypergeometric_at_least(count, total, marked, drawn) == pytest.approx(
        hypergeom.sf(count - 1, total, marked, drawn), abs=1e-9
    )


def test_a_slice_that_broke_stands_out_with_fishers_p_value():
    compared = factory.edited(200, lost=range(0, 100, 5))
    found = find_slices(compared, {"cites_source": factory.metric(compared, "cites_source", "fail", design_effect=1.0)})
    table = [[20, 20], [0, 160]]
    raw = [fisher_exact(table, "greater").pvalue, *[fisher_exact([[0, 40], [20, 140]], "greater").pvalue] * 4]
    assert found.tested == 5
    (payments,) = found.standing_out
    assert (payments.value, payments.broken, payments.n, payments.elsewhere_broken) == ("payments", 20, 40, 0)
    assert payments.adjusted == pytest.approx(false_discovery_control(raw)[0])
    assert payments.difference == pytest.approx(-0.5)


def test_losses_everywhere_stand_out_nowhere():
    compared = factory.edited(200, lost=range(200))
    assert find_slices(compared, {"cites_source": factory.metric(compared, "cites_source", "fail")}).standing_out == ()


def test_clusters_make_the_test_more_careful():
    compared = factory.edited(60, lost=(0, 5, 10, 15, 20, 25))
    certain, careful = (
        find_slices(compared, {"cites_source": factory.metric(compared, "cites_source", "fail", design_effect=effect)})
        for effect in (1.0, 4.0)
    )
    assert certain.standing_out[0].adjusted <= FALSE_DISCOVERY_RATE
    assert not careful.standing_out or careful.standing_out[0].adjusted > certain.standing_out[0].adjusted


def test_nothing_broken_is_nothing_to_test():
    compared = factory.edited(50, repaired=(1, 2))
    assert find_slices(compared, {"cites_source": factory.metric(compared, "cites_source", "pass")}).tested == 0
