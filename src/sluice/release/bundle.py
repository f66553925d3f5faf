"""The bundle: prompts, chat templates and what retrieval needs, as one flat directory with a manifest of digests.

Names are flat so that each is a key of a ConfigMap too. The same content gives the same bytes, on any machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.catalog import Catalog
from sluice.digest import canonical_json, digest, digest_bytes
from sluice.errors import CannotJudge
from sluice.retrieval import corpus_digest, retrieval_content
from sluice.schema import Model, PathSource, Prompt

MANIFEST = "manifest.json"
FORMAT = 1
"""Raised when an older reader would misread a newer bundle."""
_TEMPLATE_FILE = "chat_template.jinja"
_TOKENIZER_FILE = "tokenizer_config.json"


@dataclass(frozen=True, slots=True)
class Parts:
    """The digests of what one prompt sends; None where it retrieves nothing, or the template is not in this clone."""

    prompt: str
    sampling: str
    chat_template: str | None
    retrieval: str | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Name -> content of every file, the manifest among them, and the digests of each prompt's parts."""

    files: Mapping[str, bytes]
    parts: Mapping[str, Parts]

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, which holds the digest of every other file."""
        return digest_bytes(self.files[MANIFEST])


def make_bundle(catalog: Catalog, environment: str) -> Bundle:
    """Return the bundle of an environment at a revision whose files were checked."""
    files: dict[str, bytes] = {}
    parts: dict[str, Parts] = {}
    owners: dict[str, list[str]] = {}
    for name in sorted(catalog.environment(environment).value.prompts):
        made = dict(_files(catalog, name))
        files |= made
        owners[name] = sorted(made)
        parts[name] = _parts(catalog, name, made)
    manifest = {
        "format": FORMAT,
        "files": {name: {"digest": digest_bytes(data), "size": len(data)} for name, data in files.items()},
        "prompts": owners,
    }
    return Bundle({**dict(sorted(files.items())), MANIFEST: canonical_json(manifest) + b"\n"}, parts)


def _files(catalog: Catalog, name: str) -> Iterator[tuple[str, bytes]]:
    prompt = catalog.prompt(name).value
    yield f"prompt-{name}.json", canonical_json({"format": FORMAT, "name": name, **_content(prompt)}) + b"\n"
    template = chat_template(catalog, prompt.model)
    if template is not None:
        yield template_name(prompt.model), template
    if prompt.retrieval is not None:
        yield f"index-{name}.json", canonical_json(retrieval_content(catalog, prompt.retrieval)) + b"\n"
        yield f"corpus-{name}.jsonl", b"".join(_articles(catalog, prompt))


def template_name(model: str) -> str:
    """Return the name of the file that holds a model's chat template."""
    return f"chat-template-{model}.jinja"


def _content(prompt: Prompt) -> dict[str, Any]:
    """Return everything that decides what is sent; descriptions and owners do not."""
    return {
        "model": prompt.model,
        "messages": [message.model_dump() for message in prompt.messages],
        "parameters": prompt.parameters.model_dump(mode="json"),
        "inputs": prompt.inputs,
        "output": prompt.output.model_dump(mode="json", by_alias=True),
        "retrieval": prompt.retrieval.model_dump(mode="json", exclude={"corpus"}) if prompt.retrieval else None,
    }


def _articles(catalog: Catalog, prompt: Prompt) -> Iterator[bytes]:
    """Yield the used fields of each article, as `corpus_digest` digests them."""
    assert prompt.retrieval is not None
    for row in catalog.datasets[prompt.retrieval.corpus].rows:
        yield canonical_json({name: row[name] for name in prompt.retrieval.used_fields if name in row}) + b"\n"


def _parts(catalog: Catalog, name: str, files: Mapping[str, bytes]) -> Parts:
    prompt = catalog.prompt(name).value
    content = _content(prompt)
    template = files.get(template_name(prompt.model))
    retrieval = None
    if prompt.retrieval is not None:
        retrieval = digest(retrieval_content(catalog, prompt.retrieval))
        corpus = corpus_digest(catalog.datasets[prompt.retrieval.corpus], prompt.retrieval)
        if digest_bytes(files[f"corpus-{name}.jsonl"]) != corpus:
            raise CannotJudge(f"the corpus of {name} was not bundled as it is searched in evals")
    return Parts(
        prompt=digest({key: content[key] for key in ("messages", "inputs", "output")}),
        sampling=digest(content["parameters"]),
        chat_template=digest_bytes(template) if template is not None else None,
        retrieval=retrieval,
    )


def chat_template(catalog: Catalog, model: str) -> bytes | None:
    """Return the chat template of a model that this repository carries; a hub's lies with the weights it pins."""
    value = catalog.model(model).value
    if not isinstance(value.source, PathSource):
        return None
    for file in (_TEMPLATE_FILE, _TOKENIZER_FILE):
        if file in value.source.files:
            found = _template_in(file, _pinned(catalog, value, file))
            if found is not None:
                return found
    return None


def _template_in(file: str, data: bytes) -> bytes | None:
    if file == _TEMPLATE_FILE:
        return data
    try:
        template = json.loads(data).get("chat_template")
    except (ValueError, AttributeError):
        raise CannotJudge(f"{file} holds no JSON object, so nobody knows the chat template") from None
    return template.encode() if isinstance(template, str) else canonical_json(template) if template else None


def _pinned(catalog: Catalog, model: Model, file: str) -> bytes:
    """Read a file of the weights; raise CannotJudge where it is not the one that the model file names."""
    assert isinstance(model.source, PathSource)
    path = f"{model.source.path}/{file}"
    try:
        data = catalog.tree.read(path)
    except FileNotFoundError:
        raise CannotJudge(f"{path} is missing in {catalog.label}; run sluice check") from None
    finally:
        catalog.tree.close()
    if digest_bytes(data) != model.source.files[file]:
        raise CannotJudge(f"{path} is not the file that the model names by digest; run sluice check")
    return data


def verify_bundle(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return what differs between the files of a bundle and its manifest; empty where nothing does."""
    try:
        listed = json.loads(files[MANIFEST])["files"]
        said = {name: str(entry["digest"]) for name, entry in listed.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return (f"the bundle has no {MANIFEST} that can be read",)
    problems = [f"{name} of the bundle is missing" for name in sorted(said.keys() - files.keys())]
    problems += [f"{name} is no part of the bundle" for name in sorted(files.keys() - said.keys() - {MANIFEST})]
    both = sorted(said.keys() & files.keys())
    return (
        *problems,
        *(f"{name} is not what the manifest says" for name in both if digest_bytes(files[name]) != said[name]),
    )
