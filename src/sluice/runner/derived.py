"""Derived metrics: figures of a whole run, by formulas over the weighted sums of its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sluice.results import CaseResult
from sluice.runner.scoring import Scorer
from sluice.stats.formula import Formula

COUNT = "__count"
"""How many answers there are, with a name that formulas may use."""


def formula_name(metric: str) -> str:
    """Return how formulas call a metric: names have no hyphens and dots there."""
    return metric.replace("-", "_").replace(".", "_")


def derived(
    formulas: Mapping[str, str], scorer: Scorer, results: Iterable[tuple[Mapping[str, Any], CaseResult]]
) -> dict[str, float | None]:
    """Return each derived metric of (row, result) pairs; one that is not defined is None. A later one may use it."""
    sums: dict[str, float] = dict.fromkeys(map(formula_name, scorer.kinds), 0.0)
    count = 0
    for row, result in results:
        count += 1
        for metric, weight in scorer.weights(row).items():
            score = result.metrics.get(metric)
            sums[formula_name(metric)] += 0.0 if score is None else weight * score.value
    found: dict[str, float | None] = {}
    for metric, text in formulas.items():
        found[metric] = Formula(text)({**sums, COUNT: count})
        sums[formula_name(metric)] = found[metric] or 0.0
    return found
