from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from sluice.report.difference import marked, shortened, word_difference


def told(base, head):
    left, right = word_difference(base, head)
    return marked(left, "[-", "-]"), marked(right, "{+", "+}")


def test_only_the_words_that_differ_are_marked():
    assert told("Set the key in Settings. [kb-1]", "Set the key in Security.") == (
        "Set the key in [-Settings-]. [-[kb-1]-]",
        "Set the key in {+Security+}.",
    )


def test_neighbouring_words_are_one_change():
    assert told("one two three four five six", "one 2 3 four five six") == (
        "one [-two three-] four five six",
        "one {+2 3+} four five six",
    )


def test_unrelated_texts_are_told_as_wholes():
    assert told("I could not find this.", '{"category": "billing"}') == (
        "[-I could not find this.-]",
        '{+{"category": "billing"}+}',
    )


def test_equal_texts_have_no_mark():
    assert told("same", "same") == ("same", "same")
    assert told("", "new") == ("", "{+new+}")


@given(st.text(alphabet="ab c.\n"), st.text(alphabet="ab c.\n"))
def test_the_runs_join_to_the_texts(base, head):
    left, right = word_difference(base, head)
    assert "".join(piece.text for piece in left) == base
    assert "".join(piece.text for piece in right) == head
    kept = ["".join(piece.text for piece in side if not piece.changed) for side in (left, right)]
    assert "".join(kept[0].split()) == "".join(kept[1].split())


@given(st.text(alphabet="ab ", max_size=600), st.text(alphabet="ab ", max_size=600), st.integers(80, 300))
def test_shortening_keeps_the_limit_and_the_first_change(base, head, limit):
    left, _ = word_difference(base, head)
    short = shortened(left, limit)
    assert sum(len(piece.text) for piece in short) <= limit + 1
    if len(base) <= limit:
        assert short == left


def test_a_change_far_into_a_long_text_stays_in_sight():
    text = "word " * 300
    left, right = word_difference(text + "old", text + "new")
    assert marked(shortened(right, 400), "{+", "+}").endswith("word {+new+}")
    assert marked(shortened(left, 400), "[-", "-]").startswith("…")


def test_long_outputs_do_not_take_long():
    started = time.perf_counter()
    word_difference("a b " * 20_000, "b a " * 20_000)
    assert time.perf_counter() - started < 5
