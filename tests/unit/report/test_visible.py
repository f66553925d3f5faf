from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.report.visible import clipped, one_line, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\rb", r"a\x0db"),
        ("a\r\nb", "a\nb"),
        ("a\tb", "a    b"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202edef", r"abc\u202edef"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("a\u2028b", r"a\u2028b"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("\x00\x7f", r"\x00\x7f"),
        ("Grüße 日本 👩\u200d🚀", "Grüße 日本 👩\u200d🚀"),
    ],
)
def test_what_commands_a_screen_is_shown_as_an_escape(text, expected):
    assert visible(text) == expected


@given(st.text())
def test_nothing_hidden_is_left(text):
    left = {unicodedata.category(c) for c in visible(text) if c not in "\n\u200c\u200d"}
    assert not left & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert "\n" not in one_line(text)


@given(st.text(), st.integers(1, 50))
def test_clipping_keeps_the_limit(text, limit):
    assert len(clipped(text, limit)) <= limit
    assert clipped(text, len(text)) == text
