"""DSSE envelopes: what is signed, and byte for byte what may stand in a file.

Source: https://github.com/secure-systems-lab/dsse, protocol and envelope, version 1.0.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from sluice.digest import canonical_json
from sluice.evidence.keys import Keys, PublicKey, SigningKey
from sluice.evidence.unverified import Unverified

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_BYTES = 32 * 2**20
"""Above any statement: the largest lists the ids of a hundred thousand cases."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and its one signature."""

    payload: bytes
    keyid: str
    signature: bytes


def pre_authentication(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the bytes that are signed (PAE): the lengths stand in them, so type and payload cannot flow together."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, key: SigningKey) -> Envelope:
    """Return the payload in an envelope signed by one key."""
    return Envelope(payload, key.keyid, key.sign(pre_authentication(payload)))


def encode(envelope: Envelope) -> bytes:
    """Return the one way in which an envelope is written: canonical JSON and a line feed."""
    signature = {"keyid": envelope.keyid, "sig": base64.b64encode(envelope.signature).decode()}
    payload = base64.b64encode(envelope.payload).decode()
    return canonical_json({"payload": payload, "payloadType": PAYLOAD_TYPE, "signatures": [signature]}) + b"\n"


def decode(data: bytes) -> Envelope:
    """Return the envelope of a file; raise Unverified for anything that `encode` would not have written."""
    if len(data) > MAX_BYTES:
        raise Unverified(f"the file has {len(data):,} bytes; an envelope has at most {MAX_BYTES:,}")
    try:
        envelope = _read(json.loads(data))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Unverified("the file is no DSSE envelope with one signature") from None
    if encode(envelope) != data:
        raise Unverified("the file differs from the one way in which an envelope is written")
    return envelope


def _read(value: Any) -> Envelope:
    if value["payloadType"] != PAYLOAD_TYPE:
        raise ValueError
    (signature,) = value["signatures"]
    return Envelope(_bytes(value["payload"]), str(signature["keyid"]), _bytes(signature["sig"]))


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError from None


def signer(envelope: Envelope, keys: Keys) -> PublicKey:
    """Return the trusted key that signed an envelope; raise Unverified where none did."""
    key = keys.get(envelope.keyid)
    if not key.signed(pre_authentication(envelope.payload), envelope.signature):
        raise Unverified(f"the signature is not that of the key {key.name} over this payload")
    return key
