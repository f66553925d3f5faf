"""One pydantic model per file kind: frozen, strict about unknown keys. Values only; no file is read here."""

from sluice.schema.base import FileModel, Owners
from sluice.schema.dataset import DatasetCard
from sluice.schema.environment import Accept, Canary, Environment, ServingHere, Strategy
from sluice.schema.model import HubSource, Model, PathSource, Price, Resources, Serving
from sluice.schema.prompt import MessageTemplate, Output, Parameters, Prompt, Retrieval
from sluice.schema.suite import RESERVED_METRICS, Assertion, Budget, CaseScore, Gate, Suite

KINDS: dict[str, type[FileModel]] = {
    "prompt": Prompt,
    "dataset": DatasetCard,
    "suite": Suite,
    "model": Model,
    "environment": Environment,
}
"""File kind -> model; the JSON Schemas in `src/sluice/schemas/` are generated from this table."""

__all__ = [
    "KINDS",
    "RESERVED_METRICS",
    "Accept",
    "Assertion",
    "Budget",
    "Canary",
    "CaseScore",
    "DatasetCard",
    "Environment",
    "FileModel",
    "Gate",
    "HubSource",
    "MessageTemplate",
    "Model",
    "Output",
    "Owners",
    "Parameters",
    "PathSource",
    "Price",
    "Prompt",
    "Resources",
    "Retrieval",
    "Serving",
    "ServingHere",
    "Strategy",
    "Suite",
]
