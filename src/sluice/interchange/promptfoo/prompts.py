"""Prompts of a promptfoo configuration: inline texts, chat arrays and files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sluice.interchange.promptfoo.js_json import NotKept, read_json
from sluice.interchange.promptfoo.js_yaml import read_js_yaml
from sluice.interchange.promptfoo.sources import SCHEME, Sources
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.templates import Names, slug
from sluice.template import TemplateProblem, compile_template

_ROLES = ("system", "user", "assistant")
_BARE_FILE = re.compile(r"[^\s{}]+\.(txt|md|j2|jsonl?|ya?ml|csv|py|c?js|mjs|ts)(:\w+)?\Z")
_MADE_CHAT = re.compile(
    r"\s*(?:\[\s*(?:\{%|\{\s*[\"'](?:role|content)[\"'])|\{\s*\"(?:messages|contents|role|system)\"|- role:)"
)
_MOST_TITLE = 60
_SEPARATOR = re.compile(r"(?m)^---[ \t]*$\n?")


@dataclass(frozen=True, slots=True)
class ImportedPrompt:
    """A prompt with translated templates; `fields` are the row fields that it inserts."""

    name: str
    messages: tuple[tuple[str, str], ...]
    fields: frozenset[str]
    called: tuple[str, ...] = ()

    def is_called(self, reference: str) -> bool:
        """Return whether a test means this prompt: its label or id, the part before a colon, or a beginning and `*`."""
        beginning = reference[:-1] if reference.endswith("*") else f"{reference}:"
        return any(name == reference or name.startswith(beginning) for name in self.called)


@dataclass(frozen=True, slots=True)
class _Raw:
    spot: Spot
    content: Any
    title: str
    called: tuple[str, ...] = ()


def read_prompts(
    spot: Spot,
    sources: Sources,
    names: Names,
    default_name: str,
    name: str | None = None,
    around: tuple[str, str] = ("", ""),
) -> list[ImportedPrompt]:
    """Return the prompts that can be kept; each other one becomes a finding. All begin with a given `name`.

    `around` is what every test puts before and after a prompt.
    """
    entries = list(spot.items()) if isinstance(spot.value, list) else [spot]
    raws = [raw for entry in entries for raw in _raws(entry, sources)]
    prompts: list[ImportedPrompt] = []
    for index, raw in enumerate(raws, 1):
        messages = _messages(_with(raw, around), names)
        if messages is None:
            continue
        titled = slug(raw.title)[:_MOST_TITLE]
        if name is None:
            wanted = titled or (default_name if len(raws) == 1 else f"{default_name}-{index}")
        else:
            wanted = name if len(raws) == 1 else f"{name}-{titled or index}"
        unique = _unique(wanted, {prompt.name for prompt in prompts})
        fields = frozenset().union(*(compile_template(content).fields for _, content in messages))
        prompts.append(ImportedPrompt(unique, messages, fields, raw.called))
    return prompts


def _unique(name: str, taken: set[str]) -> str:
    number, candidate = 2, name
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def _raws(spot: Spot, sources: Sources) -> Iterator[_Raw]:
    value, title = spot.value, ""
    called: tuple[str, ...] = ()
    if isinstance(value, dict):
        spot.check_keys(("id", "label", "raw"), ("display",), {"config": "sampling belongs to the prompt file here"})
        title = str(value.get("label") or "")
        called = tuple(str(value[key]) for key in ("label", "id") if value.get(key))
        value = value.get("raw", value.get("id"))
    if not isinstance(value, str) or not value.strip():
        spot.refuse("a prompt that is no text", "write the prompt as a text, a chat array or a file")
    elif value.startswith(SCHEME) or _BARE_FILE.fullmatch(value):
        for path in sources.files(spot, value):
            for raw in _from_file(spot, path, title or path.stem, sources):
                yield replace(raw, called=(*called, value, value.removeprefix(SCHEME)))
    elif value.startswith(("exec:", "package:", "langfuse://", "portkey://", "helicone://", "http://", "https://")):
        spot.refuse(f"prompts from {value.split(':')[0]} are not read", "paste the prompt's text")
    else:
        yield _Raw(spot, _chat_or_text(spot, value), title, (*called, value))


def _from_file(spot: Spot, path: Path, title: str, sources: Sources) -> Iterator[_Raw]:
    if path.suffix in (".json", ".yaml", ".yml"):
        found = sources.data(path)
        if found is not None:
            yield _Raw(found, found.value, title)
    elif path.suffix in (".txt", ".md", ".j2", ".jsonl"):
        text = sources.text(spot, path) or ""
        for part in _parts(text, path.suffix):
            yield _Raw(spot, _chat_or_text(spot, part), title)
    elif path.suffix == ".csv":
        for row in sources.table(spot, path):
            if row.value.get("prompt"):
                yield _Raw(row, _chat_or_text(row, row.value["prompt"]), row.value.get("label") or title)
    else:
        spot.refuse(f"prompts in {path.suffix} files are not read", "use a text, JSON, YAML or CSV file")


def _parts(text: str, suffix: str) -> list[str]:
    """Return the prompts of a file: of a text between lines of `---`, of JSON Lines one a line."""
    if suffix == ".txt":
        return [part.strip() for part in _SEPARATOR.split(text) if part.strip()]
    return [line for line in text.split("\n") if line] if suffix == ".jsonl" else [text]


def _chat_or_text(spot: Spot, text: str) -> Any:
    """Return what a provider makes of a prompt's text: messages where it is JSON, or a YAML list of roles."""
    if text.lstrip().startswith("["):
        try:
            return read_json(text)
        except NotKept as problem:
            spot.refuse(f"messages with {problem}", "write it as a text")
            return None
        except ValueError:
            return text
    if text.strip().startswith("- role:"):
        parsed = read_js_yaml("", text.encode("utf-8", "replace"))
        return text if parsed.findings else parsed.data
    return text


def _with(raw: _Raw, around: tuple[str, str]) -> _Raw:
    if around == ("", ""):
        return raw
    if not isinstance(raw.content, str):
        raw.spot.refuse("a prefix or suffix around a chat array", "write it into the messages")
        return raw
    return replace(raw, content=f"{around[0]}{raw.content}{around[1]}")


def _messages(raw: _Raw, names: Names) -> tuple[tuple[str, str], ...] | None:
    if isinstance(raw.content, str) and _MADE_CHAT.match(raw.content):
        raw.spot.refuse("messages that a template makes as JSON text", "write messages whose contents insert variables")
        return None
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
    return None if translated is None or _fields(spot, translated) is None else (message["role"], translated)


def _fields(spot: Spot, template: str) -> frozenset[str] | None:
    """Return the fields that a translated template reads, or None after refusing what is no template here."""
    try:
        return compile_template(template).fields
    except TemplateProblem as problem:
        spot.refuse(f"a template that is not valid here: {problem}", "compute the value in the test's variables")
        return None
