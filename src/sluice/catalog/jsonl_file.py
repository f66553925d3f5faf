"""Strict JSON Lines: one object a line, split on line feeds only, every problem with its place.

The standard library's parser accepts NaN, infinities, duplicate keys and lone surrogates; none of them
survives a round trip between tools, so each is a finding here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from sluice.errors import Finding

MAX_LINE_BYTES = 1_000_000
MAX_FINDINGS = 100
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _BadRow(ValueError):
    """A row that the JSON parser would accept but that is no exchangeable JSON."""

    def __init__(self, found: str, expected: str, fix: str) -> None:
        super().__init__(found)
        self.found, self.expected, self.fix = found, expected, fix


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise _BadRow(f"key {double!r} twice in one object", "each key once", "remove or rename one of them")
    return values


def _constant(text: str) -> NoReturn:
    raise _BadRow(text, "a finite number", "write a number, or leave the field out")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _BadRow(text, "a finite number", "write a number in range")
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float)
_decode = _decoder.decode
_scan = _decoder.scan_once  # type: ignore[attr-defined]


def read_rows(path: str, data: bytes, findings: list[Finding]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, row) for each good line; problems are appended to `findings`.

    Reading goes on after a bad line, and stops after 100 findings.
    """
    if data[:26] == b"version https://git-lfs.gith":
        data = b""
    start, line = 0, 0
    size = len(data)
    while start < size:
        end = data.find(b"\n", start)
        end = size if end < 0 else end
        line += 1
        raw = data[start:end]
        row = _plain_row(raw) or _read_line(path, line, raw, findings)
        if row is not None:
            yield line, row
        if len(findings) >= MAX_FINDINGS:
            return
        start = end + 1


def _plain_row(raw: bytes) -> dict[str, Any] | None:
    """Return the row of a line without anything unusual; everything else is left to the reader that explains."""
    try:
        text = raw.decode("utf-8")
        row, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        return None
    plain = end == len(text) <= MAX_LINE_BYTES // 4 and type(row) is dict and "\\u" not in text
    return row if plain else None


def _read_line(path: str, line: int, raw: bytes, findings: list[Finding]) -> dict[str, Any] | None:
    def add(column: int, rule: str, found: str, expected: str, fix: str) -> None:
        findings.append(Finding(path, line, column, rule, found, expected, fix))

    if len(raw) > MAX_LINE_BYTES:
        add(1, "row-too-large", f"{len(raw)} bytes", f"at most {MAX_LINE_BYTES}", "shorten the row")
        return None
    if raw.endswith(b"\r"):
        add(
            len(raw),
            "row-line-ending",
            "a carriage return",
            "line feeds only",
            "save the file with LF line endings",
        )
        return None
    if not raw.strip():
        add(1, "row-blank", "a blank line", "one JSON object a line", "delete the line")
        return None
    try:
        text = raw.decode("utf-8")
        row = _decode(text)
    except UnicodeDecodeError as error:
        fix = "save the file as UTF-8 without a byte order mark"
        add(error.start + 1, "file-encoding", f"byte 0x{raw[error.start]:02x}", "UTF-8", fix)
    except _BadRow as error:
        add(1, "row-value", error.found, error.expected, error.fix)
    except json.JSONDecodeError as error:
        add(error.colno, "row-syntax", f"{error.msg}", "one JSON object", "mend the JSON of this line")
    except RecursionError:
        add(1, "row-value", "very deep nesting", "flat data", "flatten the row")
    except ValueError as error:
        add(1, "row-value", str(error).split(";")[0], "a number of usual size", "quote it if it is an id")
    else:
        return _as_object(row, text, add)
    return None


def _as_object(row: Any, text: str, add: Any) -> dict[str, Any] | None:
    if not isinstance(row, dict):
        add(1, "row-syntax", f"a JSON {type(row).__name__}", "an object", 'write {"id": …, …}')
        return None
    if "\\u" in text and _SURROGATE.search(text):
        try:
            json.dumps(row, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            add(
                1,
                "row-value",
                "half of a surrogate pair",
                "whole Unicode characters",
                "write the character itself",
            )
            return None
    return row
