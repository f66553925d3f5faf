from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.report import factory
from unit.report.test_markdown import OWN_HTML, PARSER, SAFE, hostile, large, small  # noqa: F401 - a fixture
from unit.report.test_neutral import ACTIVE, texts
from unit.report.test_rendered import change, environment, found, part

from sluice.forge.comment import RunMark, mark_of, stamped, with_note
from sluice.report.comment import BUDGET, MARKER, to_comment, worth_a_comment
from sluice.report.heads import read_heads

RUN = "https://github.com/acme/app/actions/runs/77"
LIMIT = 65_536
OWN_COMMENT = re.compile(r"<!-- sluice:(report|heads \{[^<>\n]*\}) -->\n?")


def at(judgement, number):
    return replace(judgement, head_commit=f"{number:040x}")


@settings(max_examples=40, deadline=None)
@given(texts, st.sampled_from(["pass", "fail", "inconclusive", "invalid", "first"]), texts)
def test_nothing_of_others_is_markdown_a_link_or_a_marker(text, kind, note):
    judgement = at(hostile(text, small(kind)), 1)
    before = to_comment(judgement, note=note, run_url=f"https://a/b){text}")
    source = to_comment(at(judgement, 2), previous=before, note=note)
    assert source.startswith(f"{MARKER}\n<!-- sluice:heads ")
    assert source.count("<!--") == source.count("-->") == 2
    for token in PARSER.parse(source):
        assert token.type not in ("code_block", "hr") and token.tag not in ("h1", "h2", "h3"), token
        if token.type == "html_block":
            assert OWN_HTML.match(OWN_COMMENT.sub("", token.content)), token.content
        for child in token.children or ():
            assert child.type in SAFE, (child.type, token.content)
            if child.type == "text":
                assert not [pattern.pattern for pattern in ACTIVE if pattern.search(child.content)], child.content


@settings(max_examples=25, deadline=None)
@given(texts)
def test_a_previous_text_gives_nothing_but_heads(text):
    plain = to_comment(at(factory.passing(), 1))
    assert to_comment(at(factory.passing(), 1), previous=text) == plain
    assert to_comment(at(factory.passing(), 1), previous=f"{MARKER}\n{text}") == plain


def test_ten_thousand_wide_cases_and_a_full_history_fit_with_the_forges_mark(large):  # noqa: F811
    previous = None
    for number in range(30):
        judgement = at(factory.failing(), number)
        wide = replace(judgement.verdict.suites[0], metrics=(
            replace(judgement.verdict.suites[0].metrics[1], metric="\U0001f4a5" * 200),
        ))  # fmt: skip
        judged = replace(judgement, verdict=replace(judgement.verdict, suites=(wide,)))
        previous = to_comment(judged, previous=previous, run_url=f"{RUN}{number}")
    source = to_comment(at(large, 99), previous=previous, run_url=RUN, note="\U0001f9ea" * 5_000)
    mark = RunMark(head="f" * 40, run=2**53, attempt=99)
    assert source.startswith(MARKER)
    assert len(source.encode()) <= BUDGET
    assert len(stamped(source, mark).encode()) <= LIMIT
    assert mark_of(stamped(source, mark)) == mark
    assert read_heads(source).judged == 31
    assert source.count("<details>") == source.count("</details>")
    for needed in ("3,334 broken", "Repaired: 3,333", "Not shown here:", "Earlier heads of this pull request: 30"):
        assert needed in source


def test_three_runs_of_one_head_are_one_head():
    text = None
    for _ in range(3):
        text = to_comment(factory.failing(), previous=text, run_url=RUN)
    assert "1 head judged here so far" in text
    assert "Earlier heads" not in text


def test_three_heads_are_one_comment_that_shows_the_last():
    text = None
    for number, kind in ((1, "fail"), (2, "inconclusive"), (3, "pass")):
        text = to_comment(at(factory.ALL[kind](), number), previous=text, run_url=RUN)
    assert text.split("\n")[3].startswith("✅ **pass**")
    lines = [line for line in text.split("\n") if line.startswith("- `0000000`")]
    assert [re.search(r"(❌|❔) (\w+)", line)[2] for line in lines] == ["inconclusive", "fail"]
    assert all(f"[run]({RUN})" in line for line in lines)
    assert "3 heads judged here so far" in text


def test_the_head_that_came_back_is_not_an_earlier_one_of_itself():
    text = to_comment(at(factory.failing(), 1))
    text = to_comment(at(factory.failing(), 2), previous=text)
    text = to_comment(at(factory.failing(), 1), previous=text)
    assert "Earlier heads of this pull request: 1" in text
    assert "2 heads judged here so far" in text


def test_a_head_without_a_commit_is_not_remembered():
    text = to_comment(replace(factory.failing(), head_commit=None), run_url=RUN)
    assert '<!-- sluice:heads {"heads":[],"judged":0} -->' in text
    assert "judged here" not in text


def test_the_order_is_verdict_note_edits_gates_cases_next():
    source = to_comment(factory.invalid(), note="Stale: another head is there.")
    places = [source.index(part) for part in ("**invalid**", "[!NOTE]", "[!IMPORTANT]", "| Metric |", "**Next**")]
    assert places == sorted(places)
    source = to_comment(factory.failing())
    places = [
        source.index(part) for part in ("| Metric |", "**177 broken**", "More broken cases", "Reproduce", "/help")
    ]
    assert places == sorted(places)


def test_suites_that_need_eyes_come_first():
    calm, failing = factory.passing(), factory.failing()
    suites = (replace(calm.suites[0], name="calm"), failing.suites[0])
    verdicts = (replace(calm.verdict.suites[0], suite="calm"), failing.verdict.suites[0])
    both = replace(failing, suites=suites, verdict=replace(failing.verdict, suites=verdicts))
    source = to_comment(both)
    assert 0 < source.index("#### ❌ support-answer") < source.index("#### ✅ calm")
    assert source.count("Differences in points") == 1


@pytest.mark.parametrize("outputs", ["artifact", "none"])
def test_outputs_that_may_not_be_shown_are_not(outputs):
    judgement = factory.failing()
    judgement = replace(judgement, suites=(replace(judgement.suites[0], outputs=outputs),))
    source = to_comment(judgement)
    assert "Guest login asks" not in source and "no match for" not in source
    assert "q-0001" in source and "keeps the outputs out of comments" in source


def test_a_change_that_affects_nothing_is_not_worth_a_comment():
    assert not worth_a_comment(factory.unaffected())
    assert all(worth_a_comment(make()) for kind, make in factory.ALL.items() if kind != "unaffected")
    gone = replace(factory.unaffected(), verdict=replace(factory.unaffected().verdict, word="invalid"))
    assert worth_a_comment(gone)


def test_a_note_of_the_forge_leaves_the_heads_readable():
    text = to_comment(at(factory.failing(), 1), run_url=RUN)
    noted = with_note(text, "The run of the newer head ended without a judgement.")
    assert noted is not None and read_heads(noted) == read_heads(text)


def test_commands_never_stand_at_the_start_of_a_line():
    """They could be read as commands, where somebody quotes the comment."""
    assert not [line for line in to_comment(factory.failing()).split("\n") if line.lstrip("> ").startswith("/")]


def test_a_large_rendering_and_ten_thousand_wide_cases_share_the_comment(large):  # noqa: F811
    objects = tuple(found(part(*[f"+line {number} {index}" for number in range(300)])) for index in range(12))
    rendered = change(*(environment(name, objects=objects) for name in ("production", "staging")))
    source = to_comment(at(large, 1), run_url=RUN, rendered=rendered)
    assert len(source.encode()) <= BUDGET
    assert "What would be released" in source and "All of it: `sluice render" in source
    assert "Reproduce this on your machine" in source and "broken" in source
    assert source.count("<details>") == source.count("</details>")
