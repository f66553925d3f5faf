"""Where outputs may be shown: what a dataset's card does not allow is taken out before anything is rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from sluice.compare import Pair
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.gate.verdict import MustPass, SuiteVerdict, Verdict
from sluice.results import CaseResult
from sluice.shapes import find_personal_data, find_secrets

Audience = Literal["public", "private"]
"""`public`: comments and job summaries. `private`: the terminal and the artifact of a run."""

_RUN = re.compile(rb"[^\s\"'<>`,;]+(?:[ -][0-9A-Z]*[0-9][0-9A-Z]*)*")
"""What goes with the start of a find: its run of characters, and the groups of digits of a spaced number."""
_ALLOWED: dict[Audience, frozenset[str]] = {
    "public": frozenset({"public"}),
    "private": frozenset({"public", "artifact"}),
}


def may_show(outputs: str, audience: Audience) -> bool:
    """Tell whether a card's `outputs` allows this audience; an unknown word allows nobody."""
    return outputs in _ALLOWED[audience]


def shown_to(judgement: Judgement, audience: Audience) -> Judgement:
    """Return the judgement without what is withheld from this audience, and with masked credentials.

    Withheld are outputs, rows and messages, which may quote outputs. States, scores, ids, slices and digests stay:
    they are what the verdict rests on.
    """
    withheld = {suite.name for suite in judgement.suites if not may_show(suite.outputs, audience)}
    return replace(
        judgement,
        suites=tuple(suite_shown_to(suite, audience) for suite in judgement.suites),
        verdict=_verdict(judgement.verdict, withheld),
    )


def suite_shown_to(suite: SuiteJudgement, audience: Audience) -> SuiteJudgement:
    """Return one suite as `shown_to` does."""
    pairs = suite.comparison.pairs
    if not may_show(suite.outputs, audience):
        pairs = tuple(_changed(pair, _withheld_result, row={}) for pair in pairs)
    elif _finds("\n".join(_texts(pairs)).encode("utf-8", "surrogatepass")):
        pairs = tuple(_changed(pair, _masked_result, row=pair.info.row) for pair in pairs)
    return replace(suite, comparison=replace(suite.comparison, pairs=pairs))


def _texts(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield every text that a model or an assertion wrote: one search over all of them is fast."""
    for pair in pairs:
        for result in (*pair.base, *pair.head):
            yield result.output or ""
            yield result.error or ""
            yield from (score.reason for score in result.metrics.values())


def _finds(data: bytes) -> list[tuple[int, str]]:
    return sorted({*find_secrets(data), *find_personal_data(data)})


def masked(text: str) -> str:
    """Return the text with what looks like a credential or personal data replaced by its kind in brackets."""
    data = text.encode("utf-8", "surrogatepass")
    found = _finds(data)
    if not found:
        return text
    parts: list[bytes] = []
    end = 0
    for start, kind in found:
        if start < end:
            continue
        parts += [data[end:start], f"[masked: {kind}]".encode()]
        # A key has many lines, so nothing after its start is safe.
        end = len(data) if kind == "a private key" else _end_of_run(data, start)
    return b"".join([*parts, data[end:]]).decode("utf-8", "surrogatepass")


def _end_of_run(data: bytes, start: int) -> int:
    match = _RUN.match(data, start)
    return match.end() if match else len(data)


def _changed(pair: Pair, change: Callable[[CaseResult], CaseResult], *, row: Mapping[str, Any]) -> Pair:
    base, head = tuple(map(change, pair.base)), tuple(map(change, pair.head))
    return replace(pair, info=replace(pair.info, row=row), base=base, head=head)


def _masked_result(result: CaseResult) -> CaseResult:
    metrics = {
        metric: replace(score, reason=masked(score.reason)) if score.reason else score
        for metric, score in result.metrics.items()
    }
    output = masked(result.output) if result.output else result.output
    return replace(result, output=output, error=masked(result.error) if result.error else None, metrics=metrics)


def _withheld_result(result: CaseResult) -> CaseResult:
    metrics = {metric: replace(score, reason="") for metric, score in result.metrics.items()}
    return replace(result, output=None, error=None, metrics=metrics)


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
