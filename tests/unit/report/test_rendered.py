"""A rendered difference as a file and as Markdown: hostile bytes become a sentence, and nothing leaves its fence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from unit.report.test_neutral import ACTIVE, PARSER, texts

from sluice.errors import CannotJudge
from sluice.report.rendered import (
    MOST_BYTES,
    MOST_LINES,
    MOST_LINES_OF_A_PART,
    MOST_WORDS,
    RenderedChange,
    RenderedEnvironment,
    RenderedObject,
    RenderedPart,
    read_rendered,
    write_rendered,
)
from sluice.report.rendered_text import rendered_markdown as limited
from sluice.report.rendered_text import rendered_text

FORMATS = Path(__file__).parents[2] / "fixtures/formats/rendered"
ROOM = 22_000
OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
COMMIT, HEAD = "1" * 40, "2" * 40
LINES = ("@@ messages @@", " - content: |-", "-    Be brief.", "+    Be very brief.")
SAFE = {"text", "html_inline", "softbreak", "strong_open", "strong_close", "code_inline"}


def rendered_markdown(change: RenderedChange, room: int = ROOM) -> str:
    return limited(change, room)


def part(*lines: str, **changes: Any) -> RenderedPart:
    return RenderedPart(place="prompt-answer.json", lines=lines or LINES, **changes)


def found(*parts: RenderedPart, **changes: Any) -> RenderedObject:
    values = {"change": "changed", "kind": "ConfigMap", "name": "bundle-new", "before": "bundle-old", **changes}
    return RenderedObject(parts=parts or (part(),), **values)


def environment(name: str = "staging", **changes: Any) -> RenderedEnvironment:
    values: dict[str, Any] = {"base": OLD, "head": NEW, "changes": ("answer changed",), "objects": (found(),)}
    return RenderedEnvironment(name=name, **{**values, **changes})


def change(*environments: RenderedEnvironment) -> RenderedChange:
    return RenderedChange(base=COMMIT, head=HEAD, environments=environments or (environment(),))


STILL = RenderedEnvironment(name="production", base=OLD, head=OLD)


def test_a_file_is_read_as_it_was_written() -> None:
    for one in (change(), change(environment(), STILL), RenderedChange(base=None, head=None, environments=())):
        assert read_rendered(write_rendered(one)) == one


@pytest.mark.parametrize("path", sorted(FORMATS.iterdir()), ids=lambda path: path.name)
def test_every_released_format_is_read(path: Path) -> None:
    kept = read_rendered(path.read_bytes())
    assert path.stem == str(kept.format)
    assert [one.name for one in kept.environments] == ["production", "staging"]
    assert "+    Answer in one full sentence of at most thirty words." in rendered_markdown(kept)


def test_a_large_change_is_cut_to_what_is_read_and_the_rest_is_counted() -> None:
    long = part(*["+" + "x" * 5_000] * 1_000)
    many = change(environment(objects=(found(long),) * 700, changes=("word",) * 300))
    kept = read_rendered(write_rendered(many))
    (here,) = kept.environments
    lines = sum(len(one.lines) for object_ in here.objects for one in object_.parts)
    assert lines == MOST_LINES and here.objects[0].parts[0].more == 1_000 - MOST_LINES_OF_A_PART
    assert len(here.objects) + here.more == 700
    assert len(here.changes) == MOST_WORDS and here.changes[-1] == "and 201 more"


def stored(**changes: Any) -> bytes:
    return json.dumps({**json.loads(write_rendered(change())), **changes}).encode()


def with_one(**changes: Any) -> bytes:
    return stored(environments=[environment(**changes).model_dump(mode="json")])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file"),
        (b"not json", "the file"),
        (b"[" * 100_000, "the file"),
        (b"\xff\xfe", "the file"),
        (stored(format=2), "format"),
        (stored(extra=1), "extra"),
        (stored(head="main"), "head"),
        (stored(environments=[{"name": "../x"}]), "environments.0"),
        (stored(environments=[STILL.model_copy(update={"name": "<b>"}).model_dump(mode="json")]), "name"),
        (stored(environments=[STILL.model_dump(mode="json")] * 51), "environments"),
        (b" " * (MOST_BYTES + 1), "bytes"),
        (with_one(objects=(found(part(*["+"] * (MOST_LINES + 1))),)), "4,000 lines"),
        (with_one(objects=(found(part("+" * 501)),)), "500 characters"),
        (with_one(objects=(found(name="n" * 501),)), "500 characters"),
        (with_one(refusals=("n" * 501,)), "500 characters"),
        (with_one(notes=("n",) * 101), "100 sentences"),
        (with_one(objects=(found(),) * 501), "500 objects"),
        (with_one(objects=(found(*[part()] * 101),)), "100 parts"),
    ],
)
def test_hostile_bytes_become_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(CannotJudge, match=words) as problem:
        read_rendered(data)
    assert len(str(problem.value)) < 500


def test_a_reader_sees_verdict_words_and_the_prompts_own_difference() -> None:
    refused = environment(refusals=("the environment declares 0",), gpus=("1 before",), restarts=("Deployment m",))
    source = rendered_markdown(change(refused, STILL))
    sides = f"`{'a' * 12}` \u2192 `{'b' * 12}`"
    assert f"\u26d4 **staging**: release {sides}, objects: 1 changed, would be refused" in source
    assert "- refused: the environment declares 0" in source and "- pods restart: Deployment m" in source
    assert "**production**: unchanged" in source
    assert "\n".join(["```diff", "# prompt-answer.json", *LINES, "```"]) in source
    assert "sluice render --environment all --base 111111111111 --head 222222222222" in source


def test_the_same_difference_is_shown_once() -> None:
    source = rendered_markdown(change(environment("production"), environment("staging")))
    assert source.count("Be very brief.") == 1 and "as in production" in source


@pytest.mark.parametrize("outputs", ["artifact", "none"])
def test_what_a_card_withholds_is_not_in_a_comment(outputs: str) -> None:
    withheld = change(environment(objects=(found(part(outputs=outputs)),)))
    source = rendered_markdown(withheld)
    assert "very brief" not in source and "4 lines, which a dataset's card withholds" in source


def test_what_looks_like_a_credential_or_a_person_is_masked() -> None:
    secret = "ghp_" + "a1B2" * 9
    one = change(environment(changes=(f"x from a to {secret}",), objects=(found(part(f"+key: {secret}", "+k: v")),)))
    for text in (rendered_markdown(one), rendered_text(one)):
        assert secret not in text and text.count("[masked") + text.count("\\[masked") >= 2 and "+k: v" in text


@pytest.mark.parametrize("room", [3_000, ROOM])
def test_the_section_stays_within_its_room_and_counts_what_is_left_out(room: int) -> None:
    objects = tuple(found(part(*[f"+line {number} {index}" for number in range(300)])) for index in range(40))
    source = rendered_markdown(change(*(environment(name, objects=objects) for name in ("a", "b", "c"))), room)
    assert len(source.encode()) <= room
    told = re.search(r"Not shown here: (.*?)\. All of it", source)
    assert told and "lines" in told[1]
    assert source.count("<details>") == source.count("</details>") > 0
    assert source.count("```") % 2 == 0


def hostile(text: str) -> RenderedChange:
    """Every place that takes a text, with the same hostile one."""
    one = part(text, f"+{text}", f" {text}").model_copy(update={"place": text})
    thing = found(one, kind=text, name=text, before=text)
    words = dict.fromkeys(("changes", "gpus", "restarts", "refusals", "notes"), (text,))
    return change(environment(objects=(thing, found(kind=text, name=text)), **words), STILL)


@example("")
@settings(max_examples=150, deadline=None)
@given(texts)
def test_nothing_of_others_is_markdown_or_leaves_its_fence(text: str) -> None:
    source = rendered_markdown(hostile(text))
    assert "<!--" not in source and "-->" not in source
    tokens = PARSER.parse(source)
    assert [token.info for token in tokens if token.type == "fence"] == ["diff", "diff"]
    for token in tokens:
        assert token.type not in ("code_block", "hr") and token.tag not in ("h1", "h2", "h3"), token
        if token.type == "html_block":
            assert re.fullmatch(r"<details><summary>[\w ,:]+</summary>\n|</details>\n?", token.content), token.content
        for child in token.children or ():
            assert child.type in SAFE, (child.type, child.content)
            if child.type == "text":
                assert not [pattern.pattern for pattern in ACTIVE if pattern.search(child.content)], child.content
            if child.type == "html_inline":
                assert child.content in ("<sub>", "</sub>", "<span>", "</span>")


@settings(max_examples=100, deadline=None)
@given(texts)
def test_every_line_of_a_fence_begins_as_a_difference_does(text: str) -> None:
    for token in PARSER.parse(rendered_markdown(hostile(text))):
        if token.type == "fence":
            assert all(line[:1] in (" ", "-", "+", "@", "#") for line in token.content.splitlines())


@settings(max_examples=50, deadline=None)
@given(texts)
def test_text_commands_no_terminal(text: str) -> None:
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", rendered_text(hostile(text)))


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_any_text_survives_the_file(text: str) -> None:
    kept = read_rendered(write_rendered(hostile(text)))
    assert kept.environments[0].changes == (text.encode("utf-8", "replace").decode(),)
