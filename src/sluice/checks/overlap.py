"""Exact and near duplicates between a held-out dataset and a train dataset, found while train rows stream by.

Two rows are near duplicates where every compared field is equal or has a Jaccard similarity of word 3-shingles
of at least 0.8. Then the shingles of all fields together are as similar, and so the 20 % that come first in any
fixed order, here the rarest, must share one: only those are indexed (prefix filter: Chaudhuri, Ganti and Kaushik,
ICDE 2006).
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import TypeAlias

from sluice.catalog import Catalog, Dataset
from sluice.checks.row_groups import MOST
from sluice.checks.word_shingles import SIMILAR, hashes_of, near, normalised

_BUCKETS = 1 << 18
_MASK = _BUCKETS - 1

Columns: TypeAlias = Sequence[Sequence[str]]
"""For each compared field, the normalised texts of some rows."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """One held-out row that a train row repeats; lines count from 1."""

    line: int
    train_line: int
    exact: bool


@dataclass(slots=True)
class HeldOut:
    """The comparison of one held-out dataset with one train dataset by the named fields.

    Memory grows with the held-out side only: about 0.5 kB for a row of 25 words.
    """

    held_out: Dataset
    train: Dataset
    names: tuple[str, ...]
    overlaps: dict[int, Overlap] = field(default_factory=dict)
    _exact: dict[int, int] = field(default_factory=dict)
    _rows: dict[int, array[int]] = field(default_factory=dict)
    _counts: array[int] = field(default_factory=lambda: array("I", bytes(4 * _BUCKETS)))
    _index: dict[int, array[int]] = field(default_factory=dict)

    def add(self, lines: Sequence[int], columns: Columns) -> None:
        """Take in some held-out rows: their lines, and for each field the normalised texts."""
        counts = self._counts
        for line, *texts in zip(lines, *columns, strict=True):
            if not any(texts):
                continue
            self._exact.setdefault(hash(tuple(texts)), line)
            self._rows[line] = shingles = array("q", _shingles(texts))
            for shingle in shingles:
                counts[shingle & _MASK] += 1

    def compare(self, lines: Sequence[int], columns: Columns) -> None:
        """Compare some train rows with everything that was taken in."""
        rows: Sequence[int] = range(len(lines)) if self._rows else ()
        for index, column in enumerate(columns):
            rows = self._not_new(index, column, rows)
        for row in rows:
            if len(self.overlaps) >= MOST:
                return
            self._compare(lines[row], [column[row] for column in columns])

    def _not_new(self, index: int, column: Sequence[str], rows: Sequence[int]) -> list[int]:
        """Keep the rows of which one field has at most a fifth of shingles that no held-out row has.

        Others are no duplicates: of what two near texts have together, each has four fifths.
        """
        counts, kept = self._counts, []
        for row in rows:
            unknown: set[int] = set()
            most = max(column[row].count(" ") - 1, 1) // 5
            for shingle in hashes_of(index, column[row]):
                if not counts[shingle & _MASK]:
                    unknown.add(shingle)
                    if len(unknown) > most:
                        break
            else:
                kept.append(row)
        return kept

    def _compare(self, line: int, texts: list[str]) -> None:
        exact = self._exact.get(hash(tuple(texts)))
        if exact is not None and self._texts(exact) == texts:
            self.overlaps[exact] = Overlap(exact, line, exact=True)
            return
        for candidate in self._candidates(_shingles(texts)):
            if candidate not in self.overlaps and near(self._texts(candidate), texts):
                self.overlaps[candidate] = Overlap(candidate, line, exact=False)

    def _candidates(self, shingles: set[int]) -> list[int]:
        """Return the lines of held-out rows whose shingles of all fields together are similar enough."""
        index = self._index or self._indexed()
        found: set[int] = set()
        for shingle in self._prefix(shingles):
            found.update(index.get(shingle, ()))
        return sorted(line for line in found if _similar(shingles, self._rows[line]))

    def _indexed(self) -> dict[int, array[int]]:
        """Index the prefixes once all held-out rows are known, and with them which shingles are rare."""
        for line, shingles in self._rows.items():
            for shingle in self._prefix(shingles):
                self._index.setdefault(shingle, array("I")).append(line)
        return self._index

    def _prefix(self, shingles: Collection[int]) -> list[int]:
        """Return the rarest shingles, of which two similar rows must share one."""
        counts = self._counts
        keep = len(shingles) // 5 + 1
        return [shingle for _, shingle in sorted([(counts[shingle & _MASK], shingle) for shingle in shingles])[:keep]]

    def _texts(self, line: int) -> list[str]:
        row = json.loads(self.held_out.line(line))
        return [normalised(row.get(name)) for name in self.names]


def _similar(one: set[int], other: array[int]) -> bool:
    smaller, larger = sorted((len(one), len(other)))
    if smaller < SIMILAR * larger:
        return False
    common = len(one.intersection(other))
    return common >= SIMILAR * (smaller + larger - common)


def held_out_pairs(catalog: Catalog) -> list[HeldOut]:
    """Return every declared comparison whose two datasets exist and that has fields to compare."""
    found = []
    for dataset in catalog.datasets.values():
        for name in dataset.value.held_out_from:
            train = catalog.datasets.get(name)
            if train is not None and train is not dataset:
                names = compared_fields(dataset, train)
                found += [HeldOut(dataset, train, names)] if names else []
    return found


def compared_fields(dataset: Dataset, train: Dataset) -> tuple[str, ...]:
    """Return `held_out_by`, or every declared field that both cards have but the ids."""
    if dataset.value.held_out_by:
        return dataset.value.held_out_by
    own, other = (set(card.value.inputs.get("properties", {})) for card in (dataset, train))
    return tuple(sorted((own & other) - {dataset.value.id, train.value.id}))


def _shingles(texts: list[str]) -> set[int]:
    """Return the hashes of the shingles of all fields."""
    return set(chain.from_iterable(map(hashes_of, count(), texts)))
