"""What is refused before anything is spent, and what is not."""

import pytest

from sluice.gate.allowance import MOST_SHARDS, Limits, refusals
from sluice.gate.forecast import Effort, Forecast, Shard, SuiteForecast
from sluice.schema import Budget

EFFORT = Effort(1_000, 12.0, 24.0, 3.5)


def forecast(shards=1, measured=True):
    told = SuiteForecast("s", (), "m on tgi", 500, 0, 9_000, EFFORT, measured, ())
    each = Effort(EFFORT.calls // shards, EFFORT.minutes / shards, EFFORT.gpu_minutes / shards, EFFORT.money / shards)
    return Forecast((told,), (Shard(("s",), each),) * shards)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(calls=999), "may need 1,000 calls, and 999 are allowed"),
        (Limits(minutes=11.9), "may need 12.0 min, and 11.9 are allowed"),
        (Limits(money=3.49), "may cost $3.50, and $3.49 is allowed"),
    ],
)
def test_a_limit_that_is_exceeded_is_named(limits, reason):
    [told] = refusals(forecast(), limits, {"s": Budget()})
    assert reason in told


def test_what_just_fits_is_allowed():
    assert not refusals(forecast(), Limits(1_000, 12.0, 3.5), {"s": Budget(calls=1_000, minutes=12.0, cost=3.5)})


def test_a_suites_own_budget_counts():
    assert len(refusals(forecast(), Limits(), {"s": Budget(calls=999, minutes=11.0, cost=3.0)})) == 3


def test_assumed_minutes_refuse_no_suite_by_its_own_budget():
    assert not refusals(forecast(measured=False), Limits(), {"s": Budget(minutes=1.0)})
    assert refusals(forecast(measured=False), Limits(minutes=1.0), {"s": Budget()})


def test_more_shards_than_a_matrix_has_jobs_are_refused():
    assert not refusals(forecast(shards=MOST_SHARDS), Limits(), {"s": Budget()})
    [told] = refusals(forecast(shards=MOST_SHARDS + 1), Limits(), {"s": Budget()})
    assert "at most 256 jobs" in told
