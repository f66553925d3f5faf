"""The nouns of this room: what is judged, what comes out, what a type of assertion is, and how it can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sluice.errors import ExitCode, SluiceError
from sluice.providers.base import Wanted
from sluice.schema import Assertion

Kind: TypeAlias = Literal["binary", "continuous"]


class AssertionConfigError(SluiceError):
    """An assertion that is written wrongly; `key` is the key of the suite file at fault."""

    exit_code = ExitCode.INVALID

    def __init__(self, message: str, key: str) -> None:
        self.key = key
        super().__init__(message)


class AssertionProblem(SluiceError):
    """An assertion that could not run on one case: an error of the harness, never a fail of the model."""

    exit_code = ExitCode.CANNOT_JUDGE


@dataclass(frozen=True, slots=True)
class Subject:
    """One answer and its case. `latency` in seconds, `cost` in dollars; None where it is not known.

    `logprobs` are of the answer's tokens, where the type wanted them.
    """

    output: str
    row: Mapping[str, Any]
    latency: float | None = None
    cost: float | None = None
    finish_reason: str | None = None
    logprobs: tuple[float, ...] | None = None
    first_token: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """What one assertion says of one answer: `value` from 0 to 1, higher is better; `reason` states the fact."""

    value: float
    passed: bool
    reason: str
    parts: tuple[tuple[str, float, Score], ...] = ()
    """(metric, weight, score) of what an assert-set consists of."""


Judge: TypeAlias = Callable[[Subject], Score]


@dataclass(frozen=True, slots=True)
class Check:
    """A compiled assertion without its `when`: the judge, the row fields that it reads, its kind if it knows better."""

    judge: Judge
    fields: frozenset[str] = frozenset()
    kind: Kind | None = None


Compile: TypeAlias = Callable[[Assertion, Mapping[str, Any]], Check]
"""(assertion, names that the suite's own code defines) -> Check; raises AssertionConfigError."""


@dataclass(frozen=True, slots=True)
class AssertionType:
    """A type of assertion. `title` states its exact meaning; `semantics` is raised only when golden vectors change."""

    name: str
    title: str
    kind: Kind
    semantics: int
    compile: Compile
    opposite_inverts: bool = True
    """Whether the value of the opposite is 1 minus the value; else it is the value, and only pass and fail change."""
    wants: tuple[Wanted, ...] = ()
    """What answers must bring beside their text."""


def verdict(passed: bool, reason: str) -> Score:
    """Return the score of a plain pass or fail."""
    return Score(1.0 if passed else 0.0, passed, reason)


def shown(text: str) -> str:
    """Quote a text for a reason, cut at 60 characters."""
    return repr(text) if len(text) <= 60 else repr(text[:59] + "…")
