"""The lock: everything that an environment runs, by digest; its own digest is the release's name."""

from __future__ import annotations

from typing import Literal

from sluice.catalog import Catalog
from sluice.digest import canonical_json, digest
from sluice.gate.acceptance import policy_digest
from sluice.release.bundle import Bundle
from sluice.runner.closure import weights_digest
from sluice.schema import Environment, HubSource, Model, PathSource, Resources, Strategy
from sluice.schema.base import Digest, Frozen, Name
from sluice.schema.model import Arguments, EngineName

FORMAT = 1
"""Raised when an older reader would misread a newer lock."""


class PromptLock(Frozen):
    """One prompt: its model, and the digests of what is sent to it.

    Without retrieval there is no digest of it; the chat template of a model of the hub lies with its weights.
    """

    model: Name
    prompt: Digest
    sampling: Digest
    chat_template: Digest | None = None
    retrieval: Digest | None = None


class ModelLock(Frozen):
    """One model as it is served here: weights, server, and how it is replaced."""

    source: HubSource | PathSource
    weights: Digest
    context: int
    engine: EngineName
    image: str | None = None
    arguments: Arguments
    resources: Resources
    replicas: int
    strategy: Strategy


class Lock(Frozen):
    """What an environment runs, and the policy that it was allowed by."""

    format: Literal[1] = 1
    environment: Name
    bundle: Digest
    prompts: dict[Name, PromptLock]
    models: dict[Name, ModelLock]
    policy: Digest

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical content: the digest of the release."""
        return digest(self.model_dump(mode="json", exclude_none=True))

    def write(self) -> bytes:
        """Return the one way in which a lock is written."""
        return canonical_json(self.model_dump(mode="json", exclude_none=True)) + b"\n"


def make_lock(catalog: Catalog, environment: str, bundle: Bundle) -> Lock:
    """Return the lock of an environment at a revision whose files were checked."""
    here = catalog.environment(environment).value
    prompts = {name: _prompt(catalog, name, bundle) for name in sorted(here.prompts)}
    models = {name: _model(here, name, catalog.model(name).value) for name in models_of(catalog, environment)}
    policy = policy_of(catalog, environment)
    return Lock(environment=environment, bundle=bundle.digest, prompts=prompts, models=models, policy=policy)


def models_of(catalog: Catalog, environment: str) -> tuple[str, ...]:
    """Return the models that an environment's prompts name, sorted."""
    prompts = catalog.environment(environment).value.prompts
    return tuple(sorted({catalog.prompt(name).value.model for name in prompts}))


def _prompt(catalog: Catalog, name: str, bundle: Bundle) -> PromptLock:
    prompt = catalog.prompt(name).value
    parts = bundle.parts[name]
    return PromptLock(
        model=prompt.model,
        prompt=parts.prompt,
        sampling=parts.sampling,
        chat_template=parts.chat_template,
        retrieval=parts.retrieval,
    )


def _model(here: Environment, name: str, model: Model) -> ModelLock:
    serving = here.serves(name, model)
    return ModelLock(
        source=model.source,
        weights=weights_digest(model),
        context=model.context,
        engine=serving.engine,
        image=serving.image,
        arguments=serving.arguments,
        resources=serving.resources,
        replicas=here.here(name).replicas,
        strategy=here.here(name).strategy,
    )


def suites_of(catalog: Catalog, environment: str) -> tuple[str, ...]:
    """Return the suites that may block a prompt which an environment runs, sorted."""
    prompts = catalog.environment(environment).value.prompts
    return tuple(
        sorted(name for name, one in catalog.suites.items() if one.value.prompt in prompts and one.value.blocks)
    )


def policy_of(catalog: Catalog, environment: str) -> str:
    """Return the digest of what judges an environment's releases: gates, must-pass lists, and what it accepts."""
    suites = {name: policy_digest(catalog.suite(name).value) for name in suites_of(catalog, environment)}
    accept = catalog.environment(environment).value.accept
    return digest({"suites": suites, "accept": accept.model_dump(mode="json")})
