"""The nouns of this room: what is judged, what comes out, what a type of assertion is, and how it can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sluice.errors import ExitCode, SluiceError
from sluice.providers.base import ErrorKind, Wanted
from sluice.schema import Assertion

Kind: TypeAlias = Literal["binary", "continuous"]


class AssertionConfigError(SluiceError):
    """An assertion that is written wrongly; `key` is the key of the suite file at fault."""

    exit_code = ExitCode.INVALID

    def __init__(self, message: str, key: str) -> None:
        self.key = key
        super().__init__(message)


class AssertionProblem(SluiceError):
    """An assertion that could not run on one case: an error of this kind, never a fail of the model."""

    exit_code = ExitCode.CANNOT_JUDGE

    def __init__(self, message: str, kind: ErrorKind = "harness") -> None:
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Question:
    """What a judge is asked: the prompt that judges, and the values of its inputs."""

    judge: str
    inputs: Mapping[str, Any]
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a judge answered, and the JSON Schema that its prompt promises."""

    text: str
    contract: Mapping[str, Any]


Ask: TypeAlias = Callable[[Sequence[Question]], tuple[Reply, ...]]
"""Raises AssertionProblem where an answer failed, or is not there yet."""


@dataclass(frozen=True, slots=True)
class Versus:
    """The outputs of both sides for one case, and which of them is being scored."""

    base: str
    head: str
    scored: Literal["base", "head"]


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
    ask: Ask | None = None
    versus: Versus | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """What one assertion says of one answer: `value` from 0 to 1, higher is better; `reason` states the fact."""

    value: float
    passed: bool
    reason: str
    parts: tuple[tuple[str, float, Score], ...] = ()
    """(metric, weight, score) of what an assert-set consists of."""
    told: bool = False
    """Whether the reason is told where it passes too, as a judge's is."""


Judge: TypeAlias = Callable[[Subject], Score]


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom an assertion asks, and how the judge's prompt must fit it."""

    judge: str
    repeats: int
    gives: frozenset[str]
    """The inputs that the assertion gives besides the fields of the row."""
    needs: frozenset[str]
    """Those of them that the judge must declare: it would judge nothing without."""
    answers: tuple[str, ...]
    """Properties of which its JSON answer must have one."""
    least: float | None = None
    """The least score that passes, where the judge's own word is not all that counts."""
    rounds: int = 1
    """Questions for each repeat."""
    versus: bool = False
    """Whether it sees both sides' outputs at once."""


@dataclass(frozen=True, slots=True)
class Check:
    """A compiled assertion without its `when`: the judge, the row fields that it reads, its kind if it knows better."""

    judge: Judge
    fields: frozenset[str] = frozenset()
    kind: Kind | None = None
    asking: Asking | None = None


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
