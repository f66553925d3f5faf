from __future__ import annotations

from dataclasses import replace

import pytest
from unit.report import factory

from sluice.report.json import to_json
from sluice.report.markdown import to_markdown
from sluice.report.privacy import masked, shown_to
from sluice.report.terminal import cases_to_text, to_text


def secretive(outputs):
    """Return a judgement whose outputs, reasons, errors and rows all hold the word SESAME."""
    compared = factory.edited(20, lost=(7,), errors=(8,))

    def told(result):
        scores = {name: replace(score, reason="got SESAME") for name, score in result.metrics.items()}
        error = "said SESAME" if result.error else None
        return replace(result, output="SESAME", metrics=scores, error=error)

    pairs = tuple(
        replace(
            pair,
            info=replace(pair.info, row={"question": "SESAME?"}),
            base=tuple(map(told, pair.base)),
            head=tuple(map(told, pair.head)),
        )
        for pair in compared.pairs
    )
    judgement = factory.must_pass()
    said = "the must-pass case 'q-0007' fails: got SESAME"
    verdict = replace(
        judgement.verdict.suites[0],
        must_pass=(replace(judgement.verdict.suites[0].must_pass[0], reason="got SESAME"),),
        reasons=(said,),
    )
    return replace(
        judgement,
        suites=(factory.suite(replace(compared, pairs=pairs), outputs=outputs),),
        verdict=replace(judgement.verdict, suites=(verdict,), reasons=(f"support-answer: {said}",)),
    )


@pytest.mark.parametrize(
    ("outputs", "in_public", "in_private"),
    [("public", True, True), ("artifact", False, True), ("none", False, False), ("unheard of", False, False)],
)
def test_a_card_decides_where_outputs_are_shown(outputs, in_public, in_private):
    judgement = secretive(outputs)
    assert ("SESAME" in to_markdown(judgement)) == in_public
    assert ("SESAME" in to_text(judgement)) == in_private
    assert ("SESAME" in cases_to_text(judgement.suites[0], ("broken", "error"), limit=9)) == in_private
    assert ("SESAME" in b"".join(to_json(judgement)).decode()) == in_private


def test_what_is_withheld_is_still_counted_and_named():
    shown = shown_to(secretive("none"), "private")
    pair = shown.suites[0].comparison.pairs[7]
    assert (pair.change, pair.head[0].state, pair.head[0].output) == ("broken", "fail", None)
    assert shown.verdict.reasons == ("support-answer: the must-pass case 'q-0007' fails",)
    text = to_text(secretive("none"))
    assert "q-0007" in text and "withheld" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ada.byron@acme.dev today", "write to [masked: an e-mail address] today"),
        ("key ghp_" + "a1B2" * 9 + " here", "key [masked: a GitHub token] here"),
        ("nothing to hide, error 655", "nothing to hide, error 655"),
    ],
)
def test_credentials_and_personal_data_in_outputs_are_masked(text, expected):
    assert masked(text) == expected


def test_masking_reaches_every_rendering():
    judgement = secretive("public")
    token = "ghp_" + "a1B2" * 9
    pairs = tuple(
        replace(pair, head=tuple(replace(result, output=f"it is {token}") for result in pair.head))
        for pair in judgement.suites[0].comparison.pairs
    )
    suite = replace(judgement.suites[0], comparison=replace(judgement.suites[0].comparison, pairs=pairs))
    judgement = replace(judgement, suites=(suite,))
    for text in (to_markdown(judgement), to_text(judgement), b"".join(to_json(judgement)).decode()):
        assert token not in text and "masked: a GitHub token" in text
