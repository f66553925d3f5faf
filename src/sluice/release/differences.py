"""What changed between two locks, in words that a reader of a release log understands."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.digest import digest, short
from sluice.release.lock import Lock, ModelLock, PromptLock
from sluice.schema import HubSource
from sluice.schema.base import Frozen

_PROMPT_PARTS = {
    "prompt": "its messages, inputs or output",
    "sampling": "its sampling",
    "chat_template": "the chat template",
    "retrieval": "what it retrieves",
}
_MODEL_FIELDS = ("engine", "image", "context", "replicas", "strategy")


def differences(before: Lock | None, after: Lock) -> tuple[str, ...]:
    """Return a line for each thing that differs; without a lock before, what runs for the first time."""
    if before is None:
        prompts, models = ", ".join(sorted(after.prompts)), ", ".join(sorted(after.models))
        return (f"first release: the prompts {prompts} on {models}",)
    return (*_prompts(before, after), *_models(before, after), *_policy(before, after))


def _same(old: Frozen, new: Frozen) -> bool:
    """Compare as digests do: `1.0` is `1`, and `true` is not."""
    return digest(old.model_dump(mode="json")) == digest(new.model_dump(mode="json"))


def _prompts(before: Lock, after: Lock) -> Iterator[str]:
    for name in sorted(before.prompts.keys() | after.prompts.keys()):
        old, new = before.prompts.get(name), after.prompts.get(name)
        if old is None or new is None:
            yield f"the prompt {name} {'starts' if old is None else 'stops'} to run here"
        elif not _same(old, new):
            yield f"{name}: {' and '.join(_prompt_parts(old, new))} changed"


def _prompt_parts(old: PromptLock, new: PromptLock) -> Iterator[str]:
    if old.model != new.model:
        yield f"the model (from {old.model} to {new.model})"
    yield from (words for part, words in _PROMPT_PARTS.items() if getattr(old, part) != getattr(new, part))


def _models(before: Lock, after: Lock) -> Iterator[str]:
    for name in sorted(before.models.keys() | after.models.keys()):
        old, new = before.models.get(name), after.models.get(name)
        if old is None or new is None:
            yield f"the model {name} {'starts' if old is None else 'stops'} to be served here"
        elif not _same(old, new):
            yield f"{name}: {'; '.join(_model_parts(old, new))}"


def _model_parts(old: ModelLock, new: ModelLock) -> Iterator[str]:
    if old.weights != new.weights:
        yield f"weights from {_weights(old)} to {_weights(new)}"
    for field in _MODEL_FIELDS:
        if getattr(old, field) != getattr(new, field):
            yield f"{field} from {getattr(old, field)} to {getattr(new, field)}"
    for name in sorted(old.arguments.keys() | new.arguments.keys()):
        before, after = (lock.arguments.get(name, "unset") for lock in (old, new))
        if digest(before) != digest(after):
            yield f"{name} from {before} to {after}"
    if old.resources != new.resources:
        yield f"resources from {_resources(old)} to {_resources(new)}"
    if old.source != new.source and old.weights == new.weights:
        yield "the place of its weights"


def _weights(lock: ModelLock) -> str:
    if isinstance(lock.source, HubSource):
        return f"{lock.source.hub}@{lock.source.revision[:12]}"
    return f"{lock.source.path} {short(lock.weights)}"


def _resources(lock: ModelLock) -> str:
    told = lock.resources.model_dump(exclude_none=True, exclude_defaults=True)
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "none"


def _policy(before: Lock, after: Lock) -> Iterator[str]:
    if before.policy != after.policy:
        yield "the policy: gates, must-pass lists or what this environment accepts"
