"""Adapter for DeepEval's metrics: `deepeval:<Metric>`. Optional; imported on first use, with its side effects off."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any

import regex

from sluice.assertions.model import (
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Score,
    Subject,
    verdict,
)
from sluice.assertions.options import no_threshold, text_template
from sluice.assertions.patterns import TIME_LIMIT, pattern_for, pattern_template
from sluice.schema import Assertion

PREFIX = "deepeval:"
VERSION = "4.3.1"
"""Scores of one metric may turn round between versions, so the version is part of the meaning."""

INSTALL = "pip install '.[deepeval]' in this clone"
_QUIET = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "DEEPEVAL_FILE_SYSTEM": "READ_ONLY",
    "DEEPEVAL_NO_INSPECT_PROMPT": "1",
}


def require_deepeval() -> None:
    """Raise AssertionConfigError unless the pinned version is installed; nothing is imported."""
    try:
        found = metadata.version("deepeval")
    except metadata.PackageNotFoundError:
        raise AssertionConfigError(f"DeepEval is not installed: {INSTALL}", "type") from None
    if found != VERSION:
        raise AssertionConfigError(f"DeepEval {found} is installed, {VERSION} is needed: {INSTALL}", "type")


@dataclass(frozen=True, slots=True)
class Library:
    """What is used of DeepEval."""

    metrics: Any
    LLMTestCase: Any
    SingleTurnParams: Any
    DeepEvalBaseLLM: Any


def prepare() -> None:
    """Import DeepEval where it is installed, before a suite's own code does: quietly, and not in that code's time."""
    with suppress(ImportError):
        library()


@lru_cache(maxsize=1)
def library() -> Library:
    """Import DeepEval, with its side effects off."""
    os.environ.update(_QUIET)
    # It announces the read-only mode on standard output, which belongs to the command's own answer, and in its log.
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        from deepeval import metrics
        from deepeval.models import DeepEvalBaseLLM
        from deepeval.test_case import LLMTestCase, SingleTurnParams

    return Library(metrics, LLMTestCase, SingleTurnParams, DeepEvalBaseLLM)


def _measure(make: Callable[[Any], Any], **case: str) -> Score:
    """Measure one case with a metric object of its own: such objects keep the state of their last case."""
    if not case["actual_output"]:
        # DeepEval refuses to measure an empty answer; that is the model's failing, not the harness's.
        return verdict(False, "the output is empty")
    found = library()
    try:
        metric = make(found.metrics)
        metric.measure(found.LLMTestCase(input="", **case), _show_indicator=False)
    except Exception as error:
        raise AssertionProblem(f"DeepEval failed: {type(error).__name__}: {error}") from error
    if metric.error is not None or metric.score is None:
        raise AssertionProblem(f"DeepEval gave no score: {metric.error}")
    return verdict(metric.score >= 1, str(metric.reason))


def _compile_exact(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    require_deepeval()
    no_threshold(assertion)
    expected = text_template(assertion)

    def judge(subject: Subject) -> Score:
        return _measure(
            lambda metrics: metrics.ExactMatchMetric(threshold=1),
            actual_output=subject.output,
            expected_output=expected.render(subject.row),
        )

    return Check(judge, expected.fields)


def _compile_pattern(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    require_deepeval()
    no_threshold(assertion)
    template = pattern_template(assertion)

    def judge(subject: Subject) -> Score:
        _probe(pattern_for(template, subject), subject.output.strip())
        pattern = template.render_escaped(subject.row)
        return _measure(
            lambda metrics: metrics.PatternMatchMetric(pattern=pattern, threshold=1),
            actual_output=subject.output,
        )

    return Check(judge, template.fields)


def _probe(pattern: regex.Pattern[str], output: str) -> None:
    # DeepEval matches with `re`, which cannot be interrupted; a pattern that is slow here is not handed over.
    try:
        pattern.fullmatch(output, timeout=TIME_LIMIT)
    except TimeoutError:
        raise AssertionProblem(f"the match took more than {TIME_LIMIT:g} s; simplify the pattern") from None


TYPES = (
    AssertionType(
        f"{PREFIX}ExactMatchMetric",
        f"DeepEval {VERSION}: the output is the text, both without blanks around them; an empty output fails",
        "binary",
        1,
        _compile_exact,
    ),
    AssertionType(
        f"{PREFIX}PatternMatchMetric",
        f"DeepEval {VERSION}: the pattern (Python's `re`) matches the whole output without blanks around it; row "
        "values are escaped; an empty output fails",
        "binary",
        1,
        _compile_pattern,
    ),
)
