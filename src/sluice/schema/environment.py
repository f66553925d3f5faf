"""The environment file: what a cluster runs of this repository, how it serves it, and which evidence it accepts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from sluice.schema.base import FileModel, Frozen, Name, Text
from sluice.schema.model import Arguments, EngineName, Model, Resources, Serving

Strategy = Literal["surge", "in-place", "recreate"]
"""How a model server is replaced: a new one first, the old one first at the same place, or all old ones first."""
AcceptedVerdict = Literal["pass", "pass (accepted)", "first"]
DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class ServingHere(Frozen):
    """How an environment serves a model, where that differs from the model file."""

    engine: EngineName | None = Field(default=None, description="Another engine; image and arguments are then its own.")
    image: Text | None = None
    arguments: Arguments = Field(default={}, description="Arguments that differ; the model file's others stay.")
    resources: Resources | None = None
    strategy: Strategy = "surge"
    replicas: int = Field(default=1, ge=0, le=1000)


class Accept(Frozen):
    """Which evidence allows a release here. A release that was admitted once stays admitted."""

    engines: Annotated[tuple[EngineName, ...], Field(min_length=1)]
    stand_ins: bool = Field(default=False, description="Whether a model's declared stand-in may have answered.")
    verdicts: Annotated[tuple[AcceptedVerdict, ...], Field(min_length=1)] = ("pass",)
    evidence_days: int = Field(default=30, gt=0, le=365, description="The oldest evidence of a first release.")


class Canary(Frozen):
    """Shares of the traffic that a new release takes, step by step, and what judges it there."""

    steps: Annotated[tuple[Annotated[int, Field(gt=0, le=100)], ...], Field(min_length=1)]
    suites: Annotated[tuple[Name, ...], Field(min_length=1)]
    cases: int = Field(gt=0)

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        if list(self.steps) != sorted(set(self.steps)) or self.steps[-1] != 100:
            raise ValueError("steps rise, and the last one is 100")
        return self


class Environment(FileModel):
    """`infra/overlays/<name>/environment.yaml`."""

    cluster: Annotated[Name, Field(description="Its name; a rollout refuses a cluster that bears another one.")]
    namespace: DnsLabel
    prompts: Annotated[tuple[Name, ...], Field(min_length=1, description="The prompts that run here.")]
    serving: dict[Name, ServingHere] = {}
    accept: Accept
    approvers: Annotated[tuple[Text, ...], Field(min_length=1, description="Who may name a reference release.")]
    capacity: dict[Text, Annotated[int, Field(ge=0)]] = Field(default={}, description="What the cluster has, by name.")
    canary: Canary | None = None

    @model_validator(mode="after")
    def _each_prompt_once(self) -> Self:
        twice = sorted({name for name in self.prompts if self.prompts.count(name) > 1})
        if twice:
            raise ValueError(f"each prompt stands once, and {twice[0]!r} stands twice")
        return self

    def here(self, model: str) -> ServingHere:
        """Return how a model is served here."""
        return self.serving.get(model, ServingHere())

    def serves(self, name: str, model: Model) -> Serving:
        """Return the model file's serving with what is different here.

        Image and arguments are those of one engine: where the engine differs, nothing of them is taken over.
        """
        here, own = self.here(name), model.serving
        other = here.engine is not None and here.engine != own.engine
        return own.model_copy(
            update={
                "engine": here.engine or own.engine,
                "image": here.image or (None if other else own.image),
                "arguments": dict(here.arguments) if other else {**own.arguments, **here.arguments},
                "resources": here.resources or own.resources,
            }
        )
