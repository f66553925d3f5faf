"""Joining journals: any split of a run's records joins into the same journal, and contradictions are refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import CannotJudge
from sluice.runner.joining import joined

HEAD = [{"format": 1, "run": {"suite": "s"}, "plan": {}, "reused": 1}, {"reused": "k", "completion": {}}]
SERVER = {"server": "base", "identity": {"engine": "tgi"}}


def answer(number, text="yes", seconds=0.5):
    return {"batch": number, "outcomes": {f"key-{number}": {"text": text}}, "seconds": seconds}


def outcomes(journal):
    return {key: value for record in journal for key, value in record.get("outcomes", {}).items()}


@given(st.integers(1, 30), st.integers(1, 6), st.randoms(use_true_random=False))
def test_every_split_joins_into_one_journal_whatever_the_order(calls: int, parts: int, chance: random.Random):
    tails = [[SERVER] for _ in range(parts)]
    for number in range(calls):
        tails[chance.randrange(parts)].append(answer(number))
    journals = [[*HEAD, *tail] for tail in tails]
    whole = joined("s", journals)
    assert whole[:2] == HEAD
    assert whole.count(SERVER) == 1 and len(whole) == calls + 3
    assert outcomes(whole).keys() == {f"key-{number}" for number in range(calls)}
    chance.shuffle(journals)
    assert joined("s", journals) == whole
    assert joined("s", [whole, *journals]) == whole, "merging again changes nothing"
    cut = [journal[: chance.randrange(len(HEAD), len(journal) + 1)] for journal in journals]
    partial = joined("s", cut)
    finished = joined("s", [partial, *journals])
    assert outcomes(finished) == outcomes(whole) and len(finished) == len(whole)


def test_what_was_asked_again_in_one_part_stays_in_its_order():
    """A failure and the answer that followed it: the later record counts when a journal is read."""
    failed = {"batch": 1, "outcomes": {"key-1": {"error": "timeout", "message": "", "attempts": 3}}, "seconds": 1.0}
    one = [*HEAD, SERVER, answer(0), failed, answer(1)]
    other = [*HEAD, SERVER, answer(2), answer(3), answer(4), answer(5)]
    whole = joined("s", [other, one])
    assert whole.index(failed) < whole.index(answer(1))
    assert outcomes(whole)["key-1"] == {"text": "yes"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([answer(0)], [answer(0, "no")]),
        ([answer(0)], [answer(0, seconds=0.6)]),
        ([answer(0), answer(1)], [answer(0), answer(1, "no")]),
        ([{"timed": [[1, 2]], "calls": 2}], [{"timed": [[1, 3]], "calls": 2}]),
    ],
)
def test_two_answers_to_one_call_are_refused(one: list, other: list):
    with pytest.raises(CannotJudge, match="two runs of s got answers of their own"):
        joined("s", [[*HEAD, *one], [*HEAD, *other]])


def test_other_plans_and_other_caches_are_refused():
    for changed in ([{**HEAD[0], "plan": {"seed": 1}}, HEAD[1]], [HEAD[0], {"reused": "l", "completion": {}}]):
        with pytest.raises(CannotJudge, match="planned apart"):
            joined("s", [[*HEAD, answer(0)], [*changed, answer(1)]])
    with pytest.raises(CannotJudge, match="planned apart"):
        joined("s", [[*HEAD, answer(0)], [{**HEAD[0], "reused": 0}, answer(1)]])
