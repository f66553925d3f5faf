"""Changed lines, against what difflib's own patches of random texts say."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.forge.patches import changed_lines


def patch(before, after, context=3):
    lines = list(difflib.unified_diff(before, after, lineterm="", n=context))
    return "\n".join(lines[2:])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("abc", "abXc", [(3, 3)]),
        ("abc", "aXYc", [(2, 3)]),
        ("abc", "XabcY", [(1, 1), (5, 5)]),
        ("abc", "ab", [(2, 2)]),
        ("abc", "bc", [(1, 1)]),
        ("", "ab", [(1, 2)]),
        ("abc", "abc", []),
    ],
)
@pytest.mark.parametrize("context", [0, 3])
def test_known_patches(before, after, expected, context):
    assert changed_lines(patch(before, after, context)) == expected


@pytest.mark.parametrize(("context", "expected"), [(3, [(2, 2)]), (0, [(1, 1)])])
def test_lines_that_only_went_are_told_by_a_line_beside_them(context, expected):
    assert changed_lines(patch("abc", "ac", context)) == expected


texts = st.lists(st.sampled_from(["+a", "-b", "@@ -1 +1 @@", "c", "", " d", "\\ No newline"]), max_size=12)


@given(texts, texts, st.sampled_from([0, 1, 3]))
def test_every_added_line_and_no_line_outside_the_file_is_named(before, after, context):
    runs = changed_lines(patch(before, after, context))
    named = {number for start, end in runs for number in range(start, end + 1)}
    opcodes = difflib.SequenceMatcher(None, before, after).get_opcodes()
    added = {n + 1 for tag, _, _, start, end in opcodes if tag in ("insert", "replace") for n in range(start, end)}
    assert added <= named
    assert all(1 <= number <= max(1, len(after)) for number in named)
    assert runs == sorted(runs) and all(start <= end for start, end in runs)


@given(st.text(max_size=200))
def test_no_text_breaks_it(text):
    assert all(start >= 1 for start, _ in changed_lines(text))


def test_the_names_above_the_first_hunk_are_no_lines():
    assert changed_lines("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -3 +3 @@ x\n-a\n+b\n") == [(3, 3)]
    assert changed_lines("+") == []
