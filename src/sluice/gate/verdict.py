"""The verdict of a metric, of a suite and of a change: values only, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sluice.errors import ExitCode

Word = Literal["pass", "fail", "inconclusive", "invalid", "first", "accepted", "skipped"]
"""`first`: nothing to compare with. `accepted`: no pass, but a person other than the author accepted what speaks
against it; shown as `pass (accepted)`."""
Tier = Literal["block", "warn", "info"]

EXIT_CODES: dict[Word, ExitCode] = {
    "pass": ExitCode.OK,
    "first": ExitCode.OK,
    "accepted": ExitCode.OK,
    "skipped": ExitCode.OK,
    "fail": ExitCode.GATE_NO,
    "inconclusive": ExitCode.CANNOT_JUDGE,
    "invalid": ExitCode.CANNOT_JUDGE,
}


@dataclass(frozen=True, slots=True)
class MetricVerdict:
    """One gated metric. Rates, differences and bounds are shares (0.05 is five points); ratios are head / base."""

    metric: str
    tier: Tier
    word: Word
    kind: Literal["binary", "continuous", "ratio"]
    n: int
    """Scored pairs where the metric applies."""
    base: float | None
    head: float | None
    difference: float | None
    """Head minus base; for a ratio metric the geometric mean of head / base."""
    lower: float | None
    upper: float | None
    margin: float
    """The largest acceptable drop, or the largest acceptable ratio."""
    floor: float | None = None
    broken: int = 0
    repaired: int = 0
    design_effect: float = 1.0
    clusters: int | None = None
    detectable: float | None = None
    """The drop that this many cases could have seen with 80 % power."""
    more_cases: int | None = None
    """How many further cases would decide, at the discordance seen; None where more cases cannot."""
    mcnemar: float | None = None
    """Exact two-sided McNemar p-value: shown, never used to decide."""
    notes: tuple[str, ...] = ()

    @property
    def blocking(self) -> bool:
        """Whether this metric may block a merge."""
        return self.tier == "block"

    @property
    def by_floor(self) -> bool:
        """Whether the floor alone fails this metric: its interval does not show that head is worse."""
        proven = self.upper is not None and self.upper < 0.0
        return self.word == "fail" and self.kind != "ratio" and self.floor is not None and not proven


@dataclass(frozen=True, slots=True)
class MustPass:
    """One must-pass case that failed on head."""

    case: str
    reason: str


@dataclass(frozen=True, slots=True)
class SuiteVerdict:
    """One suite at one look: `compared` of `planned` cases were judged when it stopped."""

    suite: str
    word: Word
    metrics: tuple[MetricVerdict, ...]
    must_pass: tuple[MustPass, ...]
    reasons: tuple[str, ...]
    look: int
    looks: int
    compared: int
    planned: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict of a change over all its affected suites."""

    word: Word
    suites: tuple[SuiteVerdict, ...]
    reasons: tuple[str, ...]
    ways_out: tuple[str, ...] = ()
    tolerated: bool = False
    """Whether the base's policy lets an inconclusive verdict through with a warning."""

    @property
    def exit_code(self) -> ExitCode:
        """The published exit code of this verdict."""
        return ExitCode.OK if self.tolerated else EXIT_CODES[self.word]
