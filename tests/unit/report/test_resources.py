from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.report import factory

from sluice.report.resources import percentile, resources, slowest


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 1))
def test_percentiles_are_numpys(values, share):
    assert percentile(values, share) == pytest.approx(np.percentile(values, 100 * share), abs=1e-9)


def test_no_value_has_no_percentile():
    assert percentile([], 0.5) is None


def test_reused_answers_have_tokens_but_no_latency():
    compared = factory.edited(10)
    pairs = tuple(
        replace(pair, base=tuple(replace(result, called=False) for result in pair.base)) for pair in compared.pairs
    )
    base, head = resources(replace(compared, pairs=pairs))
    assert (base.timed, base.p50, base.prompt_tokens) == (0, None, 2200)
    assert head.timed == 10 and head.cost == pytest.approx(10 * 0.000012)


def test_the_slowest_cases_lead():
    slow = slowest(factory.edited(100), 3)
    assert [one.case for one in slow] == ["q-0059", "q-0058", "q-0057"]
    assert slow[0].head == pytest.approx(0.429) and slow[0].base == pytest.approx(0.389)
