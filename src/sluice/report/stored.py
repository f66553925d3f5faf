"""Format 1 of a stored judgement: what a file may hold, checked before any of it becomes a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import JsonValue, model_validator

from sluice.stored import (
    Count,
    MetricKind,
    Number,
    OutputsRule,
    Seconds,
    Share,
    Stored,
    StoredCase,
    StoredHeader,
    StoredResult,
)

FORMAT = 1
"""Raised when an older reader would misread a newer file."""

WordText = Literal["pass", "fail", "inconclusive", "invalid", "first", "accepted", "skipped"]


class StoredPair(Stored):
    """One case on both sides."""

    info: StoredCase
    base: tuple[StoredResult, ...]
    head: tuple[StoredResult, ...]
    change: Literal["broken", "repaired", "changed", "same", "error"]


class StoredMetricPairs(Stored):
    """One metric over the pairs where it applies: four sequences of one length."""

    metric: str
    kind: MetricKind
    cases: tuple[str, ...]
    base: tuple[Number, ...]
    head: tuple[Number, ...]
    clusters: tuple[str | None, ...]

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len({len(self.cases), len(self.base), len(self.head), len(self.clusters)}) != 1:
            raise ValueError("cases, base, head and clusters differ in length")
        return self


class StoredComparison(Stored):
    """Both runs of a suite, paired by case."""

    suite: str
    base: StoredHeader
    head: StoredHeader
    planned: Count
    compared: Count
    pairs: tuple[StoredPair, ...]
    metrics: dict[str, StoredMetricPairs]
    invalid: tuple[str, ...]


class StoredUsage(Stored):
    """What a suite's evaluation spent and saved."""

    calls: Count
    reused: Count
    shared: Count
    retries: Count
    prompt_tokens: Count
    completion_tokens: Count
    cost: Number
    seconds: Seconds


class StoredSuite(Stored):
    """One affected suite."""

    name: str
    prompt: str
    dataset: str
    model: str
    why: tuple[str, ...]
    comparison: StoredComparison
    usage: StoredUsage
    outputs: OutputsRule
    moved: tuple[str, ...]
    notes: tuple[str, ...] = ()


class StoredMetricVerdict(Stored):
    """One gated metric."""

    metric: str
    tier: Literal["block", "warn", "info"]
    word: WordText
    kind: Literal["binary", "continuous", "ratio"]
    n: Count
    base: Number | None
    head: Number | None
    difference: Number | None
    lower: Number | None
    upper: Number | None
    margin: Number
    floor: Share | None
    broken: Count
    repaired: Count
    design_effect: Number
    clusters: Count | None
    detectable: Number | None
    more_cases: Count | None
    mcnemar: Share | None
    notes: tuple[str, ...]


class StoredMustPass(Stored):
    """One must-pass case that failed on head."""

    case: str
    reason: str


class StoredSuiteVerdict(Stored):
    """The verdict of one suite at one look."""

    suite: str
    word: WordText
    metrics: tuple[StoredMetricVerdict, ...]
    must_pass: tuple[StoredMustPass, ...]
    reasons: tuple[str, ...]
    look: Count
    looks: Count
    compared: Count
    planned: Count


class StoredVerdict(Stored):
    """The verdict of the change."""

    word: WordText
    suites: tuple[StoredSuiteVerdict, ...]
    reasons: tuple[str, ...]
    ways_out: tuple[str, ...]
    tolerated: bool


class StoredJudgement(Stored):
    """The whole file. `summary` repeats what can be computed from the rest; a reader computes it again."""

    format: Literal[1]
    base: str
    head: str
    base_commit: str | None
    head_commit: str | None
    suites: tuple[StoredSuite, ...]
    unaffected: tuple[str, ...]
    edits: tuple[str, ...]
    verdict: StoredVerdict
    summary: JsonValue = None

    def values(self) -> Mapping[str, Any]:
        """Return the fields of a `Judgement`."""
        return self.model_dump(exclude={"format", "summary"})
