from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.catalog.yaml_file import MAX_BYTES, YamlFile, read_yaml


def _rules(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [finding.rule for finding in read_yaml("f.yaml", data).findings]


def test_values_and_places() -> None:
    read = read_yaml("f.yaml", b"a: 1\nb:\n  - x: true\n    y: 'no'\n  - null\n")
    assert read.data == {"a": 1, "b": [{"x": True, "y": "no"}, None]} and not read.findings
    assert read.place(("b", 0, "y")) == (4, 8)
    assert read.key_place(("b", 0, "y")) == (4, 5)
    assert read.place(("b", 7, "gone")) == (3, 3)


@pytest.mark.parametrize("word", ["no", "NO", "yes", "on", "Off", "y", "N"])
def test_words_that_are_booleans_to_some_readers(word: str) -> None:
    assert _rules(f"a: {word}\n") == ["yaml-ambiguous-scalar"]
    assert read_yaml("f", f'a: "{word}"\n'.encode()).data == {"a": word}


@pytest.mark.parametrize(
    "text",
    ["1:30", "190:20:30", "010", "0o17", "0x1F", "0b11", "1_000", "2026-11-22", "2026-11-22 10:00:00", ".inf", "-.NaN"],
)
def test_numbers_and_dates_that_readers_read_differently(text: str) -> None:
    assert _rules(f"a: {text}\n") == ["yaml-ambiguous-scalar"]


@pytest.mark.parametrize("text", ["1:x", "10:75", "3.12.1", "v1_0", "2026", "None", "TRUE", "1e5x"])
def test_texts_that_all_readers_take_for_the_same(text: str) -> None:
    assert not read_yaml("f", f"a: {text}\n".encode()).findings


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("-7", -7), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("~", None)]
)
def test_plain_numbers(text: str, value: object) -> None:
    assert read_yaml("f", f"a: {text}\n".encode()).data == {"a": value}


def test_key_no_is_text() -> None:
    assert read_yaml("f", b"on: push\n1: x\n").data == {"on": "push", "1": "x"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: 1\na: 2\n", "yaml-duplicate-key"),
        ("x: {b: 1, b: 2}\n", "yaml-duplicate-key"),
        ('a: 1\n"a": 2\n', "yaml-duplicate-key"),
        ("a: &x 1\n", "yaml-alias"),
        ("a: {<<: {b: 1}}\n", "yaml-alias"),
        ("a: !!python/object/apply:os.system ['true']\n", "yaml-tag"),
        ("a: !custom x\n", "yaml-tag"),
        ("a: 1\n---\nb: 2\n", "yaml-documents"),
        ("", "yaml-empty"),
        ("# only words\n", "yaml-empty"),
        ("? [a]\n: b\n", "yaml-key"),
        ("a: [1\n", "yaml-syntax"),
        ("a:\n\t- b\n", "yaml-syntax"),
        ("a: \x07\n", "yaml-syntax"),
        ("a: " + "9" * 5000 + "\n", "yaml-number"),
        ("a: 1e999\n", "yaml-number"),
        ("[" * 10_000, "yaml-syntax"),
        ("a: " + "{b: " * 200 + "1" + "}" * 200 + "\n", "yaml-syntax"),
    ],
)
def test_hazards(text: str, rule: str) -> None:
    assert rule in _rules(text)


def test_encodings() -> None:
    assert _rules("a: 1\n".encode("utf-16")) == ["file-encoding"]
    assert _rules(b"\xef\xbb\xbfa: 1\n") == ["file-encoding"]
    assert _rules("a: ö\n".encode("latin-1")) == ["file-encoding"]
    finding = read_yaml("f", "ok: 1\na: ö\n".encode("latin-1")).findings[0]
    assert (finding.line, finding.column) == (2, 4)


def test_size_is_capped_before_parsing() -> None:
    assert _rules(b"a: " + b"x" * MAX_BYTES) == ["file-too-large"]


def test_an_alias_bomb_is_a_finding_and_stays_small() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    began = time.monotonic()
    read = read_yaml("f", "\n".join(lines).encode())
    assert {finding.rule for finding in read.findings} == {"yaml-alias"}
    assert len(repr(read.data)) < 20_000 and time.monotonic() - began < 5


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    assert isinstance(read_yaml("f", data), YamlFile)


@given(st.text(alphabet="ab:-{}[]#&*!|>'\"%@`,?~ \n\t0123.<_\u2028\x85", max_size=80))
def test_arbitrary_yaml_like_text_never_raises(text: str) -> None:
    assert isinstance(read_yaml("f", text.encode()), YamlFile)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), PLAIN, min_size=1, max_size=4))
def test_what_another_writer_wrote_reads_back_equal(value: dict[str, object]) -> None:
    text = json.dumps(value, ensure_ascii=False)  # JSON is YAML, but for control characters
    read = read_yaml("f", text.encode("utf-8"))
    if not any(0x7F <= ord(character) <= 0x9F or character in "\u2028\u2029\ufeff\ufffe\uffff" for character in text):
        assert not read.findings and read.data == value


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ('a: 1\nb: "x\x07y"\n', (2, 6), r"the control character \u0007"),
        ("a: é\nb: üx\x01", (2, 6), r"the control character \u0001"),
        ("a: @x\n", (1, 4), "a character that begins no value"),
        ("a: [1\nb: 2\n", (2, 2), "no ',' or ']' here"),
        ("a: b: c\n", (1, 5), "a second `key: value` on this line"),
        ("a: 'x", (1, 6), "the end of the file inside a value"),
    ],
)
def test_what_does_not_parse_is_told_in_words_at_its_place(text: str, place: tuple[int, int], found: str) -> None:
    [finding] = read_yaml("f.yaml", text.encode()).findings
    assert ((finding.line, finding.column), finding.found) == (place, found)
    assert "\n" not in str(finding) and "found found" not in str(finding)
