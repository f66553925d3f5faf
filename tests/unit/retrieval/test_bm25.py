"""The index against an independent implementation, its own definition by hand, and a full search."""

import math
import random

import bm25s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.retrieval import Index
from sluice.retrieval.retriever import SEMANTICS
from sluice.words import _WORDS, words

VOCABULARY = [f"w{number}" for number in range(30)]
GOLDEN_WORDS = {
    "Rate limit: 882 requests/min": ["rate", "limit", "882", "requests", "min"],
    "co-op isn't snake_case": ["co", "op", "isn", "t", "snake_case"],
    "STRASSE Straße": ["strasse", "strasse"],
    "na\u0131\u0308ve \ufb01le \u2460": ["na\u0131\u0308ve", "file", "1"],
    "e\u0301te\u0301 \u00e9t\u00e9": ["\u00e9t\u00e9", "\u00e9t\u00e9"],
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0939\u0948": ["\u0939\u093f\u0928\u094d\u0926\u0940", "\u0939\u0948"],
    "v1.2\u00a0beta\tgamma\n": ["v1", "2", "beta", "gamma"],
    " \u2014 ": [],
}  # fmt: skip


@pytest.mark.parametrize("text", GOLDEN_WORDS)
def test_golden_words(text):
    assert SEMANTICS == 1, "other words are another meaning: raise SEMANTICS and write the vectors anew"
    assert words(text) == GOLDEN_WORDS[text]


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_what_the_pattern_says(text):
    assert words(text) == _WORDS.findall(text.lower())


def test_golden_scores_by_hand():
    """N = 3, lengths 3, 1, 2, mean 2; `b` stands in two texts, `c` in one."""
    index = Index(["a b b", "c", "b d"], k1=1.2, b=0.75)
    rarity = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    long, even = 1.2 * (0.25 + 0.75 * 3 / 2), 1.2
    assert index.search("b", 5) == [
        (0, pytest.approx(rarity * 2 / (2 + long), rel=1e-12)),
        (2, pytest.approx(rarity * 1 / (1 + even), rel=1e-12)),
    ]
    assert index.search("B b x", 1) == [(0, pytest.approx(2 * rarity * 2 / (2 + long), rel=1e-12))]


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.9, 0.4), (0.0, 0.0), (2.5, 1.0)])
def test_scores_are_those_of_another_implementation(k1, b):
    drawn = random.Random(7)
    texts = [" ".join(drawn.choices(VOCABULARY, k=drawn.randint(1, 40))) for _ in range(60)]
    other = bm25s.BM25(method="lucene", k1=k1, b=b, dtype="float64")
    other.index([words(text) for text in texts], show_progress=False)
    index = Index(texts, k1, b)
    for _ in range(20):
        query = drawn.choices(VOCABULARY, k=drawn.randint(1, 6))
        expected = other.get_scores(query)
        found = dict(index.search(" ".join(query), len(texts)))
        assert {text for text, score in enumerate(expected) if score > 0} == found.keys()
        assert all(found[text] == pytest.approx(expected[text], rel=1e-9) for text in found)


@given(st.integers(0, 2**32), st.integers(1, 6), st.floats(0, 3), st.floats(0, 1))
def test_leaving_texts_out_changes_no_result(seed, top, k1, b):
    """With as many places as texts nothing can be left out."""
    drawn = random.Random(seed)
    texts = [" ".join(drawn.choices(VOCABULARY, k=drawn.randrange(12))) for _ in range(drawn.randrange(25))]
    query = " ".join(drawn.choices([*VOCABULARY, "unknown"], k=drawn.randrange(8)))
    index = Index(texts, k1, b)
    assert index.search(query, top) == index.search(query, len(texts) + 1)[:top]


def test_many_texts_are_left_out_and_the_result_stays():
    drawn = random.Random(3)
    common, rare = ["the", "of", "and"], [f"r{number}" for number in range(400)]
    texts = [" ".join(drawn.choices(common, k=9) + drawn.choices(rare, k=3)) for _ in range(1000)]
    index = Index(texts, 1.2, 0.75)
    for _ in range(10):
        query = " ".join([*common, *drawn.choices(rare, k=2)])
        assert index.search(query, 4) == index.search(query, len(texts))[:4]


def test_equal_texts_are_in_their_order():
    index = Index(["x", "a b", "b a", "A, B!"], 1.2, 0.75)
    assert [text for text, _ in index.search("b a", 3)] == [1, 2, 3]
    assert [text for text, _ in index.search("a b", 2)] == [1, 2]


@pytest.mark.parametrize("texts", [[], [""], ["", "!"]])
def test_without_words_nothing_is_found(texts):
    index = Index(texts, 1.2, 0.75)
    assert len(index) == len(texts)
    assert index.search("word", 3) == []


def test_without_a_known_word_nothing_is_found():
    index = Index(["a", "b"], 1.2, 0.75)
    assert index.search("c ?", 3) == index.search("", 3) == []
