"""Grounding against its published definitions, written anew here, and citations at their edges."""

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.assertions import AssertionProblem, Subject, compile_assertion
from sluice.assertions.grounding import grounded_runs, grounded_sentences, grounded_words
from sluice.schema import Assertion

nltk_util = pytest.importorskip("nltk.util")

WORDS = ["the", "a", "an", "Cat", "cat", "dog", "sat", "ran", "mat", "big", "5"]
TEXT = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(["", "", ",", ".", "!"])), max_size=14).map(
    lambda parts: " ".join(word + mark for word, mark in parts)
)


def squad_tokens(text):
    """The normalisation of SQuAD's own evaluation: lower case, no punctuation, no articles."""
    text = "".join(char for char in text.lower() if char not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


@given(TEXT, st.lists(TEXT, max_size=3))
def test_words_are_k_precision(output, passages):
    answer, knowledge = squad_tokens(output), squad_tokens(" ".join(passages))
    expected = (Counter(answer) & Counter(knowledge)).total() / len(answer) if answer else 0.0
    assert grounded_words(output, passages).share == pytest.approx(expected, abs=1e-12)


@given(TEXT, st.lists(TEXT, max_size=3), st.integers(1, 4))
def test_runs_are_what_is_left_of_novel_ngrams(output, passages, length):
    tokens = re.findall(r"\w+", output.lower())
    length = min(length, len(tokens))
    if not tokens:
        assert grounded_runs(output, passages, 3).share == 0
        return
    known = {gram for text in passages for gram in nltk_util.ngrams(re.findall(r"\w+", text.lower()), length)}
    grams = list(nltk_util.ngrams(tokens, length))
    novel = sum(gram not in known for gram in grams) / len(grams)
    assert grounded_runs(output, passages, length).share == pytest.approx(1 - novel, abs=1e-12)


@pytest.mark.parametrize(
    ("output", "parts", "missing"),
    [
        ("Vienna is the capital of Austria. It has two million people.", 2, ["It has two million people."]),
        ("Vienna is the capital of Austria", 1, []),
        ("Is Vienna the capital of Austria? Yes: Vienna is.", 2, ["Yes: Vienna is."]),
        ("Vienna is in Austria.\nBern is not", 2, ["Bern is not"]),
        ("「Vienna is the capital。」Austria!", 2, []),
        ("... !!", 0, []),
    ],
)
def test_sentences(output, parts, missing):
    grounded = grounded_sentences(output, ["Vienna is the capital of Austria.", "Austria is in Europe."], 0.75)
    assert (grounded.parts, list(grounded.missing)) == (parts, missing)


def test_a_sentence_needs_one_passage_for_itself():
    assert grounded_sentences("red green", ["red", "green"], 1).share == 0
    assert grounded_words("red green", ["red", "green"]).share == 1


def score(type_, value, output, row, threshold=None):
    return compile_assertion(Assertion(metric="m", type=type_, value=value, threshold=threshold)).score(
        Subject(output, row)
    )


ROW = {"passages": [{"id": "doc-1", "text": "Vienna is big."}, {"id": "doc-2", "text": "Bern is not."}]}


def test_all_of_a_passage_counts_unless_fields_are_named():
    assert score("grounded-words", None, "Vienna is big [doc-1]", ROW, 1).passed
    assert score("grounded-words", {"text": "text"}, "Vienna is big [doc-1]", ROW, 1).value == 3 / 5
    assert score("grounded-words", {"text": ["id", "text"]}, "Vienna is big [doc-1]", ROW, 1).passed
    assert score("grounded-words", {"text": "title"}, "Vienna", ROW, 1).value == 0
    assert score("grounded-words", {"passages": ["Vienna is big"]}, "big Vienna", {}, 1).passed


@pytest.mark.parametrize(
    ("output", "value", "expected"),
    [
        ("Big [doc-1].", None, 1),
        ("Big [doc-1, doc-2] [doc-1].", None, 1),
        ("Big [doc-1; doc-9].", None, 0.5),
        ("Big.", None, 0),
        ("Big [doc-1] and [more](https://example.com).", None, 1),
        ("Big (doc-2)", {"pattern": r"\((doc-\d+)\)"}, 1),
        ("Big [1][3]", {"id": "#"}, 0.5),
    ],
)
def test_citations_exist(output, value, expected):
    assert score("cites-passages", value, output, ROW).value == expected


def test_relevant_passages_are_cited():
    row = {"articles": ["doc-1", "doc-3"]}
    assert score("cites-relevant", "{{ articles }}", "Big [doc-1] [doc-2]", row).value == 0.5
    assert score("cites-relevant", "{{ articles }}", "Big [doc-1, doc-3]", row).passed
    with pytest.raises(AssertionProblem, match="when"):
        score("cites-relevant", "{{ articles }}", "Big", {"articles": []})


def test_a_slow_pattern_is_given_up(monkeypatch):
    monkeypatch.setattr("sluice.assertions.citations.TIME_LIMIT", 0.01)
    with pytest.raises(AssertionProblem, match="simplify"):
        score("cites-passages", {"pattern": "^(?:(?:[a-z])+.)+[A-Z]([a-z])+$"}, "a" * 5000, ROW)
