"""What a server says of itself (TGI's `/info`, or `/v1/models`), and whether that is what the model file names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.errors import CannotJudge
from sluice.providers.base import Identity
from sluice.providers.wire import Dialect
from sluice.schema.model import HubSource, Model, PathSource

TGI_FACTS = ("router", "sha", "docker_label", "model_pipeline_tag")
NEVER_TOLD = ("weights", "chat_template", "image_digest")
"""No server proves these: TGI's `/info` has no field for them, `/v1/models` has none either."""
MEASURED = frozenset({"max_batch_total_tokens"})
"""Limits that a server measures when it starts, so that they differ from start to start."""


class ServerChanged(CannotJudge):
    """The server became another one in the middle of a run.

    `doubted`: whether answers since it was last known are in doubt, because they do not say who gave them.
    """

    def __init__(self, message: str, *, doubted: bool) -> None:
        self.doubted = doubted
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Served:
    """An identity, and how to address it: the `model` field of a request and the dialect of its extras."""

    identity: Identity
    served_as: str
    dialect: Dialect
    build: str | None = None
    """What each answer must name as its build (`system_fingerprint`); None where answers name none."""

    @property
    def model(self) -> str:
        """The model that the server says it serves."""
        return self.identity.model

    def names(self, model: str) -> bool:
        """Whether an answer may name this model; only TGI's answers are known to name what `/info` says."""
        return self.dialect != "tgi" or model in (self.identity.model, self.served_as)


def from_info(info: Mapping[str, Any], adapter: str | None = None) -> Served:
    """Read TGI's `/info`. It does not list adapters, and an unknown one is answered by the model without any."""
    limits = {key: value for key, value in info.items() if key.startswith("max_") and _whole(value)}
    facts = {key: str(info[key]) for key in TGI_FACTS if info.get(key)}
    identity = Identity(
        engine="tgi",
        model=str(info["model_id"]),
        revision=_text(info.get("model_sha")),
        version=_text(info.get("version")),
        limits=limits,
        facts=facts,
    )
    build = f"{identity.version}-{facts.get('docker_label', 'native')}" if identity.version else None
    # TGI takes any other value of `model` than its own name for the id of a LoRA adapter.
    return Served(_with_unknowns(identity, *(["adapter"] if adapter else [])), adapter or "tgi", "tgi", build)


def from_models(models: Mapping[str, Any], version: str | None, name: str, model: Model) -> Served:
    """Read `/v1/models` (vLLM and others): the entry for our model, or the first. Raises CannotJudge for none."""
    data = models.get("data")
    entries = (
        [entry for entry in data if isinstance(entry, dict) and _text(entry.get("id"))]
        if isinstance(data, list)
        else []
    )
    if not entries:
        raise CannotJudge("the server offers neither /info nor a model in /v1/models, so nobody can say what answers")
    wanted = {name, model.source.hub} if isinstance(model.source, HubSource) else {name}
    entry = next((e for e in entries if {e["id"], e.get("root")} & wanted and not e.get("parent")), entries[0])
    limits = {key: entry[key] for key in ("max_model_len",) if _whole(entry.get(key))}
    facts = {key: str(entry[key]) for key in ("owned_by", "root") if entry.get(key)}
    engine = "vllm" if entry.get("owned_by") == "vllm" else "openai"
    identity = Identity(engine=engine, model=entry["id"], version=version, limits=limits, facts=facts)
    if model.serving.adapter is None:
        return Served(_with_unknowns(identity), served_as=entry["id"], dialect="openai")
    return Served(_with_adapter(identity, model.serving.adapter, entries), model.serving.adapter, "openai")


def _with_adapter(identity: Identity, adapter: str, entries: Sequence[Mapping[str, Any]]) -> Identity:
    """Return the identity with what the server says of an adapter. Raises CannotJudge where it has not loaded it."""
    found = next((entry for entry in entries if entry["id"] == adapter), None)
    if found is None or found.get("parent", identity.model) not in (identity.model, identity.facts.get("root")):
        offered = ", ".join(repr(entry["id"]) for entry in entries)
        raise CannotJudge(
            f"adapter: the model file says {adapter!r}, and the server has loaded no such adapter on "
            f"{identity.model!r} (it offers {offered}). Load it, or change the file"
        )
    facts = {**identity.facts, "adapter": adapter, "adapter_root": str(found.get("root", ""))}
    return _with_unknowns(replace(identity, facts=facts), "adapter_weights")


def _with_unknowns(identity: Identity, *more: str) -> Identity:
    unknown = [key for key in ("revision", "version") if getattr(identity, key) is None]
    unknown += ["engine"] if identity.engine == "openai" else []
    facts = {**identity.facts, "unknown": ", ".join([*unknown, *more, *NEVER_TOLD])}
    return Identity(identity.engine, identity.model, identity.revision, identity.version, identity.limits, facts)


def mismatches(identity: Identity, name: str, model: Model) -> list[str]:
    """Return each fact on which server and model file disagree, naming both sides. What is unknown is no fact."""
    return [
        f"{fact}: the model file says {declared!r}, the server says {said!r}"
        for fact, declared, said in _disagreements(identity, name, model)
    ]


def changes(before: Identity, now: Identity) -> list[str]:
    """Return each fact on which two identities of one server disagree, naming both."""
    found = []
    for fact, then, said in (
        *((key, getattr(before, key), getattr(now, key)) for key in ("engine", "model", "revision", "version")),
        *_differing(before.limits, now.limits),
        *_differing(before.facts, now.facts),
    ):
        if then != said and fact not in MEASURED:
            found.append(f"{fact} was {then!r} and is {said!r}")
    return found


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in sorted({*before, *now}):
        yield key, before.get(key), now.get(key)


def _disagreements(identity: Identity, name: str, model: Model) -> Iterator[tuple[str, object, object]]:
    # A server that is neither is not compared: a model may be judged on a stand-in engine, which every report names.
    if {identity.engine, model.serving.engine} == {"tgi", "vllm"}:
        yield "engine", model.serving.engine, identity.engine
    yield from _model_id(identity, name, model)
    declared = model.source.revision if isinstance(model.source, HubSource) else None
    if declared and identity.revision and declared != identity.revision:
        yield "revision", declared, identity.revision
    yield from _limits(identity, model)
    if identity.engine == model.serving.engine and model.serving.image:
        yield from _build(identity, model.serving.image)


def _model_id(identity: Identity, name: str, model: Model) -> Iterator[tuple[str, object, object]]:
    said = {identity.model, identity.facts.get("root", identity.model)}
    if any(value.startswith(("/", "./")) for value in said):
        return  # A directory on the server: its path says nothing about the weights in it.
    declared = model.source.path if isinstance(model.source, PathSource) else model.source.hub
    accepted = {name.lower(), declared.lower()}
    if not accepted & {value.lower() for value in said}:
        yield "model", declared, identity.model


def _limits(identity: Identity, model: Model) -> Iterator[tuple[str, object, object]]:
    declared = {key.lower().lstrip("-").replace("-", "_"): value for key, value in model.serving.arguments.items()}
    same_engine = identity.engine == model.serving.engine
    for limit, said in identity.limits.items():
        if same_engine and limit in declared and str(declared[limit]) != str(said):
            yield limit, declared[limit], said
    for limit in ("max_total_tokens", "max_model_len"):
        said_total = identity.limits.get(limit)
        if said_total is not None and said_total < model.context and limit not in declared:
            yield f"context ({limit})", model.context, said_total


def _build(identity: Identity, image: str) -> Iterator[tuple[str, object, object]]:
    """Compare the image's tag: `sha-<7>` with the build label, `X.Y.Z` with the version (not a `-dev` one)."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    label = identity.facts.get("docker_label")
    if re.fullmatch(r"sha-[0-9a-f]{7}", tag) and label and label != tag:
        yield "docker_label", tag, label
    version = identity.version or ""
    released = re.fullmatch(r"v?\d+\.\d+\.\d+", tag) and re.fullmatch(r"\d+\.\d+\.\d+", version)
    if released and tag.removeprefix("v") != version:
        yield "version", tag, version


def require_match(identity: Identity, name: str, model: Model, endpoint: str) -> None:
    """Raise CannotJudge where the server is not what the model file names."""
    if problems := mismatches(identity, name, model):
        raise CannotJudge(
            f"the server at {endpoint} is not what the model file {name!r} names. "
            + "; ".join(problems)
            + ". Serve what the file names, or change the file"
        )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
