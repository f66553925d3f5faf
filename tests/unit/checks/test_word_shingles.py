from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.checks.word_shingles import hashes_of, jaccard, near, normalised, normalised_all

WORDS = ["red", "green", "blue", "north", "south", "one", "two"]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
)


def test_normalising_leaves_words() -> None:
    assert normalised("  The ＰＲＩＣＥ, of\tÀ-la carte!  ") == "the price of à la carte"
    assert normalised({"b": [1, "X"], "a": None, "c": {"d": True}}) == "1 x true"
    assert normalised(None) == ""


ASCII = st.text(st.characters(codec="ascii"))


@given(st.lists(ASCII, max_size=6) | st.lists(st.text(), max_size=6) | st.lists(VALUES, max_size=4))
def test_many_are_normalised_as_each(values: list[Any]) -> None:
    assert normalised_all(values) == list(map(normalised, values))


@pytest.mark.parametrize(
    ("left", "right", "similarity"),
    [
        ("a b c d", "a b c d", 1.0),
        ("a b c d", "a b c e", 1 / 3),
        ("a b", "a b", 1.0),
        ("a b", "b a", 0.0),
        ("", "", 1.0),
    ],
)
def test_jaccard_of_word_triples(left: str, right: str, similarity: float) -> None:
    assert jaccard(left, right) == pytest.approx(similarity)


@given(st.lists(st.sampled_from(WORDS), max_size=20), st.lists(st.sampled_from(WORDS), max_size=20))
def test_similarity_is_symmetric_and_bounded(left: list[str], right: list[str]) -> None:
    one, other = " ".join(left), " ".join(right)
    assert jaccard(one, other) == jaccard(other, one) and 0 <= jaccard(one, other) <= 1
    assert near([one], [one])


def test_shingles_tell_fields_apart() -> None:
    assert set(hashes_of(0, "a b c")).isdisjoint(hashes_of(1, "a b c"))
    assert [len(list(hashes_of(0, text))) for text in ("", "a", "a b", "a b c", "a b c d")] == [0, 1, 1, 1, 2]
