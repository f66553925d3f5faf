"""Strict JSON Lines: one object a line, split on line feeds only, every problem with its place.

The standard library's parser accepts NaN, infinities, duplicate keys and lone surrogates; none of them
survives a round trip between tools, so each is a finding here. Rows are read in blocks: what is plain in
every way is taken as it is (`jsonl_block`), and anything else is read again line by line, to be explained.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from sluice.catalog.jsonl_block import Block, plain_rows
from sluice.errors import Finding, last_told

MAX_LINE_BYTES = 1_000_000
MAX_FINDINGS = 100
_BLOCK_BYTES = 64_000
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


_decode = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float).decode


def read_rows(path: str, data: bytes, findings: list[Finding]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, row) for each good line; problems are appended to `findings`.

    Reading goes on after a bad line, and stops after 100 findings.
    """
    for block in read_blocks(path, data, findings):
        yield from zip(block.lines, block.rows, strict=True)


def read_blocks(path: str, data: bytes, findings: list[Finding]) -> Iterator[Block]:
    """Yield the good lines in blocks, in file order, as `read_rows` does one by one."""
    start, line, size = 0, 1, len(data)
    while start < size and len(findings) < MAX_FINDINGS:
        end = data.find(b"\n", start + _BLOCK_BYTES)
        raw = data[start : end if end >= 0 else size - data.endswith(b"\n")]
        rows = plain_rows(raw) if len(raw) <= MAX_LINE_BYTES else None
        count = raw.count(b"\n") + 1
        yield _explained(path, line, raw, findings) if rows is None else Block(range(line, line + count), rows)
        start, line = start + len(raw) + 1, line + count


def _explained(path: str, first: int, raw: bytes, findings: list[Finding]) -> Block:
    """Read some lines one by one, so that every problem is found and told."""
    lines, rows = [], []
    for line, one in enumerate(raw.split(b"\n"), first):
        row = _read_line(path, line, one, findings)
        if row is not None:
            lines.append(line)
            rows.append(row)
        if len(findings) >= MAX_FINDINGS:
            findings[-1] = last_told(findings[-1], MAX_FINDINGS)
            break
    return Block(lines, rows)


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
