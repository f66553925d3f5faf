"""What headers say about the pace."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.providers.pacing import parse_reset, parse_retry_after, seconds_of, tells_limits, wanted_pause

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


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


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("12", 12), ("0.5", 0.5), ("20ms", 0.02), ("1s", 1), ("6m0s", 360), ("1h30m", 5400), ("1d", 86400)],
)
def test_a_reset_in_every_form_in_use(value, seconds):
    assert parse_reset(value, NOW) == pytest.approx(seconds)


def test_a_reset_as_a_moment():
    assert parse_reset(str(int(NOW.timestamp()) + 45), NOW) == 45
    assert parse_reset(str(int(NOW.timestamp()) - 45), NOW) == 0


@pytest.mark.parametrize("value", ["", "soon", "-3", "1x", "nan", "1 s", "s"])
def test_an_unusable_reset(value):
    assert parse_reset(value, NOW) is None


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_breaks_the_readers(left, reset):
    headers = {"x-ratelimit-remaining-requests": left, "x-ratelimit-reset-requests": reset}
    pause = wanted_pause(headers, NOW)
    assert pause is None or pause >= 0
    assert seconds_of(left) >= 0


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "7"}, 7),
        ({"ratelimit-remaining": "3", "ratelimit-reset": "7"}, None),
        ({"ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "90ms"}, 0.09),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            360,
        ),
    ],
)
def test_a_limit_that_is_used_up_asks_for_a_pause(headers, pause):
    assert wanted_pause(headers, NOW) == (None if pause is None else pytest.approx(pause))
    assert tells_limits(headers) == bool(headers)
