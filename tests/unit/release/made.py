"""A ground floor in memory for tests of releases: one retrieving prompt, its model and two environments."""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml

from sluice.catalog import Catalog, load
from sluice.digest import digest_bytes

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"
TOKENIZER = json.dumps({"chat_template": TEMPLATE}).encode()
IMAGE = "example.test/tgi@sha256:" + "a" * 64
WHO = "@example/owners"


def floor() -> dict[str, Any]:
    """Return path -> content; dictionaries become YAML, lists JSON Lines."""
    return copy.deepcopy(
        {
            "prompts/answer.yaml": {
                "description": "Answers.",
                "owners": ["tests"],
                "model": "carried",
                "parameters": {"max_tokens": 16, "temperature": 0},
                "inputs": {"question": {"type": "string"}, "passages": {"type": "array"}},
                "messages": [{"role": "user", "content": "{{ question }} {{ passages }}"}],
                "retrieval": {"corpus": "docs", "query": "{{ question }}", "into": "passages", "top": 2},
            },
            "datasets/docs.yaml": _card("corpus", ["id", "text"]),
            "datasets/docs.jsonl": [{"id": "a", "text": "alpha", "note": "not used"}, {"id": "b", "text": "beta"}],
            "datasets/cases.yaml": _card("eval", ["id", "question", "expected"]),
            "datasets/cases.jsonl": [{"id": "1", "question": "alpha?", "expected": "alpha"}],
            "evals/answer.yaml": {
                "description": "Right?",
                "prompt": "answer",
                "dataset": "cases",
                "assertions": [{"metric": "correct", "type": "icontains", "value": "{{ expected }}"}],
                "gates": {"correct": {"max_drop": 0.05, "floor": 0.5}},
            },
            "models/carried.yaml": {
                "description": "A model.",
                "license": "Apache-2.0",
                "source": {"path": "models/carried", "files": {"tokenizer_config.json": digest_bytes(TOKENIZER)}},
                "context": 512,
                "serving": {"engine": "tgi", "image": IMAGE, "arguments": {"max_total_tokens": 512}},
            },
            "models/carried/tokenizer_config.json": TOKENIZER,
            "infra/overlays/staging/environment.yaml": environment(),
            "infra/overlays/production/environment.yaml": environment(),
        }
    )


def environment(**changes: Any) -> dict[str, Any]:
    """Return an environment file."""
    return {
        "description": "An environment.",
        "cluster": "local",
        "namespace": "space",
        "prompts": ["answer"],
        "serving": {"carried": {"strategy": "recreate", "replicas": 1}},
        "accept": {"engines": ["tgi"]},
        "approvers": [WHO],
        "capacity": {"nvidia.com/gpu": 2},
        **changes,
    }


def _card(split: str, required: list[str]) -> dict[str, Any]:
    return {
        "description": "Rows.",
        "license": "CC0-1.0",
        "source": "Made.",
        "owners": ["tests"],
        "intended_use": "Testing.",
        "split": split,
        "outputs": "public",
        "inputs": {"type": "object", "required": required},
    }


class Memory:
    """Files of a mapping, as a tree."""

    label = "memory"
    commit = None

    def __init__(self, files: dict[str, Any]) -> None:
        self.files = {path: _bytes(path, content) for path, content in files.items()}

    def paths(self, under: str) -> list[str]:
        return sorted(path for path in self.files if path.startswith(under + "/"))

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def escapes(self, path: str) -> None:
        return None

    def close(self) -> None:
        pass


def _bytes(path: str, content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    if path.endswith(".jsonl"):
        return "".join(json.dumps(row) + "\n" for row in content).encode()
    return content.encode() if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False).encode()


def catalog(files: dict[str, Any] | None = None) -> Catalog:
    """Return the catalog of a ground floor without findings."""
    return load(Memory(files or floor())).require_valid()
