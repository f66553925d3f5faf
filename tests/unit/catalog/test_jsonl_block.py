from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.catalog import jsonl_file
from sluice.catalog.jsonl_block import Block, plain_rows
from sluice.catalog.jsonl_file import MAX_FINDINGS, read_blocks
from sluice.errors import Finding

TEXTS = st.text() | st.text(alphabet='":\\, \t{}[]u0', max_size=8)
NUMBERS = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)
SEPARATORS = st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : "), (",\t", "\t:"), (", ", "  : ")])


@st.composite
def good_lines(draw: st.DrawFn) -> str:
    row = draw(st.dictionaries(TEXTS, VALUES, max_size=4))
    return json.dumps(row, ensure_ascii=draw(st.booleans()), separators=draw(SEPARATORS))


@st.composite
def objects_by_hand(draw: st.DrawFn) -> str:
    """An object whose keys may stand in it twice, written the same way or not."""
    keys = draw(
        st.lists(st.sampled_from(['"a"', '"\\u0061"', '"b"', '":"', '"\\\\"', '"\\""', '"\\":"', '""']), max_size=4)
    )
    values = st.sampled_from(["1", '"a:b"', '"\\": "', '{"a":1,"a":2}', '[{"b" :1}]', "1e400", "-0.0", '" :"', "NaN"])
    colons = st.sampled_from([":", ": ", " :", "  :", "\t:", " \t:", "\r:"])
    return "{" + ", ".join(key + draw(colons) + draw(values) for key in keys) + "}"


HAZARDS = [
    "", " ", "\r", "[1]", "null", '"x"', "1", '{"a":1}\r', ' {"a":1}', '{"a":1} ', '{"a":1}{"b":2}', '{"a":1},{"b":2}',
    '{"a":1', '"b":2}', '{"a":[1', "2]}", '{"a":"\\ud83c"}', '{"a":"\\ud83d\\ude00"}', '{"a":"\\ud83dx"}', '{"a":01}',
    '{"a":"\x01"}', '{"a":Infinity}', '{"a":-Infinity}', '{"a":1e400}', '{"a":-1e999}', '{"a":1e-400}', "\ufeff{}",
    '{"a":' + "7" * 400 + "}", '{"a":' + "7" * 5000 + "}", '{"a":' + "[" * 300 + "]" * 300 + "}", '{"a":1,}', "{'a':1}",
    '{"a": {"b": 1, "b": 2}, "c": ":"}', '{"a" :1, "a" :2, "b": "\\":"}', '{"a": 1, "a": 2, "b": ":"}',
]  # fmt: skip
LINES = good_lines() | objects_by_hand() | st.sampled_from(HAZARDS)


def _found(data: bytes) -> tuple[str, list[Finding]]:
    findings: list[Finding] = []
    rows = [
        pair for block in read_blocks("d.jsonl", data, findings) for pair in zip(block.lines, block.rows, strict=True)
    ]
    # As text, because 1 == 1.0 == True and 0.0 == -0.0.
    return repr(rows), findings


def _explained(data: bytes) -> tuple[str, list[Finding]]:
    """What the reader that explains says of every line, without the one that takes what is plain."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl_file, "plain_rows", lambda raw: None)
        return _found(data)


@given(st.lists(LINES, max_size=6), st.booleans(), st.sampled_from([1, 30, 64_000]))
@example(['{"a": 1e400}'], True, 64_000)
@example(['{"a": 1, "a" :2}', '{"b": ":"}'], True, 64_000)
@example(['{"a":[1', "2]}"], False, 64_000)
@example([r'{"\\": 1, "\\": ":"}'], True, 64_000)
@example(['{"a"  : 1, "a"  : ":"}'], True, 64_000)
@example(['{"a"\t: 1, "a"\t: ":"}'], True, 64_000)
def test_blocks_hold_what_the_lines_do_one_by_one(lines: list[str], ended: bool, size: int) -> None:
    data = "\n".join(line.replace("\n", " ") for line in lines).encode("utf-8", "surrogatepass") + b"\n" * ended
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl_file, "_BLOCK_BYTES", size)
        assert _found(data) == _explained(data)


@given(st.binary(max_size=60), st.sampled_from(HAZARDS), st.integers(0, 100))
def test_bytes_in_the_middle_of_anything(noise: bytes, line: str, place: int) -> None:
    raw = line.encode()
    data = raw[:place] + noise + raw[place:] + b'\n{"a": 1}\n'
    assert _found(data) == _explained(data)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 25))
def test_numbers_are_the_nearest_there_are(value: float, digits: int) -> None:
    for text in (repr(value), f"{value:.{digits}e}", f"{value:.{digits}f}"[:300]):
        if math.isfinite(float(text)):
            assert _found(f'{{"a": {text}}}'.encode()) == _explained(f'{{"a": {text}}}'.encode())


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "a", "nested": [{"x": {"y": 1.5}}, []], "empty": {}}',
        '{"fact": "release: 12:30", "url": "https://example.com", "id" : "b"}',
        '{"output": "{\\"category\\": \\"bug\\"}", "id": "a"}',
        '{"text": "größer\\u00fc", "n": [1, 2.5, null, true]}',
        "{}",
    ],
)
def test_plain_lines_need_no_explaining(line: str) -> None:
    wanted = json.loads(line)
    assert plain_rows("\n".join([line] * 3).encode()) == [wanted] * 3


@pytest.mark.parametrize(
    "line",
    ['{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 2}}', '{"a": [{"b": 1, "b": 2}], "c": ":"}', '{"a": 1e400}', "[]", ""],
)
def test_one_unusual_line_leaves_the_whole_block_to_be_explained(line: str) -> None:
    assert plain_rows(f'{{"a": 1}}\n{line}\n{{"b": 2}}'.encode()) is None


def test_shapes_are_the_distinct_keys() -> None:
    rows: list[dict[str, Any]] = [{"a": 1, "b": 2}, {"a": 3, "b": 4}, {"a": 5}]
    assert Block(range(1, 4), rows).shapes == {("a", "b"), ("a",)}


def test_reading_ends_in_the_block_that_has_too_many_problems() -> None:
    findings: list[Finding] = []
    blocks = list(read_blocks("d.jsonl", b'{"a": 1}\n' * 20_000 + b"x\n" * 5000 + b'{"a": 1}\n' * 20_000, findings))
    assert len(findings) == MAX_FINDINGS and findings[0].line == 20_001
    assert sum(len(block.rows) for block in blocks) == 20_000
