from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from unit.report import factory
from unit.report.test_markdown import hostile, small
from unit.report.test_neutral import texts

from sluice.report.terminal import cases_to_text, to_text

BOUNDS = "[…]"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("kind", factory.ALL)
def test_no_line_is_wider_than_the_terminal(kind, width):
    text = to_text(factory.ALL[kind](), width=width)
    assert max(map(cell_len, text.split("\n"))) <= width


@settings(max_examples=40, deadline=None)
@given(texts, st.sampled_from(["pass", "fail", "first"]), st.sampled_from([40, 80]), st.booleans())
def test_no_text_of_others_reaches_the_terminal_as_a_command(text, kind, width, colour):
    shown = to_text(hostile(text, small(kind)), width=width, colour=colour)
    lines = ANSI.sub("", shown).split("\n")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "".join(lines))
    assert max(map(cell_len, lines)) <= width


def test_model_output_cannot_use_markup_or_escapes():
    text = to_text(hostile("[red]no[/red] [link=x]y[/] :smile: \x1b]8;;http://x\x07z\x1b[2J", small("fail")))
    assert "[red]no[/red] [link=x]y[/] :smile: \\x1b]8;;http://x\\x07z\\x1b[2J" in " ".join(text.split())
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("pass", f"✓ pass: correct 100.0% → 100.0%, 0.0 points {BOUNDS}"),
        ("fail", f"✗ fail: cites_source 99.0% → 11.1%, −87.9 points {BOUNDS}"),
        ("inconclusive", f"? inconclusive: cites_source 93.0% → 92.5%, −0.5 points {BOUNDS}"),
        ("invalid", "! invalid: only 160 of 200 planned pairs were scored; 98% are needed"),
        ("first", "+ first: correct 100.0%"),
        ("unaffected", "✓ pass: nothing that an eval depends on has changed"),
        ("must_pass", "✗ fail: the must-pass case 'q-0007' fails: no match for \\[leaderboards-000\\]"),
    ],
)
def test_the_first_line_is_the_verdict(kind, line):
    first = to_text(factory.ALL[kind](), width=120).split("\n")[0]
    assert re.sub(r"\[.[\d.]+, .[\d.]+\]", BOUNDS, first) == line


def test_differences_are_told_without_colour_and_styled_with_it():
    plain, coloured = (to_text(factory.failing(), colour=colour) for colour in (False, True))
    assert "profile scope only. [-[login-000]-]" in plain and "\x1b" not in plain
    bare = ANSI.sub("", coloured)
    assert "[-[login-000]-]" not in bare and "profile scope only. [login-000]" in bare
    assert "\x1b[9;31m[" in coloured and "\x1b[4;32m[" in coloured


def test_the_gate_table_fits_or_is_stacked():
    assert "✗ cites_source  99.0%  11.1% −87.9 [" in to_text(factory.failing(), width=80)
    assert "✗ cites_source  fail\n    99.0% → 11.1%, −87.9 [" in to_text(factory.failing(), width=50)


@pytest.mark.parametrize("width", [60, 80])
def test_a_fail_by_the_floor_alone_is_told_in_its_row(width):
    text = to_text(factory.below_floor(), width=width)
    assert "fail: floor" in text
    assert "below the floor of 97.0%" in " ".join(text.split())
    assert "fail: floor" not in to_text(factory.failing(), width=width)


@pytest.mark.parametrize("width", [40, 60, 69])
def test_what_wraps_keeps_its_indent(width):
    lines = to_text(factory.failing(), width=width).split("\n")
    start = next(index for index, line in enumerate(lines) if "the 3 worst" in line) + 1
    end = next(index for index in range(start, len(lines)) if not lines[index])
    assert all(line.startswith("  ") for line in lines[start:end])


def test_an_inconclusive_verdict_says_what_it_could_see_and_the_ways_out():
    text = " ".join(to_text(factory.inconclusive()).split())
    assert re.search(r"may have dropped by up to \d\.\d points, and 5\.0 points is the margin", text)
    assert re.search(r"200 cases can show a drop of \d\.\d points, about 412 more cases would decide", text)
    assert "1. add cases" in text and "2. ask someone other than the author" in text


def test_edits_stand_before_gates_and_errors_are_no_fails():
    text = to_text(factory.invalid())
    assert text.index("edits what it is judged by") < text.index("metric ")
    assert "40 errors, neither pass nor fail; the first 2" in text


def test_without_a_base_only_head_is_told():
    text = to_text(factory.first())
    assert "10 failing of 200 cases; nothing to compare with" in text
    assert "base     Open" not in text and "cites_source: fail" in text


def test_more_cases_are_shown_on_request():
    few, many = (to_text(factory.failing(), cases=cases).count("    why ") for cases in (1, 7))
    assert (few, many) == (1, 7)
    assert "    why " not in to_text(factory.failing(), cases=0)


def test_one_kind_of_case_can_be_listed():
    suite = factory.failing().suites[0]
    text = cases_to_text(suite, ("repaired", "error"), limit=1)
    assert "2 repaired cases; the first" in text and "1 failed case" in text
    assert "177" not in text and "{+[sdk-000]+}" in text


def test_json_and_markdown_need_no_rich():
    program = (
        "import sys; sys.path.insert(0, 'src'); import sluice.report.json, sluice.report.markdown; "
        "assert not [name for name in sys.modules if name.split('.')[0] == 'rich']"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
