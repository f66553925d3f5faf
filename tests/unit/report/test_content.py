"""What a report says first: the metric that speaks, which cases broke, and which reasons are news."""

from dataclasses import replace

from unit.report import factory

from sluice.gate.verdict import MustPass
from sluice.report.content import content


def told(judgement):
    return content(judgement, "public")


def test_a_must_pass_case_that_base_failed_too_is_not_called_broken():
    compared = factory.edited()
    failing = replace(compared.pairs[7], head=compared.pairs[7].base)
    pairs = (*compared.pairs[:7], failing, *compared.pairs[8:])
    judgement = factory.passing()
    own = replace(judgement.suites[0], comparison=replace(compared, pairs=pairs))
    case = failing.info.id
    verdict = replace(judgement.verdict.suites[0], word="fail", must_pass=(MustPass(case, "no"),))
    shown = told(replace(judgement, suites=(own,), verdict=replace(judgement.verdict, word="fail", suites=(verdict,))))
    [suite] = shown.suites
    assert suite.broken == () and [pair.info.id for pair in suite.failing] == [case]
    assert shown.counts.startswith("0 broken")


def test_a_must_pass_case_that_broke_leads_the_broken_ones():
    [suite] = told(factory.must_pass()).suites
    assert suite.broken[0].info.id == "q-0007" and suite.failing == ()


def test_beside_a_failure_what_could_not_be_decided_is_no_reason():
    judgement = factory.failing()
    verdict = judgement.verdict.suites[0]
    undecided = replace(verdict.metrics[0], word="inconclusive")
    both = ("cites_source got worse", "correct can be neither passed nor failed")
    verdict = replace(verdict, metrics=(undecided, *verdict.metrics[1:]), reasons=both)
    [suite] = told(replace(judgement, verdict=replace(judgement.verdict, suites=(verdict,)))).suites
    assert not any("neither" in reason for reason in suite.reasons)
    assert any("cites_source" in reason for reason in suite.reasons)


def test_of_a_pass_the_metric_that_moved_for_certain_speaks():
    judgement = factory.passing()
    verdict = judgement.verdict.suites[0]
    better = replace(verdict.metrics[1], base=0.5, head=0.9, difference=0.4, lower=0.3, upper=0.5)
    moved = replace(verdict, metrics=(verdict.metrics[0], better, *verdict.metrics[2:]))
    assert "cites_source" in told(replace(judgement, verdict=replace(judgement.verdict, suites=(moved,)))).title
    assert "correct" in told(judgement).title
