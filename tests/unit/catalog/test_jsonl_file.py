from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.catalog.jsonl_file import MAX_FINDINGS, MAX_LINE_BYTES, read_rows
from sluice.errors import Finding


def _read(data: bytes) -> tuple[list[tuple[int, dict[str, Any]]], list[Finding]]:
    findings: list[Finding] = []
    return list(read_rows("d.jsonl", data, findings)), findings


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\r"])
def test_only_line_feeds_end_a_row(separator: str) -> None:
    raw = json.dumps({"a": f"x{separator}y"}, ensure_ascii=False)
    if ord(separator) < 0x20:
        raw = raw.replace(json.dumps(separator)[1:-1], separator)
    rows, findings = _read(raw.encode() + b"\n")
    if ord(separator) < 0x20:
        assert [finding.rule for finding in findings] == ["row-syntax"]
    else:
        assert rows == [(1, {"a": f"x{separator}y"})] and not findings


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b'{"a": NaN}', "row-value"),
        (b'{"a": -Infinity}', "row-value"),
        (b'{"a": 1e400}', "row-value"),
        (b'{"a": 1, "a": 2}', "row-value"),
        (b'{"a": 1, "\\u0061" : 2}', "row-value"),
        (b'{"x": [{"a": 1, "a" :2}]}', "row-value"),
        (b'{"a": ' + b"7" * 5000 + b"}", "row-value"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "row-value"),
        (b'{"a": "\\ud83c"}', "row-value"),
        (b'{"\\udc00": 1}', "row-value"),
        (b"", "row-blank"),
        (b"  \t", "row-blank"),
        (b'{"a": 1}\r', "row-line-ending"),
        (b'{"a": 1} {"b": 2}', "row-syntax"),
        (b"[1]", "row-syntax"),
        (b'"text"', "row-syntax"),
        (b'{"a": 1', "row-syntax"),
        (b"{'a': 1}", "row-syntax"),
        (b'{"a": "\xff"}', "file-encoding"),
        (b'\xef\xbb\xbf{"a": 1}', "row-syntax"),
        ('{"a": 1}'.encode("utf-16"), "file-encoding"),
        (b'{"a": "' + b"x" * MAX_LINE_BYTES + b'"}', "row-too-large"),
    ],
)
def test_hazards_are_findings_at_their_line_and_reading_goes_on(line: bytes, rule: str) -> None:
    rows, findings = _read(b'{"before": 1}\n' + line + b'\n{"after": 2}\n')
    assert [finding.rule for finding in findings if finding.line == 2] == [rule]
    assert (1, {"before": 1}) in rows and (3, {"after": 2}) in rows and len(rows) == 2


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert _read(b'{"a": "\\ud83d\\ude00"}\n') == ([(1, {"a": "😀"})], [])


def test_a_missing_last_line_feed_is_no_problem() -> None:
    assert _read(b'{"a": 1}\n{"b": 2}') == ([(1, {"a": 1}), (2, {"b": 2})], [])


def test_an_empty_object_is_a_row() -> None:
    assert _read(b"{}\n") == ([(1, {})], [])


def test_columns_point_at_the_syntax_error() -> None:
    _, (finding,) = _read('{"ä": 1, b: 2}\n'.encode())
    assert (finding.line, finding.column) == (1, 10)


def test_reading_stops_after_many_findings() -> None:
    rows, findings = _read(b"x\n" * 5000 + b'{"a": 1}\n')
    assert len(findings) == MAX_FINDINGS and rows == []
    assert ["the rest is left out" in one.found for one in findings] == [False] * (MAX_FINDINGS - 1) + [True]


def test_a_large_row_within_the_limit_is_read() -> None:
    row = {"a": "ü" * 300_000}
    assert _read(json.dumps(row, ensure_ascii=False).encode() + b"\n") == ([(1, row)], [])


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    rows, findings = _read(data)
    assert len(rows) + len(findings) <= data.count(b"\n") + 1


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), JSON_VALUES, max_size=4), max_size=4), st.booleans())
def test_what_json_writes_reads_back_equal(values: list[dict[str, Any]], ascii_only: bool) -> None:
    lines = [json.dumps(value, ensure_ascii=ascii_only) for value in values]
    rows, findings = _read("".join(line + "\n" for line in lines).encode("utf-8"))
    assert [row for _, row in rows] == values and not findings
