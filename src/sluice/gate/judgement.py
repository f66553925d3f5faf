"""The whole outcome of judging a change: what ran, what it showed, what was reused. Reports read only this."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.compare import Comparison
from sluice.gate.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Usage:
    """What an evaluation spent and saved, over all processes that took part. Dollars and seconds."""

    calls: int
    reused: int
    """Completions taken from the cache."""
    shared: int
    """Head completions that equal requests took from base (GATE 2)."""
    retries: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SuiteJudgement:
    """One affected suite: its comparison (with itself where there was no base) and what it cost."""

    name: str
    prompt: str
    dataset: str
    model: str
    why: tuple[str, ...]
    """Which parts of the closure differ, in words."""
    comparison: Comparison
    usage: Usage
    outputs: str
    """`public`, `artifact` or `none`: where the dataset's card lets outputs be shown."""
    moved: tuple[str, ...] = ()
    """How the base prompt's results move where cases or assertions were edited (GATE 12), in words."""
    notes: tuple[str, ...] = ()
    """What else a reader of the verdict must know of how it came about, in words."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A change judged: base and head by label and commit, the affected suites and the verdict."""

    base: str
    head: str
    base_commit: str | None
    head_commit: str | None
    suites: tuple[SuiteJudgement, ...]
    unaffected: tuple[str, ...]
    edits: tuple[str, ...]
    """Edits to gates, datasets, assertions or models, in words: shown first."""
    verdict: Verdict
