from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sluice.report.neutral import BREAK, block, code, plain
from sluice.report.visible import one_line, visible

HOSTILE = [
    *(
        "@octocat",
        "@acme/team",
        "#12",
        "GH-12",
        "acme/app#12",
        "JIRA-7",
        "CVE-2024-1",
        "deadbeef",
        "1a2b3c4d5e6f708192a3",
    ),
    *("https://evil.example/x", "www.evil.example", "a@b.example", "![i](https://x/y.png)", "[l](javascript:alert(1))"),
    *("<img src=x onerror=y>", "</details>", "<!-- sluice -->", "-->", "--!>", "&copy;", "&#64;me", ":tada:", "/eval"),
    *("```", "~~~", "`", "``", "|", "\\", "\\|", "*", "__", "~~x~~", "$a$", "$$", "[^1]", "[ref]: x", "# h", "- item"),
    *(
        "1. item",
        "12)",
        "> quote",
        "---",
        "===",
        "+ x",
        "\u202e",
        "\x1b[31m",
        "\u2060",
        "\n",
        "\n\n",
        "    ",
        "\t",
        "\r",
    ),
    *("\U0001f4a5", "é", "日本", "a", "b c"),
]
texts = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=6)), max_size=12).map("".join)

ACTIVE = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (r"@\w", r"#\d", r"[a-z]-\d", r"\b[0-9a-f]{7,40}\b", r"://", r"www\.", r":[\w+-]+:")
]
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def inline_tokens(source):
    return [child for token in PARSER.parse(source) for child in token.children or ()]


def block_types(source):
    return [token.type for token in PARSER.parse(source)]


@given(texts)
def test_prose_stays_prose_and_says_the_same(text):
    for before in ("", "x "):
        tokens = inline_tokens(before + plain(text))
        assert {token.type for token in tokens} <= {"text", "html_inline"}
        assert {token.content for token in tokens if token.type == "html_inline"} <= {"<span>", "</span>"}
        told = "".join(token.content for token in tokens if token.type == "text").replace(BREAK, "")
        assert told.strip(" ") == (before + one_line(text)).strip(" ")
    assert set(block_types(plain(text))) <= {"paragraph_open", "inline", "paragraph_close"}


@given(texts)
def test_no_two_dollars_stand_in_one_element(text):
    parts = re.split(r"<[^>]*>", PARSER.render(plain(text)))
    assert not [part for part in parts if "$" in part and part != "$"]


@given(texts)
def test_prose_names_nobody_and_links_nowhere(text):
    shown = html.unescape(re.sub(r"<[^>]*>", "", PARSER.render(plain(text))))
    assert not [pattern.pattern for pattern in ACTIVE if pattern.search(shown)]


@given(texts)
def test_prose_is_no_reference_with_what_follows_it(text):
    shown = html.unescape(re.sub(r"<[^>]*>", "", PARSER.render(f"x {plain(text)}: {plain(text)}, {plain(text)}.")))
    assert not [pattern.pattern for pattern in ACTIVE if pattern.search(shown)]


@given(texts)
def test_prose_keeps_to_its_table_cell(text):
    source = f"| a | b |\n| - | - |\n| {plain(text)} | end |"
    tokens = PARSER.parse(source)
    cells = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "td_open"]
    assert len(cells) == 2 and cells[1] == "end"


@given(texts)
def test_a_code_span_holds_all_of_the_text(text):
    source = f"x {code(text)} y"
    tokens = inline_tokens(source)
    spans = [token for token in tokens if token.type == "code_inline"]
    assert [token.type for token in tokens if token.type not in ("code_inline", "text")] == []
    if one_line(text):
        assert [span.content.replace(BREAK, "") for span in spans] == [one_line(text)]
    assert "<!--" not in source and "-->" not in source


@given(texts)
def test_a_block_cannot_be_left(text):
    source = f"before\n\n{block(text, 'diff')}\n\nafter"
    assert block_types(source) == [
        "paragraph_open", "inline", "paragraph_close", "fence", "paragraph_open", "inline", "paragraph_close",
    ]  # fmt: skip
    fence = next(token for token in PARSER.parse(source) if token.type == "fence")
    assert fence.content.replace(BREAK, "").rstrip("\n") == visible(text).rstrip("\n")
    assert "<!--" not in source and "-->" not in source


@pytest.mark.parametrize(
    ("text", "expected"), [("100.0%", "100.0%"), ("p < 0.001", "p &lt; 0.001"), ("−5.0", "−5.0"), ("a - b", "a - b")]
)
def test_ordinary_words_stay_readable_in_the_source(text, expected):
    assert plain(text) == expected
