"""Where outputs may be shown: what a dataset's card does not allow is taken out before anything is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from sluice.compare import Comparison, Pair
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.gate.verdict import MustPass, SuiteVerdict, Verdict
from sluice.results import CaseResult

Audience = Literal["public", "private"]
"""`public`: comments and job summaries. `private`: the terminal and the artifact of a run."""

_ALLOWED: dict[Audience, frozenset[str]] = {
    "public": frozenset({"public"}),
    "private": frozenset({"public", "artifact"}),
}


def may_show(outputs: str, audience: Audience) -> bool:
    """Tell whether a card's `outputs` allows this audience; an unknown word allows nobody."""
    return outputs in _ALLOWED[audience]


def shown_to(judgement: Judgement, audience: Audience) -> Judgement:
    """Return the judgement without the outputs, rows and messages (which may quote outputs) that are withheld.

    States, scores, ids, slices and digests stay: they are what the verdict rests on.
    """
    withheld = {suite.name for suite in judgement.suites if not may_show(suite.outputs, audience)}
    if not withheld:
        return judgement
    return replace(
        judgement,
        suites=tuple(_suite(suite) if suite.name in withheld else suite for suite in judgement.suites),
        verdict=_verdict(judgement.verdict, withheld),
    )


def _suite(suite: SuiteJudgement) -> SuiteJudgement:
    return replace(suite, comparison=_comparison(suite.comparison))


def _comparison(comparison: Comparison) -> Comparison:
    return replace(comparison, pairs=tuple(map(_pair, comparison.pairs)))


def _pair(pair: Pair) -> Pair:
    return replace(
        pair,
        info=replace(pair.info, row={}),
        base=tuple(map(_result, pair.base)),
        head=tuple(map(_result, pair.head)),
    )


def _result(result: CaseResult) -> CaseResult:
    return replace(
        result,
        output=None,
        error=None,
        metrics={metric: replace(score, reason="") for metric, score in result.metrics.items()},
    )


def _verdict(verdict: Verdict, withheld: set[str]) -> Verdict:
    quoted = [case.reason for suite in verdict.suites if suite.suite in withheld for case in suite.must_pass]
    return replace(
        verdict,
        suites=tuple(_suite_verdict(suite) if suite.suite in withheld else suite for suite in verdict.suites),
        reasons=_unquoted(verdict.reasons, quoted),
    )


def _suite_verdict(verdict: SuiteVerdict) -> SuiteVerdict:
    return replace(
        verdict,
        must_pass=tuple(MustPass(case.case, "") for case in verdict.must_pass),
        reasons=_unquoted(verdict.reasons, [case.reason for case in verdict.must_pass]),
    )


def _unquoted(reasons: tuple[str, ...], quoted: Sequence[str]) -> tuple[str, ...]:
    """Cut the assertions' own words, which may quote an output, off the end of the gate's reasons."""
    return tuple(_without_ending(reason, quoted) for reason in reasons)


def _without_ending(reason: str, endings: Sequence[str]) -> str:
    for ending in endings:
        if ending:
            reason = reason.removesuffix(f": {ending}")
    return reason
