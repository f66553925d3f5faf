from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from unit.report import factory
from unit.report.test_neutral import ACTIVE, texts

from sluice.report.markdown import BUDGET, LEAST_BUDGET, to_markdown
from sluice.report.visible import clipped

GITHUB_LIMIT = 65_536
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OWN_HTML = re.compile(r"(?:</?details>|<summary>[\w ,:.]+</summary>|</?sub>|</?span>|\s)*\Z")
SAFE = {"text", "softbreak", "strong_open", "strong_close", "code_inline", "html_inline"}


def hostile(text, judgement):
    """Put a text into every place of a judgement that people or models fill."""

    def result(one):
        scores = {text + name: replace(score, reason=text) for name, score in one.metrics.items()}
        error = text if one.error else None
        return replace(one, output=text + one.case if one.output else None, metrics=scores, error=error)

    def pair(one):
        info = replace(one.info, id=f"{text}{one.info.id}", row={"question": text}, slices={text: text})
        return replace(one, info=info, base=tuple(map(result, one.base)), head=tuple(map(result, one.head)))

    suite = judgement.suites[0]
    compared = suite.comparison
    engine = {"engine": text, text: text}
    compared = replace(
        compared,
        pairs=tuple(map(pair, compared.pairs)),
        base=replace(compared.base, engine=engine),
        head=replace(compared.head, engine=engine),
    )
    verdict = judgement.verdict.suites[0]
    metrics = tuple(replace(metric, metric=text, notes=(text,)) for metric in verdict.metrics)
    verdict = replace(verdict, metrics=metrics, reasons=(text,), suite=text)
    return replace(
        judgement, base=text, head=text, base_commit=text, unaffected=(text,), edits=(text, text),
        suites=(replace(suite, name=text, prompt=text, dataset=text, model=text, why=(text,), moved=(text,),
                        comparison=compared),),
        verdict=replace(judgement.verdict, suites=(verdict,), reasons=(text,), ways_out=(text, text)),
    )  # fmt: skip


def small(kind):
    compared = factory.edited(24, lost=(1, 2), repaired=(4,), reworded=(0, 5), errors=(7,))
    metrics = (factory.metric(compared, "cites_source", kind),)
    return factory.judgement(factory.suite(compared), factory.suite_verdict(compared, kind, metrics), kind)


@settings(max_examples=60, deadline=None)
@given(
    texts,
    st.sampled_from(["pass", "fail", "inconclusive", "invalid", "first"]),
    st.sampled_from([2_000, 6_000, 60_000]),
)
def test_no_text_of_others_is_ever_markdown(text, kind, budget):
    source = to_markdown(hostile(text, small(kind)), budget=budget)
    assert len(source.encode("utf-8", "strict")) <= budget
    assert "<!--" not in source and "-->" not in source
    for token in PARSER.parse(source):
        assert token.type not in ("code_block", "hr") and token.tag not in ("h1", "h2", "h3"), token
        if token.type == "html_block":
            assert OWN_HTML.match(token.content), token.content
        for child in token.children or ():
            assert child.type in SAFE, (child.type, token.content)
            if child.type == "html_inline":
                assert OWN_HTML.match(child.content)
            if child.type == "text":
                assert not [pattern.pattern for pattern in ACTIVE if pattern.search(child.content)], child.content


@settings(max_examples=30, deadline=None)
@given(texts)
def test_collapsed_parts_are_closed_again(text):
    source = to_markdown(hostile(text, small("fail")))
    blocks = [token.content for token in PARSER.parse(source) if token.type == "html_block"]
    assert sum(part.count("<details>") for part in blocks) == sum(part.count("</details>") for part in blocks) > 3


@pytest.fixture(scope="module")
def large():
    """Ten thousand cases whose every character takes four bytes."""
    compared = factory.edited(10_000, lost=range(0, 10_000, 3), repaired=range(1, 10_000, 3), errors=range(2, 100, 3))
    long = "\U0001f4a5\U0001f9ea " * 150

    def told(results):
        return tuple(replace(result, output=long + (result.output or "")) for result in results)

    pairs = tuple(replace(pair, base=told(pair.base), head=told(pair.head)) for pair in compared.pairs)
    compared = replace(compared, pairs=pairs)
    metrics = (factory.metric(compared, "cites_source", "fail"),)
    verdict = factory.suite_verdict(compared, "fail", metrics, reasons=(long,) * 50)
    return factory.judgement(factory.suite(compared), verdict, "fail", (long,) * 50, edits=(long,) * 50)


@pytest.mark.parametrize("budget", [LEAST_BUDGET, 8_000, BUDGET])
def test_ten_thousand_wide_cases_stay_within_the_budget(large, budget):
    source = to_markdown(large, budget=budget)
    assert len(source.encode()) <= budget < GITHUB_LIMIT
    assert source.count("<details>") == source.count("</details>")
    assert "Not shown here:" in source
    if budget == BUDGET:
        assert "3,334 broken" in source and "Repaired: 3,333" in source
        assert len(source.encode()) > budget // 2


def test_a_budget_too_small_for_a_verdict_is_refused():
    with pytest.raises(ValueError, match="at least"):
        to_markdown(factory.passing(), budget=LEAST_BUDGET - 1)


@pytest.mark.parametrize("kind", factory.ALL)
def test_the_first_line_is_the_verdict(kind):
    judgement = factory.ALL[kind]()
    line = to_markdown(judgement).split("\n")[0]
    assert f"**{judgement.verdict.word}**" in line
    assert "base `1a2b3c4` → head `9f8e7d6`" in line


def test_the_first_line_has_figures_and_counts():
    line = to_markdown(factory.inconclusive()).split("\n")[0]
    assert line.startswith("❔ **inconclusive**: cites\\_source 93.0% → 92.5%, −0.5 points \\[−")
    assert "15 broken, 14 repaired, 0 changed, 0 errors in 200 cases" in line


def test_a_fail_by_the_floor_alone_is_told_in_its_row():
    text = to_markdown(factory.below_floor())
    assert "**\u2717\u00a0fail:\u00a0floor**" in text
    assert "below the floor of 97.0%" in text.split("\n")[0]
    assert "fail:" not in to_markdown(factory.failing()).split("| Metric")[1].split("\n\n")[0]


def test_what_is_edited_stands_before_the_gates():
    source = to_markdown(factory.invalid())
    assert 0 < source.index("[!IMPORTANT]") < source.index("| Metric |")


def test_outputs_differ_word_by_word_in_a_block():
    source = to_markdown(factory.failing())
    assert (
        "```diff\n  Which scopes does guest login ask for?\n"
        "- Guest login asks for the profile scope only. [-[login-000]-]\n"
        "+ Guest login asks for the profile scope only.\n"
    ) in source


def test_how_to_reproduce_is_one_command():
    assert "```sh\nsluice eval --base 1a2b3c4 --head 9f8e7d6\n```" in to_markdown(factory.failing())
    assert "```sh\nmake judge\n```" in to_markdown(factory.failing(), reproduce="make judge")


def test_a_label_that_is_no_commit_is_not_shown_as_one():
    judgement = replace(factory.passing(), base_commit="$(reboot)", head_commit=None)
    source = to_markdown(judgement)
    assert "reboot" not in source and "base (not committed)" in source
    assert clipped(source, 10) != source


def test_nothing_affected_is_two_lines():
    assert to_markdown(factory.unaffected()) == (
        "✅ **pass**: nothing that an eval depends on has changed · base `1a2b3c4` → head `9f8e7d6`\n\n"
        "<sub>Unaffected, not run: ticket-triage</sub>\n"
    )
