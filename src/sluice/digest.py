"""Canonical JSON (RFC 8785 in spirit) and SHA-256: the identity of content, whatever its formatting."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value with sorted keys, no blanks, UTF-8 and finite numbers only.

    Whole floats are written as integers, so `1.0` and `1` are the same content.
    Raises ValueError for NaN and infinities.
    """
    return _ENCODER.encode(_normalise(value)).encode("utf-8", "surrogatepass")


def encode_normal(value: Any) -> bytes:
    """Encode a JSON value as `canonical_json` does, if its keys are sorted texts and its whole numbers integers."""
    return _PLAIN_ENCODER.encode(value).encode("utf-8", "surrogatepass")


# To make an encoder costs more than to encode a short value.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_PLAIN_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _normalise(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is int or value is None:  # most values
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {str(key): _normalise(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_normalise(item) for item in value]
    return value


def digest(value: Any) -> str:
    """Return `sha256:<hex>` of the canonical JSON of a value."""
    return digest_bytes(canonical_json(value))


def digest_bytes(data: bytes) -> str:
    """Return `sha256:<hex>` of bytes as they are."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def short(digest_text: str) -> str:
    """Return the first twelve hex digits of a digest, for people and file names."""
    return digest_text.removeprefix("sha256:")[:12]
