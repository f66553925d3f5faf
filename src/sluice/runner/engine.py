"""Which engine answers for a model here: a server that the environment names, the weights themselves, or a stand-in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.catalog import Catalog
from sluice.errors import CannotJudge
from sluice.providers.endpoint import ENDPOINT_VARIABLE, SERVE_VARIABLE, Endpoint, endpoint_for, engine_at, variable_for


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine (`tgi`, `vllm`, `local`) and the model of this repository that it serves."""

    name: str
    model: str
    endpoint: Endpoint | None = field(default=None, repr=False)
    stands_in_for: str | None = None

    @property
    def title(self) -> str:
        """Name the engine for people, stand-ins included."""
        standing_in = f", standing in for {self.stands_in_for}" if self.stands_in_for else ""
        return f"{self.model} on {self.name}{standing_in}"


def choose_engine(catalog: Catalog, model: str, environment: Mapping[str, str] = os.environ) -> Engine:
    """Return the engine for a model; raise CannotJudge with the ways to get one."""
    entry = catalog.model(model).value
    endpoint = endpoint_for(model, environment)
    if endpoint is not None:
        return Engine(engine_at(model, environment) or entry.serving.engine, model, endpoint)
    if environment.get(SERVE_VARIABLE, "").strip():
        return Engine(engine_at(model, environment) or entry.serving.engine, model)
    if entry.embedded:
        return Engine("local", model)
    if entry.stand_in:
        stand_in = choose_engine(catalog, entry.stand_in, environment)
        return Engine(stand_in.name, stand_in.model, stand_in.endpoint, stands_in_for=model)
    raise CannotJudge(
        f"nothing here serves {model}: set {variable_for(ENDPOINT_VARIABLE, model)} to an OpenAI-compatible endpoint, "
        f"or declare a `stand_in:` in {catalog.models[model].path}"
    )
