"""The suite file: prompt x dataset x assertions x gates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sluice.schema.base import FileModel, Frozen, Name, Text

RESERVED_METRICS = ("latency", "cost")
"""Metrics that every run has without an assertion; they are gated by ratio."""


class JsonValue(Frozen):
    """The value at a path in an output's JSON; the empty path is the whole."""

    path: tuple[str | int, ...] = Field(alias="json")


TransformStep = Literal["trim", "lower", "upper"] | JsonValue


class Assertion(Frozen):
    """A named check of one output. `type` is promptfoo's name, with `not-` in front for its opposite."""

    metric: Name
    type: Text
    value: Any = None
    threshold: float | None = None
    weight: float = Field(default=1, ge=0, description="0: reported, and decides nothing.")
    when: Text | None = Field(default=None, description="Which cases: a field, `not`, `and`, `or`, `=`.")
    transform: tuple[TransformStep, ...] = Field(
        default=(), description="What is done to the output first: trim, lower, upper, {json: [path]}."
    )
    assertions: tuple[Assertion, ...] = Field(
        default=(),
        description="What an assert-set consists of; a part of another metric is also reported, and decides nothing.",
    )

    @property
    def content(self) -> dict[str, Any]:
        """What the assertion says, for digests: a key that came later is left out where it says nothing."""
        content = self.model_dump(exclude={"assertions", "transform"}, by_alias=True)
        if self.transform:
            content |= self.model_dump(include={"transform"}, by_alias=True)
        return content | ({"assertions": [one.content for one in self.assertions]} if self.assertions else {})


class Gate(Frozen):
    """What a metric must keep. `max_drop` and `floor` are shares (0 to 1); `max_ratio` is head / base."""

    max_drop: float | None = Field(default=None, gt=0, lt=1)
    floor: float | None = Field(default=None, ge=0, le=1)
    max_ratio: float | None = Field(default=None, gt=1)
    tier: Literal["block", "warn", "info"] = "block"
    kind: Literal["binary", "continuous"] | None = None

    @model_validator(mode="after")
    def _ratio_or_drop(self) -> Gate:
        if (self.max_ratio is None) == (self.max_drop is None):
            raise ValueError("a gate needs exactly one of max_drop (quality) or max_ratio (latency, cost)")
        if self.max_ratio is not None and (self.floor is not None or self.kind is not None):
            raise ValueError("floor and kind belong to a gate with max_drop")
        return self


class CaseScore(Frozen):
    """The weighted mean of all assertions of a case as a metric of its own, and what it takes for a case to pass."""

    metric: Name = "score"
    pass_mark: float | Name | None = Field(
        default=None,
        description="The least score that passes, whatever single assertions say; or the row's field that has it. "
        "Without one, and for rows whose field is null, every assertion must pass.",
    )


class Budget(Frozen):
    """The most that one evaluation of this suite may spend."""

    calls: int | None = Field(default=None, gt=0)
    minutes: float | None = Field(default=None, gt=0)
    cost: float | None = Field(default=None, ge=0)


class Suite(FileModel):
    """`evals/<name>.yaml`."""

    prompt: Name
    dataset: Name
    assertions: Annotated[tuple[Assertion, ...], Field(min_length=1)]
    gates: dict[Name, Gate]
    score: CaseScore | None = None
    must_pass: tuple[Text, ...] = ()
    repeats: int = Field(default=1, ge=1, le=100)
    seed: int = Field(default=0, ge=0)
    budget: Budget = Budget()
    on_inconclusive: Literal["block", "warn"] = "block"
    retrieve: bool | None = Field(
        default=None,
        description="Whether passages are retrieved (default) or the rows' own; say it where the rows give them.",
    )

    @property
    def retrieves(self) -> bool:
        """Whether a prompt that declares retrieval is judged with it, not with passages of the rows."""
        return self.retrieve is not False

    @property
    def blocks(self) -> bool:
        """Whether a loss of quality may block by this suite; where none may, a release needs no evidence of it."""
        return bool(self.must_pass) or any(gate.max_drop and gate.tier == "block" for gate in self.gates.values())

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the assertions, in file order, each once; then the score's, where the suite has one."""
        names = [name for assertion in self.assertions for name in _metrics(assertion)]
        return tuple(dict.fromkeys([*names, *([self.score.metric] if self.score else [])]))


def _metrics(assertion: Assertion) -> list[str]:
    return [assertion.metric, *(name for part in assertion.assertions for name in _metrics(part))]
