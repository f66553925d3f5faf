import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.assertions import WhenSyntaxError, parse_when

ROW = {
    "answerable": True,
    "topic": "login",
    "count": 3,
    "score": 0.5,
    "empty": "",
    "none": None,
    "off": False,
    "t3": "3",
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("answerable", True),
        ("not answerable", False),
        ("not not answerable", True),
        ("empty", False),
        ("none", False),
        ("missing", False),
        ("not missing", True),
        ("topic = login", True),
        ('topic = "login"', True),
        ("topic = 'quota'", False),
        ("not topic = quota", True),
        ("count = 3", True),
        ("count = 3.0", True),
        ('count = "3"', False),
        ("t3 = 3", False),
        ("t3 = '3'", True),
        ("score = 5e-1", True),
        ("answerable = true", True),
        ("answerable = 1", False),
        ("count = true", False),
        ("off = false", True),
        ("none = false", False),
        ("answerable and off", False),
        ("answerable or off", True),
        ("off and off or answerable", True),
        ("off and (off or answerable)", False),
        ("answerable or off and off", True),
        ("not (answerable and off)", True),
        ("not answerable or answerable", True),
    ],
)
def test_meaning(text, holds):
    assert parse_when(text)(ROW) is holds


def test_fields_are_collected():
    assert parse_when("a and not (b = c or d)").fields == {"a", "b", "d"}


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "field"),
        ("   ", 4, "the end"),
        ("a and", 6, "the end"),
        ("and a", 1, "`and`"),
        ("a b", 3, "`b`"),
        ("(a or b", 8, "`)`"),
        ("a)", 2, "`)`"),
        ("a =", 4, "value after `=`"),
        ("a == b", 4, "single `=`"),
        ("a != b", 3, "not field = value"),
        ("a < 3", 3, "'<'"),
        ("a = 'x", 5, "never closed"),
        ("3 = a", 1, "field's name"),
        ("a = or", 5, "keyword"),
        ("'a' = b", 1, "field's name"),
        ("(" * 50 + "a" + ")" * 50, 34, "levels"),
    ],
)
def test_errors_name_the_column(text, column, words):
    with pytest.raises(WhenSyntaxError) as caught:
        parse_when(text)
    assert caught.value.column == column
    assert caught.value.key == "when"
    assert f"column {column}" in str(caught.value)
    assert words in str(caught.value)


NAMES = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    ),
    max_leaves=8,
)


def written(tree):
    if isinstance(tree, str):
        return tree
    return f"not ({written(tree[1])})" if tree[0] == "not" else f"({written(tree[1])}) {tree[0]} ({written(tree[2])})"


def python_text(tree, row):
    return eval(written(tree), {}, row)


@given(TREES, st.fixed_dictionaries({name: st.booleans() for name in "abc"}))
def test_agrees_with_python_on_booleans(tree, row):
    assert parse_when(written(tree))(row) is python_text(tree, row)


@given(st.text(max_size=30))
def test_any_text_parses_or_is_refused_with_a_column(text):
    column = 1
    try:
        parse_when(text)
    except WhenSyntaxError as error:
        column = error.column
    assert 1 <= column <= len(text) + 1
