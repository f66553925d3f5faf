"""Acceptances: what a person other than the author may let through, and what it makes of a verdict (TRUST).

An acceptance is bound to a candidate and to the policy that judged it; whoever calls this has checked both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sluice.compare import Comparison
from sluice.digest import digest
from sluice.gate.changes import problems_about
from sluice.gate.judgement import Judgement
from sluice.gate.suite import metric_gone, overall
from sluice.gate.verdict import MetricVerdict, SuiteVerdict, Verdict
from sluice.schema import Suite

_OPEN = ("fail", "inconclusive")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was accepted: named cases, a metric, or the removal of a gated suite; and by whom and why, in words."""

    words: str
    cases: tuple[str, ...] = ()
    metric: str | None = None
    removal: str | None = None


def policy_digest(suite: Suite | None) -> str:
    """Return the digest of what judges a suite: its gates, its must-pass list, what an inconclusive verdict means."""
    if suite is None:
        return digest(None)
    # What only judged metrics have is told where it is said: policies without it keep their digest.
    told = {metric: gate.model_dump() for metric, gate in suite.gates.items()}
    gates = {
        metric: {key: value for key, value in gate.items() if key != "kappa" or value is not None}
        for metric, gate in told.items()
    }
    content = {"gates": gates, "must_pass": sorted(suite.must_pass), "on_inconclusive": suite.on_inconclusive}
    return digest(content)


def removal_candidate(name: str, closures: Mapping[str, str]) -> str:
    """Return what the acceptance of a removal is bound to: every suite that is left, by its closure's digest."""
    return digest({"removed": name, "suites": dict(closures)})


def accept(judgement: Judgement, problems: Sequence[str], accepted: Mapping[str, Sequence[Accepted]]) -> Judgement:
    """Return the judgement with `accepted` for the word of every suite whose failures are all accepted.

    `problems` are those of the change; `accepted` maps a suite (or a removed one) to its acceptances. A suite of
    which anything is left unaccepted keeps its word.
    """
    comparisons = {suite.name: suite.comparison for suite in judgement.suites}
    verdicts = tuple(
        _suite(verdict, comparisons[verdict.suite], accepted.get(verdict.suite, ()))
        for verdict in judgement.verdict.suites
    )
    removals = [one for several in accepted.values() for one in several if one.removal is not None]
    left = [problem for problem in problems if not any(_allows(one, problem) for one in removals)]
    if verdicts == judgement.verdict.suites and len(left) == len(problems):
        return judgement
    folded = overall(verdicts, left, tolerant=judgement.verdict.tolerated, stochastic=False)
    used = [one for one in removals if any(_allows(one, problem) for problem in problems)]
    return replace(judgement, verdict=_with_removals(folded, used))


def _allows(one: Accepted, problem: str) -> bool:
    return one.removal is not None and problem in problems_about(one.removal)


def _with_removals(verdict: Verdict, removals: Sequence[Accepted]) -> Verdict:
    if not removals:
        return verdict
    word = "accepted" if verdict.word in ("pass", "first") else verdict.word
    return replace(verdict, word=word, reasons=(*verdict.reasons, *(one.words for one in removals)))


def _suite(verdict: SuiteVerdict, comparison: Comparison, accepted: Sequence[Accepted]) -> SuiteVerdict:
    if not accepted or not covered(verdict, comparison, accepted):
        return verdict
    return replace(verdict, word="accepted", reasons=(*verdict.reasons, *(one.words for one in accepted)))


def covered(verdict: SuiteVerdict, comparison: Comparison, accepted: Iterable[Accepted]) -> bool:
    """Tell whether everything that speaks against a suite is accepted.

    A metric is, where it is named or every case that it lost is. Of what makes a suite invalid only the removal
    of a gated metric can be.
    """
    several = tuple(accepted)
    cases = {case for one in several for case in one.cases}
    metrics = {one.metric for one in several if one.metric is not None}
    if verdict.word not in (*_OPEN, "invalid"):
        return False
    if verdict.word == "invalid" and set(verdict.reasons) - set(map(metric_gone, metrics)):
        return False
    against = [metric for metric in verdict.metrics if metric.blocking and metric.word in _OPEN]
    return all(failure.case in cases for failure in verdict.must_pass) and all(
        metric.metric in metrics or _all_named(metric, comparison, cases) for metric in against
    )


def _all_named(metric: MetricVerdict, comparison: Comparison, cases: set[str]) -> bool:
    pairs = comparison.metrics.get(metric.metric)
    lost = {case for case, d in zip(pairs.cases, pairs.differences, strict=True) if d < 0} if pairs else set()
    return bool(lost) and lost <= cases
