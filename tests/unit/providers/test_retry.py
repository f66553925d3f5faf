"""When a call is made again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.providers.retry import RetryPolicy, retryable


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
