"""Makes verdict evidence of one suite: baseline, candidate and policy, the figures, and what they could have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from sluice.evidence.runs import Making
from sluice.evidence.statement import (
    Change,
    Claim,
    Named,
    Predicate,
    Result,
    Revision,
    Statement,
    VerdictFacts,
    VerdictWord,
    resource,
)
from sluice.evidence.subjects import judged_policy
from sluice.gate.judgement import Judgement
from sluice.gate.verdict import MetricVerdict, SuiteVerdict, Word
from sluice.runner.closure import Closure

_WORDS: dict[Word, VerdictWord] = {
    "pass": "pass",
    "skipped": "pass",
    "fail": "fail",
    "inconclusive": "inconclusive",
    "invalid": "invalid",
    "first": "first",
    "accepted": "pass (accepted)",
}
_RESULTS: dict[VerdictWord, Result] = {
    "pass": "PASSED",
    "first": "WARNED",
    "pass (accepted)": "WARNED",
    "fail": "FAILED",
    "inconclusive": "FAILED",
    "invalid": "FAILED",
}
"""Verdict -> result. Only a pass is PASSED; WARNED needs somebody who lists the word itself."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a verdict of one suite is about: base is None where the suite is new; `policy` is that of the gates."""

    base: Closure | None
    head: Closure
    policy: str
    acceptances: tuple[str, ...] = ()

    @property
    def judged_policy(self) -> str:
        """The digest of the policy with what was accepted under it."""
        return judged_policy(self.policy, self.acceptances)


def verdict_statement(
    judgement: Judgement, verdict: SuiteVerdict, compared: Compared, making: Making, heads_judged: int | None
) -> Statement:
    """Return the statement about one suite's verdict.

    `heads_judged` is how many heads the change has had, None where nobody knows.
    """
    word = _WORDS[verdict.word]
    facts = VerdictFacts(
        suite=Named(name=verdict.suite),
        evaluated_at=making.time,
        where=making.where,
        verdict=word,
        reasons=_unquoted(verdict),
        sample_size=verdict.compared,
        claims=tuple(map(_claim, verdict.metrics)),
        must_pass_failures=tuple(case.case for case in verdict.must_pass),
        base=Revision(label=judgement.base, commit=judgement.base_commit) if compared.base else None,
        head=Revision(label=judgement.head, commit=judgement.head_commit),
        heads_judged=heads_judged,
        acceptances=compared.acceptances,
        change=_change(judgement),
    )
    subjects = [("head closure", compared.head.digest), ("policy", compared.judged_policy)]
    if compared.base:
        subjects.insert(0, ("base closure", compared.base.digest))
    tests = _tests(verdict)
    predicate = Predicate(
        result=_RESULTS[word],
        configuration=(resource("gates", compared.policy), *(resource("acceptance", one) for one in facts.acceptances)),
        url=making.where.url,
        passed_tests=tests["PASSED"],
        warned_tests=tests["WARNED"],
        failed_tests=tests["FAILED"],
        sluice=facts,
    )
    return Statement(subject=tuple(resource(*one) for one in subjects), predicate=predicate)


def _unquoted(verdict: SuiteVerdict) -> tuple[str, ...]:
    """Return the gate's reasons without the assertions' own words, which may quote an output."""
    endings = [f": {case.reason}" for case in verdict.must_pass if case.reason]
    return tuple(_without(reason, endings) for reason in verdict.reasons)


def _without(reason: str, endings: Sequence[str]) -> str:
    for ending in endings:
        reason = reason.removesuffix(ending)
    return reason


def _change(judgement: Judgement) -> Change:
    suites = tuple(suite.suite for suite in judgement.verdict.suites)
    told = tuple(f"{suite}: " for suite in suites)
    reasons = tuple(reason for reason in judgement.verdict.reasons if not reason.startswith(told))
    return Change(verdict=_WORDS[judgement.verdict.word], reasons=reasons, suites=suites)


def _tests(verdict: SuiteVerdict) -> dict[Result, tuple[str, ...]]:
    """Return the names of metrics and must-pass cases as tests; what was accepted, and what cannot block, warns."""
    against: Result = "WARNED" if verdict.word == "accepted" else "FAILED"
    results: list[tuple[str, Result]] = [(metric.metric, _test(metric, against)) for metric in verdict.metrics]
    results += [(f"must-pass/{case.case}", against) for case in verdict.must_pass]
    return {
        wanted: tuple(name for name, result in results if result == wanted) for wanted in get_args(Result)
    }  # fmt: skip


def _test(metric: MetricVerdict, against: Result) -> Result:
    if metric.word in ("pass", "first"):
        return "PASSED"
    return against if metric.blocking and metric.word != "skipped" else "WARNED"


def _claim(metric: MetricVerdict) -> Claim:
    """State a metric as `metric comparator threshold`: a quality's lower bound above minus the margin, else a ratio."""
    ratio = metric.kind == "ratio"
    return Claim(
        metric=metric.metric,
        tier=metric.tier,
        comparator="<" if ratio else ">",
        threshold=f"{metric.margin:g}" if ratio else f"{-metric.margin:g}",
        passed=metric.word in ("pass", "first"),
        word=metric.word,
        sample_size=metric.n,
        base=metric.base,
        head=metric.head,
        difference=metric.difference,
        lower=metric.lower,
        upper=metric.upper,
        floor=metric.floor,
        broken=metric.broken,
        repaired=metric.repaired,
        detectable=metric.detectable,
        design_effect=metric.design_effect,
        notes=metric.notes,
    )
