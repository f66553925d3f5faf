from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.shapes import find_personal_data


def _kinds(text: str) -> list[str]:
    return [kind for _, kind in find_personal_data(text.encode())]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane.roe+x@mail.contoso.com now", "an e-mail address"),
        ("<a_b@sub.firm.co.uk>", "an e-mail address"),
        ("+49 89 1234 5678", "a telephone number"),
        ("call +442079461234567.", "a telephone number"),
        ("+1 (212) 664-7665", "a telephone number"),
        ("DE89 3704 0044 0532 0130 00", "an IBAN"),
        ("IBAN:GB82WEST12345698765432.", "an IBAN"),
        ("4532 0151 1283 0366", "a payment card number"),
        ("card 4532015112830366!", "a payment card number"),
        ("3714-496353-98431".replace("98431", "98431") + " 371449635398498", "a payment card number"),
        ("host 8.8.8.8.", "a public IP address"),
        ("http://93.184.216.34/x", "a public IP address"),
    ],
)
def test_personal_data(text: str, kind: str) -> None:
    assert kind in _kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "support@example.com", "a@shop.example", "a@host.test", "git@github.com:x/y.git", "image@sha256:0a1b", "a@b",
        "@docs-team", "+1 212 555 0142", "+44 7700 900123", "UTC+0200", "+1000 points", "DE88 3704 0044 0532 0130 00",
        "AB12 is a gate", "4242 4242 4242 4242", "4111111111111111", "4532 0151 1283 0367", "1763812345678",
        "10.0.0.1 192.168.1.1 127.0.0.1 192.0.2.7 198.51.100.1 203.0.113.9", "1.2.3", "version 4.12.0.1", "v2.0.0.1",
        "999.1.2.3", "1.2.3.4.5", "error 495 and 655", "0000000000000000",
    ],
)  # fmt: skip
def test_examples_and_lookalikes_are_none(text: str) -> None:
    assert _kinds(text) == []


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    assert all(0 <= offset < len(data) for offset, _ in find_personal_data(data))


@given(st.text(alphabet="0123456789 -+.ADE@x", max_size=80))
def test_digit_soup_never_raises(text: str) -> None:
    _kinds(text)
