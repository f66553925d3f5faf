"""The recipe: the `training` section of a model file, typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Architecture(_Section):
    """A Llama body. Heads have 64 dimensions, which every serving engine's attention kernels accept."""

    layers: int = Field(ge=2)
    heads: int = Field(ge=1)
    intermediate: int = Field(ge=1)
    context: int = Field(ge=64)
    vocabulary: int = Field(ge=1300)

    @property
    def hidden(self) -> int:
        """Width of the residual stream."""
        return 64 * self.heads


class Copying(_Section):
    """Stage 0: random tokens, cut into segments and repeated in another order."""

    steps: int = Field(ge=0)
    batch: int = Field(ge=1)
    length: int = Field(ge=8)
    rate: float = Field(gt=0)


class Schedule(_Section):
    """Warm-up, a stable rate, then linear decay over the last `decay` share of the steps."""

    steps: int = Field(ge=1)
    warmup: int = Field(ge=1)
    rate: float = Field(gt=0)
    decay: float = Field(gt=0, le=1)
    final: float = Field(ge=0, le=1)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        start = self.steps * (1 - self.decay)
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        if step < start:
            return self.rate
        left = (self.steps - step) / (self.steps - start)
        return self.rate * (self.final + (1 - self.final) * left)


class Recipe(_Section):
    """Everything that the weights depend on, besides the language file and the training datasets."""

    seed: int
    language: str = "language.yaml"
    facts: str
    tickets: str
    architecture: Architecture
    copying: Copying
    schedule: Schedule
    batch: int = Field(ge=1)
    tokenizer_conversations: int = Field(ge=100)
    threads: int = Field(ge=1)
    checkpoint_every: int = Field(ge=1)


def parse(section: Mapping[str, Any]) -> Recipe:
    """The recipe of a model file's `training` section. Raises pydantic's ValidationError."""
    return Recipe.model_validate(section)
