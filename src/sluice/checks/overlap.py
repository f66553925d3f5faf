"""Exact and near duplicates between a held-out dataset and a train dataset, found while train rows stream by.

Two rows are near duplicates where every compared field is equal or has a Jaccard similarity of word 3-shingles
of at least 0.8. Then the shingles of all fields together are as similar, and so the 20 % that come first in any
fixed order, here the rarest, must share one: only those are indexed (prefix filter: Chaudhuri, Ganti and Kaushik,
ICDE 2006).
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from sluice.catalog import Catalog, Dataset
from sluice.catalog.entries import Row
from sluice.checks.case_ids import MOST

SIMILAR = 0.8
_WORD = re.compile(r"\w+")
_BUCKETS = 1 << 18
_MASK = _BUCKETS - 1


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

    def add(self, line: int, row: Row) -> None:
        """Take in one held-out row."""
        texts = [normalised(row.get(name)) for name in self.names]
        if not any(texts):
            return
        self._exact.setdefault(hash(tuple(texts)), line)
        shingles = array("q", _shingles(texts))
        self._rows[line] = shingles
        counts = self._counts
        for shingle in shingles:
            counts[shingle & _MASK] += 1

    def compare(self, line: int, row: Row) -> None:
        """Compare one train row with everything that was taken in."""
        if len(self.overlaps) >= MOST or not self._rows:
            return
        texts = [normalised(row.get(name)) for name in self.names]
        exact = self._exact.get(hash(tuple(texts)))
        if exact is not None and self._texts(exact) == texts:
            self.overlaps[exact] = Overlap(exact, line, exact=True)
            return
        shingles = _shingles(texts)
        for candidate in self._candidates(shingles):
            if candidate not in self.overlaps and near(self._texts(candidate), texts):
                self.overlaps[candidate] = Overlap(candidate, line, exact=False)

    def _candidates(self, shingles: set[int]) -> list[int]:
        """Return the lines of held-out rows whose shingles of all fields together are similar enough."""
        most_unknown = len(shingles) - math.ceil(SIMILAR * len(shingles))
        counts = self._counts
        if sum([not counts[shingle & _MASK] for shingle in shingles]) > most_unknown:
            return []
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
        keep = len(shingles) - math.ceil(SIMILAR * len(shingles)) + 1
        return sorted(shingles, key=lambda shingle: (counts[shingle & _MASK], shingle))[:keep]

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


def normalised(value: Any) -> str:
    """Return the words of a value, lower case in Unicode's compatibility form, joined by one blank."""
    text = value if type(value) is str else " ".join(_leaves(value))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_WORD.findall(text.lower()))


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name in sorted(value):
            yield from _leaves(value[name])
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield str(value)


def near(left: list[str], right: list[str]) -> bool:
    """Return whether every field is equal or nearly so."""
    return all(one == other or jaccard(one, other) >= SIMILAR for one, other in zip(left, right, strict=True))


def jaccard(left: str, right: str) -> float:
    """Return the Jaccard similarity of the word 3-shingles of two normalised texts."""
    one, other = set(_of_text(left)), set(_of_text(right))
    return len(one & other) / len(one | other) if one or other else 1.0


def _of_text(text: str) -> Iterator[tuple[str, ...]]:
    words = text.split(" ")
    return zip(words, words[1:], words[2:]) if len(words) > 2 else iter((tuple(words),))  # noqa: B905


def _shingles(texts: list[str]) -> set[int]:
    """Return hashes of the shingles of all fields, each marked with its field."""
    found: set[int] = set()
    for index, text in enumerate(texts):
        words = text.split(" ")
        if len(words) > 2:
            found.update(map(hash, zip(repeat(index), words, words[1:], words[2:], strict=False)))
        elif text:
            found.add(hash((index, text)))
    return found
