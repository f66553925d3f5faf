import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.evidence import made
from unit.report import factory

from sluice.evidence import stored
from sluice.evidence.runs import complete_head
from sluice.evidence.stored import WholeRun, pack, unpack
from sluice.evidence.unverified import Unverified
from sluice.results import CaseInfo, CaseResult, MetricScore, Run

FORMATS = Path(__file__).parents[2] / "fixtures" / "formats" / "run"


def whole(**edits) -> WholeRun:
    one = made.suite(6, **edits)
    return complete_head(one, made.planned(one))


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.floats(0, 1e6) | st.integers(0, 10**6)
scores = st.builds(MetricScore, st.floats(0, 1), st.booleans(), words)


@st.composite
def runs(draw) -> WholeRun:
    """Any complete run: some cases, each with one to three results."""
    ids = draw(st.lists(words.filter(bool), min_size=1, max_size=4, unique=True))
    metrics = draw(st.lists(st.sampled_from(["correct", "cites", "tone"]), min_size=1, unique=True))
    results = [
        CaseResult(
            case=case, repeat=repeat, state=draw(st.sampled_from(["pass", "fail", "error", "skipped"])),
            request=draw(words), output=draw(st.none() | words), error=draw(st.none() | words),
            metrics={metric: draw(scores) for metric in metrics}, latency=draw(st.none() | numbers),
            prompt_tokens=draw(st.none() | st.integers(0, 10**6)), cost=draw(st.none() | numbers),
            attempts=1, called=True,
        )
        for case in ids
        for repeat in range(draw(st.integers(1, 3)))
    ]  # fmt: skip
    rows = st.dictionaries(words, st.none() | words | st.integers(-9, 9) | st.booleans(), max_size=3)
    cases = tuple(CaseInfo(case, draw(rows), draw(st.none() | words), {"topic": draw(words)}) for case in ids)
    header = replace(factory.header("head", len(ids), metrics), closure=made.closure().digest)
    return WholeRun("public", dict.fromkeys(metrics, "binary"), Run(header, tuple(results)), cases)


@settings(max_examples=25)
@given(runs())
def test_a_run_comes_back_as_it_was_and_packs_to_the_same_bytes(run):
    packed = pack(run)
    again = unpack(packed)
    assert again == run
    assert pack(again) == packed


def test_packing_holds_no_time_and_no_name():
    data = pack(whole())
    assert data[:4] == b"\x1f\x8b\x08\x00", "no flags: no name, no comment"
    assert data[4:8] == bytes(4), "no time"


def test_a_released_format_keeps_loading():
    run = unpack((FORMATS / "1.run.gz").read_bytes())
    assert run.run.header.suite == "support-answer"
    assert [case.id for case in run.cases] == [f"q-{number:04}" for number in range(6)]
    assert run.run.cases[1].state == "fail"
    assert unpack(pack(run)) == run


def changed(**edits) -> bytes:
    """Pack a run whose JSON was edited at a dotted place."""
    value = json.loads(gzip.decompress(pack(whole())))
    for place, new in edits.items():
        target, *steps = value, *place.split("__")
        for step in steps[:-1]:
            target = target[int(step) if step.isdigit() else step]
        last = steps[-1]
        if new is None:
            del target[int(last) if last.isdigit() else last]
        else:
            target[last] = new
    return gzip.compress(json.dumps(value).encode())


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ({"format": 2}, "format: Input should be 1"),
        ({"extra": 1}, "extra: Extra inputs"),
        ({"results__0": None}, "a planned case is missing"),
        ({"cases__0": None}, "a planned case is missing"),
        ({"header__planned": 7}, "a planned case is missing"),
        ({"results__1__case": "q-0000"}, "stands twice"),
        ({"cases__1__id": "q-0000"}, "stands twice"),
        ({"kinds": {"correct": "binary"}}, "different metrics"),
        ({"outputs": "none"}, "keeps to itself"),
        ({"results__0__state": "perhaps"}, "results.0.state"),
        ({"results__0__latency": "fast"}, "results.0.latency"),
    ],
)
def test_what_is_no_complete_run_is_refused_with_the_place(edits, said):
    with pytest.raises(Unverified) as caught:
        unpack(changed(**edits))
    assert said in str(caught.value)


def test_damaged_and_oversized_files_are_refused(monkeypatch):
    data = pack(whole())
    for broken in (b"", b"no gzip", data[:-9], data[: len(data) // 2], gzip.compress(b"[" * 100_000)):
        with pytest.raises(Unverified):
            unpack(broken)
    monkeypatch.setattr(stored, "MAX_BYTES", 1000)
    with pytest.raises(Unverified, match="unpacks to more than 1,000 bytes"):
        unpack(gzip.compress(bytes(10**6)))
