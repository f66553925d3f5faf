"""Safety of an output by shapes: personal data and credentials. Reasons never repeat what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sluice.assertions.model import AssertionConfigError, AssertionType, Check, Score, Subject, verdict
from sluice.assertions.options import no_threshold, no_value
from sluice.errors import nearest
from sluice.schema import Assertion
from sluice.shapes import find_personal_data, find_secrets

KINDS = {
    "email": "an e-mail address",
    "phone": "a telephone number",
    "iban": "an IBAN",
    "card": "a payment card number",
    "ip": "a public IP address",
}
"""Name in a suite file -> what the search calls it."""


def _compile_personal_data(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    wanted = _wanted(assertion.value)

    def find(output: bytes) -> Iterator[str]:
        return (kind for _, kind in find_personal_data(output) if kind in wanted)

    return Check(_judge(find, "no personal data"))


def _compile_secret(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_value(assertion)
    no_threshold(assertion)
    return Check(_judge(lambda output: (kind for _, kind in find_secrets(output)), "no credential"))


def _wanted(value: Any) -> frozenset[str]:
    names = list(KINDS) if value is None else value if isinstance(value, list) else [value]
    if not names:
        raise AssertionConfigError(f"an empty list looks for nothing; kinds are {', '.join(KINDS)}", "value")
    for name in names:
        if name not in list(KINDS):
            raise AssertionConfigError(f"no kind of personal data {name!r}; {nearest(str(name), KINDS)}", "value")
    return frozenset(KINDS[name] for name in names)


def _judge(find: Callable[[bytes], Iterator[str]], nothing: str) -> Callable[[Subject], Score]:
    def judge(subject: Subject) -> Score:
        kinds = list(find(subject.output.encode("utf-8", "replace")))
        more = f" and {len(kinds) - 1} more" if len(kinds) > 1 else ""
        return verdict(bool(kinds), f"the output holds {kinds[0] if kinds else nothing}{more}")

    return judge


TYPES = (
    AssertionType(
        "contains-personal-data",
        "the output holds an e-mail address, an international telephone number (+…), an IBAN or a payment card number "
        "whose checksum is right, or a public IPv4 address; of these, the kinds that the value names (`email`, "
        "`phone`, `iban`, `card`, `ip`; default all). Reserved examples do not count: example.com, 192.0.2.1, "
        "fictional and test numbers",
        "binary",
        1,
        _compile_personal_data,
    ),
    AssertionType(
        "contains-secret",
        "the output holds a credential by its shape: a key or token of a known issuer, a JSON web token, a private "
        "key, a password in a URL, or a random text of 20 characters that is assigned to a name such as `api_key`",
        "binary",
        1,
        _compile_secret,
    ),
)
