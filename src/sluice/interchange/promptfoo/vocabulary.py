"""promptfoo's assertion types: those that mean the same here, and why the others are refused."""

from __future__ import annotations

from sluice.assertions import NEGATION, REGISTRY

SET = "assert-set"
SAME_AS = {"is-valid-openai-function-call": "is-valid-function-call"}
"""Two names of promptfoo for one check."""

CALLS = ("is-valid-function-call", "is-valid-openai-function-call", "is-valid-openai-tools-call")
"""Types whose `not-` promptfoo ignores, and that read the functions of the provider's configuration."""

_SHARED = (
    "bleu", "contains", "contains-all", "contains-any", "contains-html", "contains-json", "contains-sql",
    "contains-xml", "cost", "equals", "finish-reason", "gleu", "icontains", "icontains-all", "icontains-any", "is-html",
    "is-json", "is-refusal", "is-sql", "is-valid-function-call", "is-valid-openai-tools-call", "is-xml", "latency",
    "levenshtein", "regex", "rouge-n", "starts-with", "tool-call-f1", "word-count",
)  # fmt: skip
KEPT = frozenset({*(name for name in _SHARED if name in REGISTRY), *SAME_AS})
"""Base types that mean here what they mean in promptfoo."""

_JUDGED = (
    "agent-rubric", "answer-relevance", "classifier", "context-faithfulness", "context-recall", "context-relevance",
    "conversation-relevance", "factuality", "g-eval", "llm-rubric", "model-graded-closedqa", "model-graded-factuality",
    "moderation", "pi", "search-rubric", "select-best", "similar", "similar:cosine", "similar:dot", "similar:euclidean",
    "trajectory:goal-success",
)  # fmt: skip
_TRACED = (
    "trace-error-spans", "trace-span-count", "trace-span-duration", "trajectory:step-count",
    "trajectory:tool-args-match", "trajectory:tool-sequence", "trajectory:tool-used",
)  # fmt: skip

REFUSED: dict[str, tuple[str, str]] = {
    **dict.fromkeys(_JUDGED, ("asks a model, and judges are not imported", "add a judged metric by hand")),
    **dict.fromkeys(_TRACED, ("reads traces of an agent, which no run here has", "judge the answer instead")),
    **dict.fromkeys(
        ("javascript", "ruby", "webhook"),
        ("runs code that is not Python, which is never run here", "write a function in evals/<suite>.py"),
    ),
    "guardrails": ("reads a verdict that a provider adds to its answer, which no run here has", "judge the answer"),
    "human": ("asks a person", "leave it out"),
    "max-score": ("compares the answers of several prompts, which are judged one by one here", "leave it out"),
    "meteor": (
        "cannot be run by promptfoo itself (0.121.20: its stemmer is never loaded), so no score could be kept",
        "use rouge-n, bleu or gleu",
    ),
    "perplexity": ("reads log probabilities of the answer, which few servers give", "add it to the suite by hand"),
    "perplexity-score": (
        "reads log probabilities of the answer, which few servers give",
        "add it to the suite by hand",
    ),
    "skill-used": ("reads what an agent's provider adds to its answer, which no run here has", "leave it out"),
}
"""Base type -> (why it cannot be kept, what to do)."""

ALL_TYPES = (*KEPT, *REFUSED, "python", SET)
NAMES = (*KEPT, *(NEGATION + name for name in KEPT), SET)
"""What a misspelt type may have meant."""
