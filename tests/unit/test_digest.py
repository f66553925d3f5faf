from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.digest import canonical_json, digest, digest_bytes, short

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(value[key]) for key in reversed(list(value))}
    return [_shuffled(item) for item in value] if isinstance(value, list) else value


@given(VALUES)
def test_key_order_does_not_matter(value: Any) -> None:
    assert digest(value) == digest(_shuffled(value))


@given(VALUES)
def test_canonical_json_reads_back_equal(value: Any) -> None:
    if "surrogates" not in repr(value):
        assert json.loads(canonical_json(value).decode("utf-8", "surrogatepass")) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": [1.0, 0.5, True, None]}, b'{"a":[1,0.5,true,null],"b":1}'),
        ("ü\u2028", '"ü\u2028"'.encode()),
        (-0.0, b"0"),
        (1e300, b"1e+300"),
    ],
)
def test_published_forms(value: Any, written: bytes) -> None:
    assert canonical_json(value) == written


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_not_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json({"x": [value]})


def test_a_number_and_its_text_differ() -> None:
    assert len({digest(value) for value in (1, "1", True, [1], None, 1.5)}) == 6


def test_digest_is_plain_sha256() -> None:
    assert digest_bytes(b"abc") == "sha256:" + hashlib.sha256(b"abc").hexdigest()
    assert digest({}) == digest_bytes(b"{}")
    assert short(digest({})) == hashlib.sha256(b"{}").hexdigest()[:12]
