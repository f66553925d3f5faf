import pytest
from unit.evidence import made
from unit.report import factory

from sluice.digest import digest
from sluice.evidence.statement import read, write
from sluice.evidence.subjects import judged_policy
from sluice.evidence.verdicts import Compared, verdict_statement


def statement(word="pass", compared=None, lost=(), **extra):
    told = made.judgement(made.suite(60, lost=lost), word, **extra)
    compared = compared or Compared(made.closure("base"), made.closure("head"), made.POLICY)
    return verdict_statement(told, told.verdict.suites[0], compared, made.MAKING, 3)


@pytest.mark.parametrize(
    ("word", "told", "result", "where"),
    [
        ("pass", "pass", "PASSED", "passed_tests"),
        ("first", "first", "WARNED", "passed_tests"),
        ("fail", "fail", "FAILED", "failed_tests"),
        ("inconclusive", "inconclusive", "FAILED", "failed_tests"),
        ("invalid", "invalid", "FAILED", "failed_tests"),
    ],
)
def test_only_a_pass_is_passed(word, told, result, where):
    made_statement = statement(word)
    assert made_statement.facts.verdict == told
    assert made_statement.predicate.result == result
    assert getattr(made_statement.predicate, where) == factory.METRICS
    assert read(write(made_statement)) == made_statement


def test_what_was_accepted_warns_and_names_the_acceptance():
    acceptance = digest("acceptance")
    compared = Compared(made.closure("base"), made.closure("head"), made.POLICY, (acceptance,))
    one = made.suite(60, lost=(1,))
    metrics = tuple(factory.metric(one.comparison, name, "fail") for name in factory.METRICS)
    told = factory.judgement(one, factory.suite_verdict(one.comparison, "accepted", metrics), "accepted")
    found = verdict_statement(told, told.verdict.suites[0], compared, made.MAKING, None)
    assert found.facts.verdict == "pass (accepted)"
    assert found.predicate.result == "WARNED"
    assert found.predicate.warned_tests == factory.METRICS
    assert found.predicate.failed_tests == ()
    assert found.facts.acceptances == (acceptance,)
    assert found.facts.heads_judged is None
    assert found.about("policy") == judged_policy(made.POLICY, (acceptance,)) != judged_policy(made.POLICY, ())


def test_the_figures_are_the_gates():
    found = statement("pass", lost=(1, 2))
    claim = found.facts.claims[1]
    assert (claim.metric, claim.comparator, claim.threshold) == ("cites_source", ">", "-0.05")
    assert (claim.sample_size, claim.broken, claim.repaired) == (60, 2, 0)
    assert claim.base == 1.0
    assert claim.head == pytest.approx(58 / 60)
    assert claim.lower < claim.difference < claim.upper
    assert 0 < claim.detectable < 1
    assert found.facts.heads_judged == 3
    assert found.facts.change.suites == ("support-answer",)


def test_a_ratio_is_told_as_a_ratio():
    one = made.suite(60)
    told = factory.judgement(one, factory.suite_verdict(one.comparison, "pass", (factory.latency(),)), "pass")
    found = verdict_statement(
        told, told.verdict.suites[0], Compared(None, made.closure(), made.POLICY), made.MAKING, None
    )
    (claim,) = found.facts.claims
    assert (claim.comparator, claim.threshold, claim.passed) == ("<", "1.5", True)


def test_a_metric_that_only_warns_does_not_fail_the_statement():
    one = made.suite(60)
    metrics = (factory.metric(one.comparison, "correct", "pass"), factory.latency("fail"))
    told = factory.judgement(one, factory.suite_verdict(one.comparison, "pass", metrics), "pass")
    found = verdict_statement(
        told, told.verdict.suites[0], Compared(None, made.closure(), made.POLICY), made.MAKING, None
    )
    assert (found.predicate.result, found.predicate.warned_tests) == ("PASSED", ("latency",))


def test_a_first_verdict_has_no_base():
    found = statement("first", Compared(None, made.closure("head"), made.POLICY))
    assert found.about("base closure") is None
    assert found.facts.base is None
    assert [one.name for one in found.subject] == ["head closure", "policy"]


def test_an_assertions_own_words_do_not_reach_the_branch():
    told = factory.must_pass()
    why = told.verdict.suites[0].must_pass[0].reason
    assert why
    found = verdict_statement(
        told, told.verdict.suites[0], Compared(None, made.closure(), made.POLICY), made.MAKING, None
    )
    assert found.facts.reasons == ("the must-pass case 'q-0007' fails",)
    assert found.predicate.failed_tests == ("must-pass/q-0007",)
    assert why.encode() not in write(found)


def test_reasons_of_the_change_itself_are_kept():
    told = factory.judgement(None, None, "invalid", ("the gated suite 'x' was removed",))
    one = made.suite(60)
    verdict = factory.suite_verdict(one.comparison, "pass", ())
    from dataclasses import replace

    both = replace(told, suites=(one,), verdict=replace(told.verdict, suites=(verdict,)))
    found = verdict_statement(both, verdict, Compared(None, made.closure(), made.POLICY), made.MAKING, None)
    assert found.facts.change.verdict == "invalid"
    assert found.facts.change.reasons == ("the gated suite 'x' was removed",)
