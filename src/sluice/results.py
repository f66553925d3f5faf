"""What running a suite gives: one result per case and repeat, and the header that says how it came about.

Case states: `pass`, `fail`, `error` (never a fail, never a pass) and `skipped`; "no answer" is never a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.errors import CannotJudge

FORMAT = 1
"""Version of every written run; raised when an older reader would misread a newer file."""

FOREIGN = "foreign"
"""The engine of a run that another harness made: it has no closure, so it is shown and never evidence."""

Side = Literal["base", "head"]
SIDES: tuple[Side, Side] = ("base", "head")
State = Literal["pass", "fail", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class CaseInfo:
    """One case of a dataset: its row, and how it is grouped."""

    id: str
    row: Mapping[str, Any]
    cluster: str | None
    slices: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MetricScore:
    """One metric of one case: `value` in 0..1, whether it passed, and why not."""

    value: float
    passed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case x repeat on one side. `latency` in seconds, `cost` in US dollars; None where unknown."""

    case: str
    repeat: int
    state: State
    request: str
    """Digest of the rendered request; equal digests on both sides are one completion."""
    output: str | None = None
    metrics: Mapping[str, MetricScore] = field(default_factory=dict)
    error_kind: str | None = None
    error: str | None = None
    latency: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    finish_reason: str | None = None
    attempts: int = 0
    called: bool = False
    """Whether this run called the model for it (False: cache, evidence, or the other side's equal request)."""

    @property
    def key(self) -> tuple[str, int]:
        """Case id and repeat index."""
        return self.case, self.repeat


@dataclass(frozen=True, slots=True)
class RunHeader:
    """How a run came about: what was run, on what, in which planned order."""

    suite: str
    label: str
    closure: str
    commit: str | None
    engine: Mapping[str, Any]
    plan: str
    planned: int
    metrics: tuple[str, ...]

    @property
    def foreign(self) -> bool:
        """Whether another harness made this run; no verdict or evidence may rest on it."""
        return self.engine.get("engine") == FOREIGN


@dataclass(frozen=True, slots=True)
class Run:
    """One suite executed at one revision."""

    header: RunHeader
    cases: tuple[CaseResult, ...]

    def by_key(self) -> dict[tuple[str, int], CaseResult]:
        """Return (case, repeat) -> result; raise CannotJudge where an id is doubled."""
        found: dict[tuple[str, int], CaseResult] = {}
        for case in self.cases:
            if case.key in found:
                raise CannotJudge(
                    f"case {case.case!r} repeat {case.repeat} stands twice in the run of {self.header.suite}"
                )
            found[case.key] = case
        return found

    @property
    def calls(self) -> int:
        """How many completions this run asked a model for."""
        return sum(case.called for case in self.cases)
