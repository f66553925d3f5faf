"""The assert-set: several assertions that count as one, by their weighted mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from sluice.assertions.model import AssertionConfigError, Judge, Score, Subject
from sluice.schema import Assertion

SET = "assert-set"
Part: TypeAlias = tuple[str, float, Callable[[Subject], Score | None]]
"""(metric, weight, what scores a subject or does not apply)."""


def set_judge(assertion: Assertion, parts: Sequence[Part]) -> Judge:
    """Return the judge of a set: its mean from the threshold, or without one every part that has a weight."""
    if assertion.value is not None:
        raise AssertionConfigError(f"an {SET} takes no value; remove it", "value")
    if not parts:
        raise AssertionConfigError(f"an {SET} needs assertions", "assertions")

    def judge(subject: Subject) -> Score:
        scored = [(metric, weight, score) for metric, weight, one in parts if (score := one(subject)) is not None]
        value = weighted_mean([(weight, score.value) for _, weight, score in scored])
        failed = [score.reason for _, weight, score in scored if weight and not score.passed]
        if assertion.threshold is None:
            return Score(value, not failed, "; ".join(failed) or "every part passed", tuple(scored))
        reason = f"mean {value:.4f}; threshold {assertion.threshold:g}"
        return Score(value, value >= assertion.threshold, "; ".join([reason, *failed]), tuple(scored))

    return judge


def weighted_mean(values: Sequence[tuple[float, float]]) -> float:
    """Return the mean of (weight, value); 0 where nothing has a weight."""
    total = sum(weight for weight, _ in values)
    return sum(weight * value for weight, value in values) / total if total else 0.0
