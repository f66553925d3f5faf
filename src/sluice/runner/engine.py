"""Which engine answers for a model here: a server that the environment names, the weights themselves, or a stand-in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from sluice.catalog import Catalog
from sluice.errors import CannotJudge

ENDPOINT = "SLUICE_ENDPOINT"
API_KEY = "SLUICE_API_KEY"


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine (`tgi`, `vllm`, `local`) and the model of this repository that it serves."""

    name: str
    model: str
    endpoint: str | None = None
    stands_in_for: str | None = None

    @property
    def title(self) -> str:
        """Name the engine for people, stand-ins included."""
        standing_in = f", standing in for {self.stands_in_for}" if self.stands_in_for else ""
        return f"{self.model} on {self.name}{standing_in}"


def choose_engine(catalog: Catalog, model: str, environment: Mapping[str, str] = os.environ) -> Engine:
    """Return the engine for a model; raise CannotJudge with the ways to get one."""
    entry = catalog.model(model).value
    endpoint = environment.get(endpoint_variable(model)) or environment.get(ENDPOINT)
    if endpoint:
        return Engine(entry.serving.engine, model, endpoint)
    if entry.embedded:
        return Engine("local", model)
    if entry.stand_in:
        stand_in = choose_engine(catalog, entry.stand_in, environment)
        return Engine(stand_in.name, stand_in.model, stand_in.endpoint, stands_in_for=model)
    raise CannotJudge(
        f"nothing here serves {model}: set {endpoint_variable(model)} to an OpenAI-compatible endpoint, "
        f"or declare a `stand_in:` in {catalog.models[model].path}"
    )


def endpoint_variable(model: str) -> str:
    """Return the environment variable that names a model's endpoint."""
    return f"{ENDPOINT}_{model.upper().replace('-', '_').replace('.', '_')}"


def api_key(model: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the key for a model's endpoint from the environment, if there is one."""
    specific = endpoint_variable(model).replace(ENDPOINT, API_KEY)
    return environment.get(specific) or environment.get(API_KEY) or None
