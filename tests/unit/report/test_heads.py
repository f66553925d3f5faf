from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from unit.report.test_neutral import texts

from sluice.report.heads import MOST_BYTES, MOST_CHARACTERS, MOST_HEADS, Heads, JudgedHead, address, hidden, read_heads

PARSER = MarkdownIt("commonmark", {"html": True})
RUN = "https://github.com/acme/app/actions/runs/12"
told = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=MOST_CHARACTERS)


def head(number, words="m 90% → 80%", word="fail", run=RUN):
    return JudgedHead(head=f"{number:040x}", word=word, told=words, run=run)


def raw(data):
    return f"<!-- sluice:report -->\n<!-- sluice:heads {json.dumps(data)} -->\nrest"


GOOD = {"judged": 1, "heads": [{"head": "a" * 40, "word": "pass", "told": "x", "run": RUN}]}


@given(st.lists(st.tuples(told | texts.map(lambda text: text[:MOST_CHARACTERS]), st.integers(0, 9)), max_size=6))
def test_heads_come_back_as_they_were_put_in(given_heads):
    heads = Heads()
    for words, number in given_heads:
        heads = heads.with_head(head(number, words))
    line = hidden(heads)
    assert read_heads(f"<!-- sluice:report -->\n{line}\n\ntext") == heads
    [token] = PARSER.parse(f"{line}\n")
    assert token.type == "html_block" and token.content == f"{line}\n"
    assert line.isascii() and line.count("<!--") == line.count("-->") == 1 and "--!>" not in line


def test_a_head_that_is_judged_again_is_counted_once_and_last():
    heads = Heads().with_head(head(1)).with_head(head(2)).with_head(head(1, word="pass"))
    assert [one.head[-1] for one in heads.heads] == ["2", "1"]
    assert heads.judged == 2 and heads.heads[-1].word == "pass"


def test_old_heads_are_dropped_but_stay_counted():
    heads = Heads()
    for number in range(50):
        heads = heads.with_head(head(number))
    assert len(heads.heads) == MOST_HEADS and heads.judged == 50
    assert read_heads(hidden(heads)) == heads


def test_wide_words_cannot_push_the_report_out():
    heads = Heads()
    for number in range(30):
        heads = heads.with_head(head(number, "\U0001f4a5" * MOST_CHARACTERS))
    assert 2 <= len(heads.heads) < MOST_HEADS and heads.judged == 30
    assert len(hidden(heads)) <= MOST_BYTES


def test_a_note_between_marker_and_heads_is_stepped_over():
    heads = Heads().with_head(head(3))
    text = f"<!-- sluice:report -->\n<!-- sluice:note -->\n> [!NOTE]\n> x\n<!-- /sluice:note -->\n{hidden(heads)}\n"
    assert read_heads(text) == heads


@pytest.mark.parametrize(
    "change",
    [
        {"judged": 0}, {"judged": -1}, {"judged": "1"}, {"judged": 1.5}, {"more": 1}, {"heads": None}, {"heads": {}},
        {"heads": GOOD["heads"] * 2, "judged": 2}, {"heads": GOOD["heads"] * (MOST_HEADS + 1), "judged": 99},
        *({"heads": [{**GOOD["heads"][0], **bad}]} for bad in (
            {"head": "a" * 41}, {"head": "A" * 40}, {"head": "a" * 40 + "\n"}, {"head": "-->"}, {"word": "great"},
            {"told": "x" * (MOST_CHARACTERS + 1)}, {"told": None}, {"run": 5}, {"extra": 1},
        )),
    ],
)  # fmt: skip
def test_what_we_did_not_write_is_not_believed(change):
    assert read_heads(raw(GOOD)) != Heads()
    assert read_heads(raw({**GOOD, **change})) == Heads()


@pytest.mark.parametrize(
    "text",
    [
        None, "", "<!-- sluice:heads -->", "<!-- sluice:heads {} -->x", "> <!-- sluice:heads {} -->",
        "<!-- sluice:heads {not json} -->", "<!-- sluice:heads " + "[" * 20_000 + " -->",
        "<!-- sluice:heads {" + '"heads":[' * 9_000 + " -->", "<!-- sluice:heads {\"judged\":1e999} -->",
        "<!-- sluice:heads {\"judged\":2,\"heads\":[]}\n -->", "\x00",
    ],
)  # fmt: skip
def test_a_text_without_heads_has_none(text):
    assert read_heads(text).heads == ()


@given(st.text())
def test_any_text_can_be_read(text):
    read_heads(text)
    read_heads(raw(text))


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "https://user@evil.example/x", "https://evil.example/x)](y", "https://a/b?c=d", "ftp://a/b",
        "https://a/b#c", "https://a/ b", "//a/b", "https://a/<b>", "https://a/b\nc", "https://" + "a/" * 400, "https://a",
    ],
)  # fmt: skip
def test_only_plain_addresses_are_linked(url):
    assert address(url) == ""
    assert address(RUN) == RUN
    assert address("http://127.0.0.1:8080/acme/app/actions/runs/1") != ""
