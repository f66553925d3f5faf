"""Finds personal data by its shape in raw bytes: literal anchors first, checksums and reserved ranges after.

Where `PERSONAL_DATA` finds nothing, neither does the search.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from sluice.shapes.sieve import Sieve

_LOCAL = re.compile(rb"[A-Za-z0-9._%+-]+\Z")
_DOMAIN = re.compile(rb"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}")
_EXAMPLE_DOMAIN = re.compile(
    rb"(?:.*\.)?example(?:\.(?:com|org|net|edu))?\Z|.*\.(?:test|invalid|localhost|local)\Z", re.I
)
_NO_PERSON = {b"git", b"noreply", b"no-reply"}

_PHONE = re.compile(rb"\+[0-9][0-9 ().-]{6,20}[0-9]")
_FICTIONAL = re.compile(r"1\d{3}55501\d\d|447700900\d{3}|442079460\d{3}|441632960\d{3}|4930231250?\d*|3319900\d*")
_IBAN = re.compile(rb"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_CARD = re.compile(rb"[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
_ISSUER = re.compile(r"4(\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|5\d\d)\d{12}|35\d{14}")
_TEST_CARDS = {
    "4242424242424242", "4111111111111111", "4012888888881881", "5555555555554444", "5105105105105100",
    "378282246310005", "371449635398431", "6011111111111117", "3530111333300000", "4000056655665556",
}  # fmt: skip
_ADDRESS = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?!\.?[0-9])")
_VERSION_BEFORE = re.compile(rb"(?:v|version[ :=]*|release[ :=]*)\Z", re.IGNORECASE)

PERSONAL_DATA = Sieve(
    r"@[A-Za-z0-9-]+\.[A-Za-z0-9-]",
    r"\+[0-9][0-9 ().-]{6}",
    r"[0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}|[0-9](?:[ -]?[0-9]){12}",
    r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
)


def _class_of(byte: int) -> int:
    character = chr(byte)
    if character.isascii() and character.isdigit():
        return ord("0")
    if "A" <= character <= "Z":
        return ord("A")
    return ord(" ") if character in " -" else byte if character in "+." else ord("x")


_CLASSES = bytes(map(_class_of, range(256)))


def find_personal_data(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield (offset, kind) of what looks like personal data; reserved examples are not."""
    yield from _emails(data)
    mask = data.translate(_CLASSES)
    yield from _phones(data, mask)
    yield from _ibans(data, mask)
    yield from _cards(data, mask)
    yield from _addresses(data, mask)


def _occurrences(data: bytes, needle: bytes) -> Iterator[int]:
    position = data.find(needle)
    while position >= 0:
        yield position
        position = data.find(needle, position + 1)


def _emails(data: bytes) -> Iterator[tuple[int, str]]:
    for position in _occurrences(data, b"@"):
        domain = _DOMAIN.match(data, position + 1)
        local = _LOCAL.search(data, max(0, position - 64), position) if domain else None
        if local and domain and local[0].lower() not in _NO_PERSON and not _EXAMPLE_DOMAIN.match(domain[0]):
            yield local.start(), "an e-mail address"


def _phones(data: bytes, mask: bytes) -> Iterator[tuple[int, str]]:
    for position in _occurrences(mask, b"+0"):
        match = _PHONE.match(data, position)
        if not match:
            continue
        digits = re.sub(rb"[^0-9]", b"", match[0]).decode("ascii")
        separated = len(digits) < len(match[0]) - 1
        if (8 if separated else 10) <= len(digits) <= 15 and not _FICTIONAL.match(digits):
            yield position, "a telephone number"


def _ibans(data: bytes, mask: bytes) -> Iterator[tuple[int, str]]:
    for position in _occurrences(mask, b"AA00"):
        match = _IBAN.match(data, position)
        if match and not data[position - 1 : position].isalnum() and _iban_sum(match[0]) == 1:
            yield position, "an IBAN"


def _iban_sum(iban: bytes) -> int:
    """Return the remainder of ISO 13616's check, 1 for a valid number."""
    text = iban.decode("ascii").replace(" ", "")
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97


def _cards(data: bytes, mask: bytes) -> Iterator[tuple[int, str]]:
    last = -1
    for needle in (b"0000000000000", b"0000 000"):
        for position in _occurrences(mask, needle):
            match = _CARD.match(data, position) if position > last else None
            if not match or mask[position - 1 : position] == b"0":
                continue
            last = match.end()
            digits = re.sub(rb"[^0-9]", b"", match[0]).decode("ascii")
            if _ISSUER.fullmatch(digits) and digits not in _TEST_CARDS and _luhn(digits):
                yield position, "a payment card number"
        last = -1


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(value // 10 + value % 10 for value in doubled)) % 10 == 0


def _addresses(data: bytes, mask: bytes) -> Iterator[tuple[int, str]]:
    end = -1
    for position in _occurrences(mask, b"0.0"):
        start = position
        while start > 0 and mask[start - 1 : start] == b"0":
            start -= 1
        if start < end or mask[start - 1 : start] == b".":
            continue
        match = _ADDRESS.match(data, start)
        if match and not _VERSION_BEFORE.search(data, max(0, start - 10), start):
            end = match.end()
            if _public(match[0].decode("ascii")):
                yield start, "a public IP address"


def _public(text: str) -> bool:
    try:
        return ipaddress.IPv4Address(text).is_global
    except ValueError:
        return False
