from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import build_tree

from sluice.catalog import Entry, WorkingTree
from sluice.catalog.yaml_file import read_yaml
from sluice.checks.places import inside_scalar, row_column, template_place

ROW = '{"id": "a", "größe": [1, {"text": "x\\"}", "n": null}], "last": true}'


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ([], "{"),
        (["id"], '"a"'),
        (["größe"], "[1"),
        (["größe", 0], "1,"),
        (["größe", 1, "text"], '"x\\"'),
        (["größe", 1, "n"], "null"),
        (["last"], "true"),
        (["gone"], "{"),
        (["größe", 9], "[1"),
        (["id", "deeper"], '"a"'),
    ],
)
def test_columns_of_row_values(path: list[str | int], shown: str) -> None:
    assert ROW[row_column(ROW, path) - 1 :].startswith(shown)


LEAVES = st.none() | st.booleans() | st.integers() | st.text()
NESTED = st.recursive(LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3))


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(path, value)] + [leaf for key, child in children for leaf in _paths(child, (*path, key))]


@given(st.dictionaries(st.text(), NESTED, max_size=4), st.sampled_from([None, 1]))
def test_every_value_is_found_where_it_stands(row: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(row, ensure_ascii=False, indent=indent)
    for path, value in _paths(row):
        start = row_column(text, list(path)) - 1
        assert json.JSONDecoder().raw_decode(text, start)[0] == value


def _entry(text: str, root: Path) -> tuple[WorkingTree, Entry[Any]]:
    build_tree({"p.yaml": text}, root)
    return WorkingTree(root), Entry("p", "p.yaml", None, read_yaml("p.yaml", text.encode()))  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("text", "line", "place"),
    [
        ("a: 1\ncontent: |\n  one {{ x }}\n  two {{ here }}\n", 2, (4, 10)),
        ("content: |\n\n\n    one\n    {{ here }}\n", 2, (5, 8)),
        ('content: "see {{ here }}"\n', 1, (1, 18)),
        ("content: >-\n  folded\n  {{ here }}\n", 1, (3, 6)),
        ("content: plain {{here}}\n", 1, (1, 18)),
        ("content: there {{ x.here }} {{ here }}\n", 1, (1, 32)),
    ],
)
def test_words_of_templates(text: str, line: int, place: tuple[int, int], tmp_path: Path) -> None:
    tree, entry = _entry(text, tmp_path)
    assert template_place(tree, entry, ("content",), line, "here") == place
    source = text.split("\n")[place[0] - 1]
    assert source[place[1] - 1 :].startswith("here")


def test_a_line_of_a_block_without_a_word(tmp_path: Path) -> None:
    tree, entry = _entry("content: |\n  one\n    two\n", tmp_path)
    assert template_place(tree, entry, ("content",), 2) == (3, 5)


@pytest.mark.parametrize(("text", "place"), [("when: a == b\n", (1, 10)), ("when: 'a == b'\n", (1, 11))])
def test_characters_of_scalars(text: str, place: tuple[int, int], tmp_path: Path) -> None:
    assert inside_scalar(*_entry(text, tmp_path), ("when",), 4) == place
