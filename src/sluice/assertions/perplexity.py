"""How sure the model was of its own answer: perplexity, perplexity-score. They read the answer's log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sluice.assertions.model import AssertionProblem, AssertionType, Check, Score, Subject, verdict
from sluice.assertions.options import no_value, threshold
from sluice.schema import Assertion


def perplexity(subject: Subject) -> float:
    """Return e to the mean negative log-probability of the answer's tokens."""
    if subject.logprobs is None:
        raise AssertionProblem("the server gave no log-probabilities of this answer")
    if not subject.logprobs:
        raise AssertionProblem("the answer has no token, so it has no perplexity")
    try:
        return math.exp(-math.fsum(subject.logprobs) / len(subject.logprobs))
    except OverflowError:
        return math.inf


def _compile_perplexity(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_value(assertion)
    most = None if assertion.threshold is None else threshold(assertion, None, "the most that passes")

    def judge(subject: Subject) -> Score:
        found = perplexity(subject)
        return verdict(most is None or found <= most, _reason(found, most))

    return Check(judge)


def _compile_score(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_value(assertion)
    least = None if assertion.threshold is None else threshold(assertion, None, "the least score that passes", high=1)

    def judge(subject: Subject) -> Score:
        found = perplexity(subject)
        score = 1 / (1 + found)
        return Score(score, least is None or score >= least, f"score {score:.4f}; {_reason(found, least)}")

    return Check(judge)


def _reason(found: float, bound: float | None) -> str:
    return f"perplexity {found:.4g}; {'no threshold' if bound is None else f'threshold {bound:g}'}"


_TOKENS = (
    "The tokens are all that the model gave before it ended, their probabilities those of the model before temperature "
    "and top_p; models with other tokenizers cannot be compared"
)

TYPES = (
    AssertionType(
        "perplexity",
        "the perplexity of the output under the model that gave it, e to the mean negative log-probability of its "
        f"tokens, is at most `threshold` (without one it passes). {_TOKENS}",
        "binary",
        1,
        _compile_perplexity,
        wants=("logprobs",),
    ),
    AssertionType(
        "perplexity-score",
        "1 / (1 + perplexity) of the output, as for perplexity; passes from `threshold` (without one it passes)",
        "continuous",
        1,
        _compile_score,
        wants=("logprobs",),
    ),
)
