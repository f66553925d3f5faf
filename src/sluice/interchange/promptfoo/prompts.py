"""Prompts of a promptfoo configuration: inline texts, chat arrays and files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.interchange.promptfoo.sources import SCHEME, Sources
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.templates import Names, slug

_ROLES = ("system", "user", "assistant")
_BARE_FILE = re.compile(r"[^\s{}]+\.(txt|md|j2|json|ya?ml|csv|py|c?js|mjs|ts)(:\w+)?\Z")
_MOST_TITLE = 60
_SEPARATOR = re.compile(r"(?m)^---[ \t]*$\n?")


@dataclass(frozen=True, slots=True)
class ImportedPrompt:
    """A prompt with translated templates; `fields` are the row fields that it inserts."""

    name: str
    messages: tuple[tuple[str, str], ...]
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Raw:
    spot: Spot
    content: Any
    title: str


def read_prompts(
    spot: Spot, sources: Sources, names: Names, default_name: str, name: str | None = None
) -> list[ImportedPrompt]:
    """Return the prompts that can be kept; each other one becomes a finding. All begin with a given `name`."""
    entries = list(spot.items()) if isinstance(spot.value, list) else [spot]
    raws = [raw for entry in entries for raw in _raws(entry, sources)]
    prompts: list[ImportedPrompt] = []
    for index, raw in enumerate(raws, 1):
        messages = _messages(raw, names)
        if messages is None:
            continue
        titled = slug(raw.title)[:_MOST_TITLE]
        if name is None:
            wanted = titled or (default_name if len(raws) == 1 else f"{default_name}-{index}")
        else:
            wanted = name if len(raws) == 1 else f"{name}-{titled or index}"
        unique = _unique(wanted, {prompt.name for prompt in prompts})
        fields = frozenset().union(*(names.used(content) for _, content in messages))
        prompts.append(ImportedPrompt(unique, messages, fields))
    return prompts


def _unique(name: str, taken: set[str]) -> str:
    number, candidate = 2, name
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def _raws(spot: Spot, sources: Sources) -> Iterator[_Raw]:
    value, title = spot.value, ""
    if isinstance(value, dict):
        spot.check_keys(("id", "label", "raw"), ("display",), {"config": "sampling belongs to the prompt file here"})
        title = str(value.get("label") or "")
        value = value.get("raw", value.get("id"))
    if not isinstance(value, str) or not value.strip():
        spot.refuse("a prompt that is no text", "write the prompt as a text, a chat array or a file")
    elif value.startswith(SCHEME) or _BARE_FILE.fullmatch(value):
        for path in sources.files(spot, value):
            yield from _from_file(spot, path, title or path.stem, sources)
    elif value.startswith(("exec:", "package:", "langfuse://", "portkey://", "helicone://", "http://", "https://")):
        spot.refuse(f"prompts from {value.split(':')[0]} are not read", "paste the prompt's text")
    else:
        yield _Raw(spot, _chat_or_text(value), title)


def _from_file(spot: Spot, path: Path, title: str, sources: Sources) -> Iterator[_Raw]:
    if path.suffix in (".json", ".yaml", ".yml"):
        found = sources.data(path)
        if found is not None:
            yield _Raw(found, found.value, title)
    elif path.suffix in (".txt", ".md", ".j2"):
        text = sources.text(spot, path) or ""
        parts = [part for part in _SEPARATOR.split(text) if part.strip()] if path.suffix == ".txt" else [text]
        for part in parts:
            yield _Raw(spot, _chat_or_text(part), title)
    else:
        spot.refuse(f"prompts in {path.suffix} files are not read", "use a text, JSON or YAML file")


def _chat_or_text(text: str) -> Any:
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _messages(raw: _Raw, names: Names) -> tuple[tuple[str, str], ...] | None:
    content = [{"role": "user", "content": raw.content}] if isinstance(raw.content, str) else raw.content
    if not isinstance(content, list) or not content:
        raw.spot.refuse("a prompt that is neither text nor a chat array", "write messages with role and content")
        return None
    messages = [_message(raw.spot, message, names) for message in content]
    kept = tuple(message for message in messages if message is not None)
    return kept if len(kept) == len(messages) else None


def _message(spot: Spot, message: Any, names: Names) -> tuple[str, str] | None:
    if not isinstance(message, dict) or set(message) != {"role", "content"} or message["role"] not in _ROLES:
        spot.refuse(f"a message that is not role ({', '.join(_ROLES)}) and content", "rewrite the message")
        return None
    if not isinstance(message["content"], str) or not message["content"].strip():
        spot.refuse("a message whose content is no text", "images and tools have no place in a prompt here")
        return None
    translated = names.translate(spot, message["content"])
    return None if translated is None else (message["role"], translated)
