from dataclasses import replace

import pytest
from unit.report import factory

from sluice.digest import digest
from sluice.errors import ExitCode
from sluice.gate.acceptance import Accepted, accept, policy_digest, removal_candidate
from sluice.gate.changes import problems_about
from sluice.gate.suite import metric_gone
from sluice.gate.verdict import MustPass
from sluice.schema import Suite

LOST = (3, 8, 20)
CASES = tuple(f"q-{number:04}" for number in LOST)
WORDS = "accepted by ann until 2026-12-22, correct: known"


def failing(word="fail", *, must_pass=(), reasons=("cites_source got worse",), other="pass"):
    """Return a judgement whose `cites_source` lost three cases."""
    compared = factory.edited(200, lost=LOST)
    metrics = (factory.metric(compared, "correct", other), factory.metric(compared, "cites_source", word))
    broken = tuple(MustPass(case, "") for case in must_pass)
    suite = "invalid" if word == "invalid" else word
    verdict = factory.suite_verdict(compared, suite, metrics, must_pass=broken, reasons=tuple(reasons))
    return factory.judgement(factory.suite(compared), verdict, suite, tuple(reasons))


def settled(judgement, *accepted, problems=()):
    return accept(judgement, problems, {"support-answer": accepted})


@pytest.mark.parametrize("word", ["fail", "inconclusive"])
def test_a_named_metric_or_every_lost_case_of_it_is_let_through(word):
    for one in (Accepted(WORDS, metric="cites_source"), Accepted(WORDS, cases=CASES)):
        found = settled(failing(word), one)
        assert found.verdict.word == found.verdict.suites[0].word == "accepted"
        assert found.verdict.exit_code == ExitCode.OK
        assert WORDS in found.verdict.suites[0].reasons
    in_parts = settled(failing(word), Accepted("a", cases=CASES[:1]), Accepted("b", cases=CASES[1:]))
    assert in_parts.verdict.word == "accepted"
    assert {"a", "b"} <= set(in_parts.verdict.suites[0].reasons)


@pytest.mark.parametrize(
    "accepted",
    [
        (),
        (Accepted(WORDS, metric="correct"),),
        (Accepted(WORDS, cases=CASES[:2]),),
        (Accepted(WORDS, cases=("q-0000",)),),
        (Accepted(WORDS, removal="support-answer"),),
    ],
)
def test_less_than_all_that_speaks_against_a_suite_is_not(accepted):
    judgement = failing()
    assert settled(judgement, *accepted) == judgement


def test_a_must_pass_case_must_be_named_itself():
    judgement = failing("pass", must_pass=("q-0003",), reasons=("the must-pass case 'q-0003' fails",))
    suite = replace(judgement.verdict.suites[0], word="fail")
    judgement = replace(judgement, verdict=replace(judgement.verdict, word="fail", suites=(suite,)))
    assert settled(judgement, Accepted(WORDS, metric="cites_source")) == judgement
    assert settled(judgement, Accepted(WORDS, cases=("q-0003",))).verdict.word == "accepted"


def test_two_failing_metrics_need_two_acceptances():
    judgement = failing(other="fail")
    one, two = Accepted(WORDS, metric="cites_source"), Accepted(WORDS, metric="correct")
    assert settled(judgement, one) == judgement
    assert settled(judgement, one, two).verdict.word == "accepted"
    # `correct` lost no case, so no list of cases can stand for it.
    assert settled(judgement, one, Accepted(WORDS, cases=CASES)) == judgement


def test_of_an_invalid_suite_only_the_removal_of_a_metric_can_be_accepted():
    gone = failing("invalid", reasons=(metric_gone("tone"),))
    gone = replace(gone, verdict=replace(gone.verdict, suites=(replace(gone.verdict.suites[0], metrics=()),)))
    assert settled(gone, Accepted(WORDS, metric="tone")).verdict.word == "accepted"
    assert settled(gone, Accepted(WORDS, metric="correct")) == gone
    errors = replace(gone.verdict.suites[0], reasons=(metric_gone("tone"), "only 3 of 200 planned pairs were scored"))
    errors = replace(gone, verdict=replace(gone.verdict, suites=(errors,)))
    assert settled(errors, Accepted(WORDS, metric="tone")) == errors


def test_another_suite_that_fails_keeps_the_change_failed():
    judgement = failing()
    other = replace(judgement.verdict.suites[0], suite="other")
    suites = (*judgement.suites, replace(judgement.suites[0], name="other"))
    judgement = replace(
        judgement, suites=suites, verdict=replace(judgement.verdict, suites=(*judgement.verdict.suites, other))
    )
    found = settled(judgement, Accepted(WORDS, metric="cites_source"))
    assert [suite.word for suite in found.verdict.suites] == ["accepted", "fail"]
    assert found.verdict.word == "fail"


def test_a_removal_is_accepted_by_its_name():
    removed, _, ungated = problems_about("old")
    judgement = factory.judgement(None, None, "invalid", (removed, ungated))
    accepted = Accepted("accepted by ann", removal="old")
    found = accept(judgement, (removed, ungated), {"removal of old": (accepted,)})
    assert found.verdict.word == "accepted"
    assert "accepted by ann" in found.verdict.reasons
    assert accept(judgement, (removed, ungated), {"removal": (Accepted(WORDS, removal="other"),)}) == judgement
    both = (removed, problems_about("other")[0])
    half = accept(judgement, both, {"removal of old": (accepted,)})
    assert half.verdict.word == "invalid"
    assert removed not in half.verdict.reasons


def test_a_pass_stays_a_pass():
    judgement = factory.passing()
    assert settled(judgement, Accepted(WORDS, metric="cites_source")) == judgement


SUITE = {
    "description": "d", "prompt": "p", "dataset": "q",
    "assertions": [{"metric": "m", "type": "contains", "value": "x"}],
    "gates": {"m": {"max_drop": 0.05, "floor": 0.8}},
}  # fmt: skip


def suite(**changes) -> Suite:
    import json

    return Suite.model_validate_json(json.dumps({**SUITE, **changes}))


def test_the_policy_is_what_judges_and_nothing_else():
    policy = policy_digest(suite())
    assert policy_digest(suite(description="other", seed=4, repeats=2, budget={"calls": 3})) == policy
    assert policy_digest(suite(must_pass=["a", "b"])) == policy_digest(suite(must_pass=["b", "a"])) != policy
    for change in ({"gates": {"m": {"max_drop": 0.06, "floor": 0.8}}}, {"on_inconclusive": "warn"}, {"gates": {}}):
        assert policy_digest(suite(**change)) != policy
    assert policy_digest(None) == digest(None)


def test_a_removal_is_bound_to_everything_that_is_left():
    candidate = removal_candidate("old", {"a": "1", "b": "2"})
    assert candidate == removal_candidate("old", {"b": "2", "a": "1"})
    assert candidate != removal_candidate("older", {"a": "1", "b": "2"})
    assert candidate != removal_candidate("old", {"a": "1", "b": "3"})
