"""From a statement to the bytes of its file."""

from __future__ import annotations

from sluice.evidence.envelope import encode, sign
from sluice.evidence.keys import SigningKey
from sluice.evidence.statement import Statement, write


def signed(statement: Statement, key: SigningKey) -> bytes:
    """Return the file of a signed statement."""
    return encode(sign(write(statement), key))
