from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.report import factory

from sluice.errors import CannotJudge
from sluice.report.json import from_json, to_json
from sluice.report.markdown import to_markdown
from sluice.report.terminal import to_text

FORMATS = Path(__file__).parents[2] / "fixtures" / "formats" / "judgement"


def plain(judgement):
    """Return a judgement as it is read back from its file."""
    return json.loads(b"".join(to_json(judgement)))


def little():
    """Return a judgement of few cases, quick to write."""
    compared = factory.edited(6, lost=(1,), errors=(2,))
    metrics = (factory.metric(compared, "cites_source", "fail"), factory.latency())
    verdict = factory.suite_verdict(compared, "fail", metrics, reasons=("cites_source got worse",))
    return factory.judgement(
        factory.suite(compared, moved=("2 cases fail anew",)), verdict, "fail", ("x",), edits=("e",)
    )


@pytest.mark.parametrize("kind", factory.ALL)
def test_a_judgement_comes_back_as_it_was(kind):
    judgement = factory.ALL[kind]()
    written = b"".join(to_json(judgement))
    again = from_json(json.loads(written))
    assert again == judgement
    assert b"".join(to_json(again)) == written
    assert to_text(again) == to_text(judgement) and to_markdown(again) == to_markdown(judgement)


@pytest.mark.parametrize("path", sorted(FORMATS.glob("*.json")), ids=lambda path: path.name)
def test_every_released_format_keeps_loading(path):
    judgement = from_json(json.loads(path.read_bytes()))
    assert judgement.verdict.word == "fail"
    assert "cites_source" in to_text(judgement).split("\n")[0]
    if path.stem == "1":
        assert b"".join(to_json(judgement)) + b"\n" == path.read_bytes()


def test_a_sample_of_the_current_format_exists():
    assert (FORMATS / "1.json").exists()


def test_infinite_bounds_and_lone_surrogates_do_not_leave():
    judgement = little()
    suite = judgement.verdict.suites[0]
    metrics = (replace(suite.metrics[0], lower=-math.inf, upper=math.nan, notes=("\ud800",)),)
    judgement = replace(judgement, verdict=replace(judgement.verdict, suites=(replace(suite, metrics=metrics),)))
    metric = plain(judgement)["verdict"]["suites"][0]["metrics"][0]
    assert (metric["lower"], metric["upper"], metric["notes"]) == (None, None, ["?"])
    b"".join(to_json(judgement)).decode("utf-8", "strict")


def test_the_summary_is_computed_and_never_believed():
    value = plain(little())
    assert value["summary"] == {
        "exit_code": 1,
        "title": value["summary"]["title"],
        "suites": {
            "support-answer": {"broken": 1, "repaired": 0, "changed": 0, "errors": 1, "flaky": 0, "compared": 6}
        },
    }
    forged = {**value, "summary": {"exit_code": 0}}
    assert plain(from_json(forged))["summary"] == value["summary"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "no stored judgement"),
        ([], "no stored judgement"),
        ({}, "no `format`"),
        ({"format": 2}, "format 2"),
        ({"format": True}, "format True"),
        ({"format": "1"}, "format '1'"),
        ({"format": 1}, "base: Field required.* and 3 more"),
        ({"format": 1, "x": math.nan}, "cannot be read"),
    ],
)
def test_what_is_no_judgement_is_refused_in_words(value, said):
    with pytest.raises(CannotJudge, match=said):
        from_json(value)


def broken_values():
    """Name one change of a valid file after another, with the place that the message must name."""
    return [
        (("verdict", "word"), "maybe", "verdict.word"),
        (("verdict", "extra"), 1, "verdict.extra"),
        (("suites", 0, "outputs"), "everywhere", "suites.0.outputs"),
        (("suites", 0, "comparison", "planned"), -1, "suites.0.comparison.planned"),
        (("suites", 0, "comparison", "planned"), 10**400, "planned"),
        (("suites", 0, "comparison", "pairs", 0, "head", 0, "latency"), "fast", "latency"),
        (("suites", 0, "comparison", "pairs", 0, "info", "slices"), {"a": 1}, "slices.a"),
        (("suites", 0, "comparison", "metrics", "correct", "cases"), ["a"], "differ in length"),
        (("verdict", "suites", 0, "metrics", 0, "mcnemar"), 2, "mcnemar"),
        (("base",), None, "base"),
    ]


@pytest.mark.parametrize(("path", "value", "said"), broken_values())
def test_hostile_files_get_a_message_that_names_the_place(path, value, said):
    written = plain(little())
    target = written
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with pytest.raises(CannotJudge, match="cannot be read") as caught:
        from_json(written)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 2_000


def test_deep_nesting_is_refused():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CannotJudge):
        from_json({"format": 1, "summary": deep})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
VALID = plain(little())


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(VALID)), json_values, min_size=1, max_size=3))
def test_whatever_stands_in_a_file_ends_in_a_judgement_or_a_message(changes):
    try:
        judgement = from_json({**VALID, **changes})
    except CannotJudge:
        return
    assert to_text(judgement) and to_markdown(judgement)
