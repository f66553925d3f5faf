"""Writes the imported prompts, card, rows and suites as the texts of this repository's files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sluice.catalog import DIRECTORIES
from sluice.interchange.promptfoo.assertions import Spec
from sluice.interchange.promptfoo.prompts import ImportedPrompt
from sluice.interchange.promptfoo.suites import Folded

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./, '()-]*[A-Za-z0-9_.)]|[A-Za-z_]")
_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none")
SCORE = "score"
UNSTATED = "LicenseRef-unstated"


@dataclass(frozen=True, slots=True)
class Labels:
    """What a promptfoo configuration does not say: who owns the files, which model answers, where it came from."""

    source: str
    description: str
    owners: tuple[str, ...]
    model: str


class _Dumper(yaml.SafeDumper):
    """Block style with lists indented, blocks for texts of several lines, quotes wherever a reader could err."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
    style = "|" if "\n" in value else None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _yaml(kind: str, content: Mapping[str, Any]) -> str:
    body = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return f"# yaml-language-server: $schema=../src/sluice/schemas/{kind}.json\n{body}"


def path_of(kind: str, name: str, suffix: str = ".yaml") -> str:
    """Return where a file of a kind lies."""
    return f"{DIRECTORIES[kind]}/{name}{suffix}"


def write_prompt(
    prompt: ImportedPrompt, rows: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any], labels: Labels
) -> str:
    """Return the text of a prompt file."""
    return _yaml(
        "prompt",
        {
            "description": labels.description,
            "owners": list(labels.owners),
            "model": labels.model,
            "parameters": dict(parameters),
            "inputs": {name: _type_of(name, rows) for name in sorted(prompt.fields)},
            "messages": [
                {"role": role, "content": content if content.endswith("\n") or "\n" not in content else content + "\n"}
                for role, content in prompt.messages
            ],
            "output": {"type": "text"},
        },
    )


def write_card(rows: Sequence[Mapping[str, Any]], labels: Labels) -> str:
    """Return the text of the dataset card."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return _yaml(
        "dataset",
        {
            "description": labels.description,
            "license": UNSTATED,
            "source": f"Imported from {labels.source} (promptfoo).",
            "owners": list(labels.owners),
            "intended_use": "Evaluation of the prompts that were imported with it.",
            "split": "eval",
            "id": "id",
            "inputs": {
                "type": "object",
                "properties": {name: _type_of(name, rows) for name in names},
                "required": [name for name in names if all(name in row for row in rows)],
                "additionalProperties": False,
            },
        },
    )


def write_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_suite(prompt: str, dataset: str, folded: Folded, labels: Labels, repeats: int) -> str:
    """Return the text of a suite file; what decides in promptfoo blocks, the rest is reported."""
    content = {
        "description": labels.description,
        "prompt": prompt,
        "dataset": dataset,
        "assertions": [_assertion(spec, when) for spec, when in folded.assertions],
        "score": {"metric": SCORE} | ({} if folded.mark is None else {"pass_mark": folded.mark}),
        "gates": _gates(folded),
    }
    return _yaml("suite", content | ({"repeats": repeats} if repeats > 1 else {}))


def _gates(folded: Folded) -> dict[str, Any]:
    specs = [spec for spec, _ in folded.assertions]
    deciding = {spec.metric for spec in specs if spec.weight} if folded.mark is None else {SCORE}
    names = dict.fromkeys([*(name for spec in specs for name in _metrics(spec)), SCORE])
    return {name: {"max_drop": 0.05} | ({} if name in deciding else {"tier": "info"}) for name in names}


def _metrics(spec: Spec) -> list[str]:
    return [spec.metric, *(name for part in spec.parts for name in _metrics(part))]


def _assertion(spec: Spec, when: str | None) -> dict[str, Any]:
    parts = {
        "metric": spec.metric,
        "type": spec.type,
        "value": spec.value,
        "threshold": spec.threshold,
        "weight": None if spec.weight == 1 else spec.weight,
        "transform": list(spec.transform) or None,
        "assertions": [_assertion(part, None) for part in spec.parts] or None,
        "when": when,
    }
    return {name: part for name, part in parts.items() if part is not None}


_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def _type_of(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    types = sorted({_JSON_TYPES.get(type(row[name]), "null") for row in rows if name in row})
    if "integer" in types and "number" in types:
        types.remove("integer")
    return {"type": types[0] if len(types) == 1 else types} if types else {}
