"""Rules about model files: everything that is served is pinned, and its settings agree with one another."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sluice.catalog import Entry
from sluice.checks.rule import Context, rules
from sluice.errors import Finding
from sluice.schema import HubSource, Model

_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
IMAGE_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}\Z")
_QUANTITY = re.compile(r"([0-9]+|[0-9]+\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?\Z")
SECRET_NAME = re.compile(r"(^|[_-])(api[_-]?key|key|token|secret|password|credentials?)\Z", re.IGNORECASE)
_TOTAL = ("max_total_tokens", "max_model_len")


def _pins(context: Context) -> Iterator[Finding]:
    for model in context.catalog.models.values():
        source = model.value.source
        if isinstance(source, HubSource) and not _COMMIT.match(source.revision):
            found, expected = f"revision {source.revision!r}", "a full commit hash of 40 hex digits"
            fix = "branches and tags move: copy the commit from the model's history"
            yield model.finding(("source", "revision"), "model-revision-unpinned", found, expected, fix)
        yield from _image(model)


def _image(model: Entry[Model]) -> Iterator[Finding]:
    serving = model.value.serving
    if serving.image is None:
        if serving.engine != "local":
            found, expected = f"engine {serving.engine} without an image", "image: …@sha256:…"
            fix = "name the server's image by digest"
            yield model.finding(("serving",), "model-image-missing", found, expected, fix)
    elif not IMAGE_DIGEST.match(serving.image):
        found, expected = f"image {serving.image!r}", "an image by digest, …@sha256:<64 hex>"
        fix = "tags move: append the digest that you tested"
        yield model.finding(("serving", "image"), "model-image-unpinned", found, expected, fix)


def _limits(context: Context) -> Iterator[Finding]:
    for model in context.catalog.models.values():
        arguments = model.value.serving.arguments
        total = next((arguments[name] for name in _TOTAL if name in arguments), None)
        name = next((name for name in _TOTAL if name in arguments), "")
        most_input = arguments.get("max_input_tokens")
        where = ("serving", "arguments")
        if isinstance(total, int) and total > model.value.context:
            found, expected = f"{name} {total}", f"at most the model's context, {model.value.context}"
            yield model.finding((*where, name), "model-serving-limits", found, expected, "lower it, or correct context")
        if isinstance(total, int) and isinstance(most_input, int) and most_input >= total:
            found, expected = f"max_input_tokens {most_input} of {name} {total}", "room for an answer"
            fix = f"keep max_input_tokens below {name}"
            yield model.finding((*where, "max_input_tokens"), "model-serving-limits", found, expected, fix)


def _adapters(context: Context) -> Iterator[Finding]:
    for model in context.catalog.models.values():
        adapter, where = model.value.serving.adapter, ("serving", "adapter")
        if adapter is None:
            continue
        loaded = _loaded_adapters(model.value)
        if adapter not in loaded:
            found = f"adapter {adapter!r}, and the arguments load {', '.join(sorted(loaded)) or 'none'}"
            fix = "name it in lora_adapters (tgi: id@<commit> or id=/path) or lora_modules (vllm: id=/path)"
            yield model.finding(where, "model-adapter-unloaded", found, "an adapter that the server loads", fix)
        elif loaded[adapter] is not None and not _COMMIT.match(loaded[adapter] or ""):
            found, expected = f"adapter {adapter}@{loaded[adapter]}", "a full commit hash of 40 hex digits"
            fix = "write lora_adapters: id@<commit>; branches and tags move"
            yield model.finding(where, "model-revision-unpinned", found, expected, fix)


def _loaded_adapters(model: Model) -> dict[str, str | None]:
    """Return adapter -> its revision on the hub (empty where none is named), None for one in a directory."""
    name = "lora_modules" if model.serving.engine == "vllm" else "lora_adapters"
    found: dict[str, str | None] = {}
    for one in re.split(r"[,\s]+", str(model.serving.arguments.get(name, "")).strip()):
        adapter, is_path, _ = one.partition("=")
        identifier, _, revision = adapter.partition("@")
        if identifier:
            found[identifier] = None if is_path else revision
    return found


def _serving_secrets(context: Context) -> Iterator[Finding]:
    for model in context.catalog.models.values():
        for name, value in model.value.serving.arguments.items():
            if isinstance(value, str) and value and SECRET_NAME.search(name):
                found, expected = f"a value for {name}", "no credentials in files"
                fix = "pass it from the cluster's secret store; revoke it if it was real"
                yield model.finding(
                    ("serving", "arguments", name), "model-serving-secret", found, expected, fix, key=True
                )


def _resources(context: Context) -> Iterator[Finding]:
    for model in context.catalog.models.values():
        resources = model.value.serving.resources
        for name in ("memory", "cpu"):
            amount = getattr(resources, name)
            if amount is not None and not _QUANTITY.match(amount):
                found, expected = f"{name} {amount!r}", "a Kubernetes quantity such as 24Gi or 500m"
                where = ("serving", "resources", name)
                yield model.finding(where, "model-resource-quantity", found, expected, "correct the amount")


RULES = (
    *rules(
        _pins,
        {
            "model-revision-unpinned": "Weights from a hub are pinned by a full commit hash.",
            "model-image-missing": "A server has an image.",
            "model-image-unpinned": "Images are pinned by digest.",
        },
    ),
    *rules(
        _limits,
        {
            "model-serving-limits": "A server's token limits agree with one another and with the context.",
        },
    ),
    *rules(
        _adapters,
        {
            "model-adapter-unloaded": "An adapter that answers is one that the server's arguments load.",
        },
    ),
    *rules(
        _serving_secrets,
        {
            "model-serving-secret": "Serving arguments hold no credentials.",
        },
    ),
    *rules(
        _resources,
        {
            "model-resource-quantity": "Memory and CPU are Kubernetes quantities.",
        },
    ),
)
