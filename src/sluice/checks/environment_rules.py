"""Rules about environments: what they run exists, is judged, is served by an engine they accept, and has room."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.catalog import Catalog, Entry
from sluice.catalog.yaml_file import KeyPath
from sluice.checks.model_rules import IMAGE_DIGEST, SECRET_NAME
from sluice.checks.references import unknown
from sluice.checks.rule import Context, rules
from sluice.errors import Finding
from sluice.schema import Environment, Model

GPU = "nvidia.com/gpu"
"""The resource that is meant where a model file names no class of GPU."""

Here = Entry[Environment]


def models_of(catalog: Catalog, environment: Environment) -> dict[str, Entry[Model]]:
    """Return name -> model of everything that an environment serves, sorted; what is unknown is left out."""
    prompts = (catalog.prompts[name].value for name in environment.prompts if name in catalog.prompts)
    return {name: catalog.models[name] for name in sorted({one.model for one in prompts}) if name in catalog.models}


def _names(context: Context) -> Iterator[Finding]:
    for here in context.catalog.environments.values():
        for index, name in enumerate(here.value.prompts):
            yield from unknown(context, here, ("prompts", index), "prompt", name, "environment-prompt-unknown")
        for name in here.value.serving:
            yield from unknown(context, here, ("serving", name), "model", name, "environment-model-unknown")
        for index, name in enumerate(here.value.canary.suites if here.value.canary else ()):
            yield from unknown(context, here, ("canary", "suites", index), "suite", name, "environment-suite-unknown")


def _unused(context: Context) -> Iterator[Finding]:
    """Say where serving is told of a model that no prompt here names, if all prompts could be read."""
    catalog = context.catalog
    for here in catalog.environments.values():
        if set(here.value.prompts) - set(catalog.prompts):
            continue
        for name in sorted(set(here.value.serving) & set(catalog.models) - set(models_of(catalog, here.value))):
            found, expected = f"serving of {name!r}", "models that the prompts of this environment name"
            fix = "remove it, or add the prompt that names it"
            yield here.finding(("serving", name), "environment-model-unused", found, expected, fix, key=True)


def _unjudged(context: Context) -> Iterator[Finding]:
    catalog = context.catalog
    if context.declared["suite"] - catalog.suites.keys():
        return
    judged = {entry.value.prompt for entry in catalog.suites.values() if entry.value.blocks}
    for here in catalog.environments.values():
        for index, name in enumerate(here.value.prompts):
            if name in catalog.prompts and name not in judged:
                found, expected = f"{name!r}, whose quality no suite may block", "a suite with max_drop and tier block"
                fix = f"give a suite of {name} such a gate; without one nothing could be released"
                yield here.finding(("prompts", index), "environment-prompt-unjudged", found, expected, fix)


def _serving(context: Context) -> Iterator[Finding]:
    for here in context.catalog.environments.values():
        for name, model in models_of(context.catalog, here.value).items():
            yield from _engine(here, name, model.value)
            yield from _image(here, name)
            yield from _secrets(here, name)


def _engine(here: Here, name: str, model: Model) -> Iterator[Finding]:
    engine = here.value.serves(name, model).engine
    where: KeyPath = ("serving", name) if name in here.value.serving else ()
    if engine == "local":
        found, expected = f"the engine local for {name}", "a server: tgi or vllm"
        fix = f"say it under serving: {{{name}: {{engine: …, image: …}}}}"
        yield here.finding(where, "environment-engine-local", found, expected, fix)
    elif engine not in here.value.accept.engines:
        found, expected = f"{name} served by {engine}", f"evidence of {engine} accepted here"
        fix = f"add {engine} to accept.engines: what runs here must be what may be judged for it"
        yield here.finding(where or ("accept", "engines"), "environment-engine-unaccepted", found, expected, fix)


def _image(here: Here, name: str) -> Iterator[Finding]:
    """The rules of model files hold for what an environment puts in their place."""
    own = here.value.here(name)
    if own.image is not None and not IMAGE_DIGEST.match(own.image):
        found, expected = f"image {own.image!r}", "an image by digest, …@sha256:<64 hex>"
        fix = "tags move: append the digest that you tested"
        yield here.finding(("serving", name, "image"), "model-image-unpinned", found, expected, fix)
    if own.engine not in (None, "local") and own.image is None:
        found, expected = f"engine {own.engine} without an image", "image: …@sha256:…"
        yield here.finding(
            ("serving", name), "model-image-missing", found, expected, "name the server's image by digest"
        )


def _secrets(here: Here, name: str) -> Iterator[Finding]:
    for argument, value in here.value.here(name).arguments.items():
        if isinstance(value, str) and value and SECRET_NAME.search(argument):
            found, expected = f"a value for {argument}", "no credentials in files"
            fix = "pass it from the cluster's secret store; revoke it if it was real"
            where = ("serving", name, "arguments", argument)
            yield here.finding(where, "model-serving-secret", found, expected, fix, key=True)


def _capacity(context: Context) -> Iterator[Finding]:
    for here in context.catalog.environments.values():
        needed: dict[str, int] = {}
        for name, model in models_of(context.catalog, here.value).items():
            resources = here.value.serves(name, model.value).resources
            kind = resources.gpu_class or GPU
            needed[kind] = needed.get(kind, 0) + resources.gpus * here.value.here(name).replicas
        for kind, count in sorted(needed.items()):
            has = here.value.capacity.get(kind, 0)
            if count > has:
                found, expected = f"{has} of {kind} for models that need {count}", f"{kind}: {count} or more"
                fix = "declare what the cluster has, or lower replicas"
                yield here.finding(("capacity",), "environment-capacity", found, expected, fix)


RULES = (
    *rules(
        _names,
        {
            "environment-prompt-unknown": "A prompt that an environment runs exists.",
            "environment-model-unknown": "A model that an environment serves in its own way exists.",
            "environment-suite-unknown": "A suite that judges a canary exists.",
        },
    ),
    *rules(_unused, {"environment-model-unused": "An environment says how to serve only models that it serves."}),
    *rules(
        _unjudged,
        {"environment-prompt-unjudged": "What an environment runs, a gate of quality may block."},
    ),
    *rules(
        _serving,
        {
            "environment-engine-local": "An environment serves its models by a server.",
            "environment-engine-unaccepted": "An environment accepts evidence of the engine that it serves with.",
        },
    ),
    *rules(_capacity, {"environment-capacity": "An environment has the GPUs that its models need."}),
)
