"""Exact and near duplicates between a held-out dataset and a train dataset, found while train rows stream by.

Two rows are near duplicates where every compared field is equal or has a Jaccard similarity of word 3-shingles
of at least 0.8. Then the shingles of all fields together are as similar, and so the 20 % that come first in any
fixed order must share one: only those are indexed (prefix filter: Chaudhuri, Ganti and Kaushik, ICDE 2006).
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.catalog import Catalog, Dataset
from sluice.catalog.entries import Row
from sluice.checks.case_ids import MOST

SIMILAR = 0.8
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Overlap:
    """One held-out row that a train row repeats; lines count from 1."""

    line: int
    train_line: int
    exact: bool


@dataclass(slots=True)
class HeldOut:
    """The comparison of one held-out dataset with one train dataset by the named fields."""

    held_out: Dataset
    train: Dataset
    names: tuple[str, ...]
    overlaps: dict[int, Overlap] = field(default_factory=dict)
    _exact: dict[int, int] = field(default_factory=dict)
    _index: dict[int, array[int]] = field(default_factory=dict)

    def add(self, line: int, row: Row) -> None:
        """Index one held-out row."""
        texts = [normalised(row.get(name)) for name in self.names]
        if not any(texts):
            return
        self._exact.setdefault(hash(tuple(texts)), line)
        for shingle in _prefix(_shingles(texts)):
            lines = self._index.get(shingle)
            if lines is None:
                self._index[shingle] = array("I", (line,))
            else:
                lines.append(line)

    def compare(self, line: int, row: Row) -> None:
        """Compare one train row with everything that was indexed."""
        if len(self.overlaps) >= MOST:
            return
        texts = [normalised(row.get(name)) for name in self.names]
        exact = self._exact.get(hash(tuple(texts)))
        if exact is not None and self._texts(exact) == texts:
            self.overlaps[exact] = Overlap(exact, line, exact=True)
            return
        shingles = _shingles(texts)
        if self._index.keys().isdisjoint(shingles):
            return
        for candidate in self._candidates(shingles):
            if candidate not in self.overlaps and near(self._texts(candidate), texts):
                self.overlaps[candidate] = Overlap(candidate, line, exact=False)

    def _candidates(self, shingles: set[int]) -> Iterator[int]:
        found: set[int] = set()
        for shingle in _prefix(shingles):
            found.update(self._index.get(shingle, ()))
        return iter(sorted(found))

    def _texts(self, line: int) -> list[str]:
        row = json.loads(self.held_out.line(line))
        return [normalised(row.get(name)) for name in self.names]


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
        if text:
            found.update(hash((index, shingle)) for shingle in _of_text(text))
    return found


def _prefix(shingles: set[int]) -> list[int]:
    keep = len(shingles) - math.ceil(SIMILAR * len(shingles)) + 1
    return sorted(shingles)[:keep]
