"""Folds the scores of one answer into metrics, and says whether its case passes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.assertions import AssertionProblem, CompiledAssertion, Score, Subject, weighted_mean
from sluice.results import MetricScore
from sluice.schema import CaseScore


@dataclass(slots=True)
class _Tally:
    """What is reported under one metric."""

    values: list[tuple[float, float]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    unweighted: list[Score] = field(default_factory=list)

    def add(self, weight: float, score: Score) -> None:
        self.values.append((weight, score.value))
        if not weight:
            self.unweighted.append(score)
        elif not score.passed:
            self.reasons.append(score.reason)

    @property
    def score(self) -> MetricScore:
        """The weighted mean, passed where every assertion with a weight passed."""
        if len(self.unweighted) < len(self.values):
            return MetricScore(weighted_mean(self.values), not self.reasons, "; ".join(self.reasons))
        value = weighted_mean([(1.0, value) for _, value in self.values])
        failed = [score.reason for score in self.unweighted if not score.passed]
        return MetricScore(value, not failed, "; ".join(failed))


def fold(
    assertions: Iterable[CompiledAssertion], subject: Subject, overall: CaseScore | None
) -> tuple[dict[str, MetricScore], bool]:
    """Return (the metrics of one answer, whether its case passes).

    An assertion of weight 0, and a part of a set that has a metric of its own, is reported and decides nothing.
    """
    tallies: dict[str, _Tally] = {}
    scored: list[tuple[float, Score]] = []
    for assertion in assertions:
        score = assertion.score(subject)
        if score is None:
            continue
        scored.append((assertion.weight, score))
        tallies.setdefault(assertion.metric, _Tally()).add(assertion.weight, score)
        for metric, weight, part in score.parts:
            if metric != assertion.metric:
                tallies.setdefault(metric, _Tally()).add(weight * assertion.weight, part)
    metrics = {metric: tally.score for metric, tally in tallies.items()}
    passed = all(score.passed for weight, score in scored if weight)
    if overall is None:
        return metrics, passed
    total = _overall(scored, passed, overall.pass_mark, subject.row)
    return {**metrics, overall.metric: total}, total.passed


def _overall(
    scored: Sequence[tuple[float, Score]], passed: bool, mark: float | str | None, row: Mapping[str, Any]
) -> MetricScore:
    """Return the score of a case; one that nothing judges has passed with 1."""
    value = weighted_mean([(weight, score.value) for weight, score in scored]) if scored else 1.0
    least = row.get(mark) if isinstance(mark, str) else mark
    if least is None or not scored:
        failed = [score.reason for weight, score in scored if weight and not score.passed]
        return MetricScore(value, passed, "; ".join(failed))
    if isinstance(least, bool) or not isinstance(least, int | float):
        raise AssertionProblem(f"the pass mark of this case is {least!r}, and no number")
    return MetricScore(value, value >= least, f"score {value:.4f}; pass mark {least:g}")
