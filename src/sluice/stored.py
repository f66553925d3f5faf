"""The parts of written runs, checked strictly before any of it becomes a value; judgements and evidence share them.

A change here changes both formats: their numbers stand in `report/stored.py` and `evidence/stored.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Count = Annotated[int, Field(ge=0, le=2**53)]
Seconds = Annotated[float, Field(ge=0, le=1e12)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Share = Annotated[float, Field(ge=0, le=1)]
OutputsRule = Literal["public", "artifact", "none"]
MetricKind = Literal["binary", "continuous"]


class Stored(BaseModel):
    """A part of a file: no unknown keys, no silent conversion, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class StoredScore(Stored):
    """One metric of one result."""

    value: Number
    passed: bool
    reason: str


class StoredResult(Stored):
    """One case x repeat on one side."""

    case: str
    repeat: Count
    state: Literal["pass", "fail", "error", "skipped"]
    request: str
    output: str | None
    metrics: dict[str, StoredScore]
    error_kind: str | None
    error: str | None
    latency: Seconds | None
    prompt_tokens: Count | None
    completion_tokens: Count | None
    cost: Number | None
    finish_reason: str | None
    attempts: Count
    called: bool


class StoredCase(Stored):
    """What is known of a case besides its results."""

    id: str
    row: dict[str, JsonValue]
    cluster: str | None
    slices: dict[str, str]


class StoredHeader(Stored):
    """How one side's run came about."""

    suite: str
    label: str
    closure: str
    commit: str | None
    engine: dict[str, JsonValue]
    plan: str
    planned: Count
    metrics: tuple[str, ...]
