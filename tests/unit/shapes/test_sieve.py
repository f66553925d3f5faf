from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.shapes import PERSONAL_DATA, SECRETS, Sieve, credentials, find_personal_data, find_secrets, personal

NAMES = [
    b"api_key",
    b"API-KEY",
    b"Secret",
    b"secret_key",
    b"AccessKey",
    b"auth-token",
    b"TOKEN",
    b"password",
    b"passwd",
]
RUNS = st.from_regex(rb"[A-Za-z0-9_-]{20,45}", fullmatch=True)
ASSIGNED = st.tuples(
    st.sampled_from(NAMES),
    st.from_regex(rb"[\\\"']{0,2}[ \t\r\n\f\v]{0,2}[:=][ \t\n]{0,2}(?:bearer |Bearer\n)?[\\\"']{0,2}", fullmatch=True),
    RUNS,
).map(b"".join)
SECRET_SHAPES = [shape for _, shape in credentials._SHAPES] + [credentials._JWT]
PERSONAL_SHAPES = [personal._PHONE, personal._IBAN, personal._CARD, personal._ADDRESS]
ADDRESSES = st.from_regex(
    rb"[A-Za-z0-9._%+-]{1,9}@[A-Za-z0-9-]{1,5}(\.[A-Za-z0-9-]{1,4}){0,2}\.[a-z]{2}", fullmatch=True
)
URLS = st.from_regex(rb"://[A-Za-z0-9._%+-]{1,9}:[^\s/@:\"'\\{}<>]{6,9}@[A-Za-z0-9]", fullmatch=True)
UMLAUTS = st.just("postgres://reader:üüü@db".encode())
KEYS = st.sampled_from([b"-----BEGIN RSA PRIVATE KEY-----", b"-----BEGIN\nPRIVATE KEY-----"])
FRAMES = st.sampled_from([b"", b" ", b'"', b"\\n", b"x", b"7", b"-", "ü".encode(), b"\xff", b"\n"])


def _shape(patterns: list[object]) -> st.SearchStrategy[bytes]:
    return st.one_of([st.from_regex(pattern) for pattern in patterns])  # type: ignore[arg-type]


@given(FRAMES, _shape(SECRET_SHAPES) | ASSIGNED | URLS | UMLAUTS | KEYS | RUNS | st.binary(max_size=80), FRAMES)
def test_no_credential_falls_through(before: bytes, text: bytes, after: bytes) -> None:
    data = before + text + after
    assert SECRETS.holds(data) or not list(find_secrets(data))


@given(FRAMES, _shape(PERSONAL_SHAPES) | ADDRESSES | st.binary(max_size=80), FRAMES)
def test_no_personal_data_falls_through(before: bytes, text: bytes, after: bytes) -> None:
    data = before + text + after
    assert PERSONAL_DATA.holds(data) or not list(find_personal_data(data))


@given(st.text(alphabet="0123456789 -+.ADE@x:/", max_size=80))
def test_no_digits_fall_through(text: str) -> None:
    assert PERSONAL_DATA.holds(text.encode()) or not list(find_personal_data(text.encode()))


@pytest.mark.parametrize("sieve", [SECRETS, PERSONAL_DATA])
def test_ordinary_rows_fall_through(sieve: Sieve) -> None:
    row = {
        "id": "payments-refund-window-2026-paraphrase-04",
        "text": "Since 12.20, see https://example.com:8080/x: 1,000 + 5 ü",
    }
    assert not sieve.holds(json.dumps(row, ensure_ascii=False).encode() * 100)


def test_what_is_no_text_is_never_passed_over() -> None:
    assert Sieve("x").holds(b"\xff") and Sieve("x").holds(b"ax") and not Sieve("x").holds(b"a")
