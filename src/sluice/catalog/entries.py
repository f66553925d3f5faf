"""The immutable values that a catalog holds: each file's content with the place it came from."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from sluice.catalog.jsonl_block import Block
from sluice.catalog.jsonl_file import read_blocks, read_rows
from sluice.catalog.yaml_file import KeyPath, YamlFile
from sluice.digest import canonical_json
from sluice.errors import Finding, InvalidFiles
from sluice.schema import CalibrationFile, DatasetCard, FileModel

FileT = TypeVar("FileT", bound=FileModel)


@dataclass(frozen=True)
class Entry(Generic[FileT]):
    """One file of the ground floor: its name, path, validated value and the places of its keys."""

    name: str
    path: str
    value: FileT
    source: YamlFile = field(repr=False, compare=False)

    def finding(self, where: KeyPath, rule: str, found: str, expected: str, fix: str, *, key: bool = False) -> Finding:
        """Make a finding at the place of a key path of this file."""
        line, column = self.source.key_place(where) if key else self.source.place(where)
        return Finding(self.path, line, column, rule, found, expected, fix)


Row = Mapping[str, Any]

_CONTENT_DIGESTS: dict[bytes, str] = {}
"""SHA-256 of raw rows -> digest of their content: base and head mostly hold the same rows."""


@dataclass(frozen=True)
class Dataset(Entry[DatasetCard]):
    """A card and the raw bytes of its rows; rows are parsed when they are asked for."""

    rows_path: str = ""
    data: bytes | None = field(default=None, repr=False)
    calibration: CalibrationFile | None = field(default=None, repr=False)
    """What the judge said that its labels calibrate, where that was written down."""

    def scan(self, findings: list[Finding]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield (line, row) without keeping rows in memory; problems go to `findings`."""
        return read_rows(self.rows_path, self.data or b"", findings)

    def blocks(self, findings: list[Finding]) -> Iterator[Block]:
        """Yield what `scan` does, many rows at once."""
        return read_blocks(self.rows_path, self.data or b"", findings)

    def line(self, number: int) -> str:
        """Return one line of the rows file as text; lines count from 1."""
        data, starts = self.data or b"", self._line_starts
        end = starts[number] - 1 if number < len(starts) else len(data)
        return data[starts[number - 1] : end].decode("utf-8", "replace")

    @cached_property
    def _line_starts(self) -> array[int]:
        data, starts, position = self.data or b"", array("Q", (0,)), 0
        while (position := data.find(b"\n", position) + 1) > 0:
            starts.append(position)
        return starts

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All rows in file order; raise InvalidFiles where any line is bad."""
        findings: list[Finding] = []
        rows = tuple(row for _, row in self.scan(findings))
        if findings:
            raise InvalidFiles(findings)
        return rows

    @cached_property
    def content_digest(self) -> str:
        """SHA-256 over the canonical rows in file order: formatting does not change it."""
        raw = hashlib.sha256(self.data or b"").digest()
        if raw not in _CONTENT_DIGESTS:
            hasher = hashlib.sha256()
            for row in self.rows:
                hasher.update(canonical_json(row) + b"\n")
            _CONTENT_DIGESTS[raw] = "sha256:" + hasher.hexdigest()
        return _CONTENT_DIGESTS[raw]

    def case_id(self, row: Row) -> str:
        """Return the stable id of a row."""
        return str(row[self.value.id])

    def cluster(self, row: Row) -> str | None:
        """Return the value that groups dependent cases, or None for a case of its own."""
        name = self.value.cluster
        value = row.get(name) if name else None
        return None if value is None else str(value)

    def slices(self, row: Row) -> dict[str, str]:
        """Return slice field -> value as text."""
        return {name: _slice_text(row[name]) for name in self.value.slices if name in row}


def _slice_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
