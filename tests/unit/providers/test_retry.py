"""When a call is made again, and how many may be in flight."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.providers.retry import RetryPolicy, Throttle, parse_retry_after, retryable

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_may_succeed_later(status):
    assert retryable(status)


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 413, 415, 422, 424])
def test_will_not_succeed_later(status):
    assert not retryable(status)


@settings(deadline=None)
@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e12))
def test_a_delay_is_jittered_clamped_and_never_shorter_than_the_own_wait(attempt, uniform, wanted):
    policy = RetryPolicy(base=0.5, cap=20, retry_after_cap=60)
    own = policy.delay(attempt, None, uniform)
    assert 0 <= own <= 20
    assert own <= 0.5 * 2.0 ** min(attempt - 1, 32)
    assert max(own, min(wanted or 0, 60)) == policy.delay(attempt, wanted, uniform) <= 60


def test_the_ceiling_doubles():
    policy = RetryPolicy(base=1, cap=100)
    assert [policy.delay(attempt, None, 0.5) for attempt in range(1, 6)] == [0.5, 1, 2, 4, 8]


def test_retry_after_in_seconds_and_as_a_date():
    assert parse_retry_after("7", NOW) == 7
    assert parse_retry_after(" 1.5 ", NOW) == 1.5
    assert parse_retry_after(format_datetime(NOW + timedelta(seconds=90), usegmt=True), NOW) == 90
    assert parse_retry_after(format_datetime(NOW - timedelta(days=1), usegmt=True), NOW) == 0


@pytest.mark.parametrize("value", [None, "", "soon", "-3", "nan", "inf", "1e9", "0x10", "Mon, 99 Foo 2026"])
def test_an_unusable_retry_after(value):
    assert parse_retry_after(value, NOW) is None


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_retry_after_breaks_the_reader(value):
    parsed = parse_retry_after(value, NOW)
    assert parsed is None or parsed >= 0


def test_overload_halves_once_per_round_and_success_raises_again():
    throttle = Throttle(16)
    throttle.overloaded(started=1.0, now=2.0)
    for started in (1.0, 1.5, 1.9):
        throttle.overloaded(started, now=2.1)
    assert throttle.limit == 8
    throttle.overloaded(started=2.0, now=3.0)
    assert throttle.limit == 4
    for _ in range(6):
        throttle.succeeded()
    assert throttle.limit == 5
    for _ in range(500):
        throttle.succeeded()
    assert throttle.limit == 16


def test_the_limit_never_falls_below_one():
    throttle = Throttle(2)
    for moment in range(10):
        throttle.overloaded(float(moment), float(moment))
    assert throttle.limit == 1


def test_places_are_given_in_order_and_within_the_limit():
    async def scene():
        throttle = Throttle(4)
        throttle.overloaded(0.0, 1.0)
        order, active, peak = [], 0, 0

        async def work(index):
            nonlocal active, peak
            await throttle.enter()
            order.append(index)
            active += 1
            peak = max(peak, active)
            await asyncio.sleep(0)
            active -= 1
            throttle.leave()

        await asyncio.wait_for(asyncio.gather(*map(work, range(20))), 1)
        return order, peak

    order, peak = asyncio.run(scene())
    assert order == list(range(20))
    assert peak == 2


def test_a_raised_limit_lets_more_in_and_a_cancelled_one_takes_no_place():
    async def scene():
        throttle = Throttle(3)
        for moment in range(3):
            throttle.overloaded(float(moment), float(moment))
        waiting = [asyncio.create_task(throttle.enter()) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        for _ in range(10):
            throttle.succeeded()
        throttle.leave()
        await asyncio.sleep(0.01)
        inside = [task.done() and not task.cancelled() for task in waiting]
        for task in waiting:
            task.cancel()
        return inside

    assert asyncio.run(scene()) == [True, False, True, True, True]
