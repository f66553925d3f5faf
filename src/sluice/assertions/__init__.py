"""Named checks of one output: promptfoo's deterministic vocabulary, measures of retrieval and safety, own code."""

from sluice.assertions.compiled import CompiledAssertion, compile_assertion
from sluice.assertions.model import (
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Kind,
    Score,
    Subject,
)
from sluice.assertions.registry import NEGATION, OWN_TYPES, REGISTRY, find_type, wanted
from sluice.assertions.sets import SET, weighted_mean
from sluice.assertions.when import When, WhenSyntaxError, parse_when

__all__ = [
    "NEGATION",
    "OWN_TYPES",
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
    "wanted",
    "weighted_mean",
]
