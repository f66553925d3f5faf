"""Named checks of one output: promptfoo's deterministic vocabulary, the suite's own code, DeepEval's exact metrics."""

from sluice.assertions.compiled import CompiledAssertion, compile_assertion, wanted_by
from sluice.assertions.model import (
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Kind,
    Score,
    Subject,
)
from sluice.assertions.registry import NEGATION, REGISTRY, find_type
from sluice.assertions.sets import SET, weighted_mean
from sluice.assertions.when import When, WhenSyntaxError, parse_when

__all__ = [
    "NEGATION",
    "REGISTRY",
    "SET",
    "AssertionConfigError",
    "AssertionProblem",
    "AssertionType",
    "Check",
    "CompiledAssertion",
    "Kind",
    "Score",
    "Subject",
    "When",
    "WhenSyntaxError",
    "compile_assertion",
    "find_type",
    "parse_when",
    "wanted_by",
    "weighted_mean",
]
