"""A miniature repository: one prompt, one dataset, one suite and a model that a contract server answers for."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from servers.tgi_contract import Settings

MODEL = {
    "description": "A model for tests.",
    "license": "Apache-2.0",
    "source": {"hub": Settings.model_id, "revision": str(Settings.model_sha)},
    "context": 2048,
    "serving": {"engine": "tgi", "image": "example.test/tgi@sha256:" + "a" * 64, "concurrency": 8},
    "price": {"input_per_million": 1.0, "output_per_million": 2.0},
}
PROMPT = {
    "description": "Answers with a word.",
    "owners": ["tests"],
    "model": "served",
    "parameters": {"max_tokens": 16, "temperature": 0},
    "inputs": {"question": {"type": "string"}},
    "messages": [
        {"role": "system", "content": "Answer with the last word.\nBe brief."},
        {"role": "user", "content": "{{ question }}"},
    ],
}
SUITE = {
    "description": "Is the last word there?",
    "prompt": "answer",
    "dataset": "questions",
    "assertions": [{"metric": "correct", "type": "icontains", "value": "{{ expected }}"}],
    "gates": {"correct": {"max_drop": 0.05, "floor": 0.5}},
}
CARD = {
    "description": "Questions that end in their answer.",
    "license": "CC0-1.0",
    "source": "Made by the test.",
    "owners": ["tests"],
    "intended_use": "Testing.",
    "split": "eval",
    "outputs": "public",
    "inputs": {"type": "object", "required": ["id", "question", "expected"]},
    "slices": ["topic"],
    "cluster": "page",
}


def rows(count: int) -> list[dict[str, Any]]:
    """Questions whose answer is their last word; three cases a page, two topics."""
    return [
        {
            "id": f"case-{number:04}",
            "question": f"Which word ends question number {number} word{number}",
            "expected": f"word{number}",
            "topic": "even" if number % 2 == 0 else "odd",
            "page": f"page-{number // 3}",
        }
        for number in range(count)
    ]


def write(root: Path, path: str, content: Any) -> None:
    """Write YAML or JSON Lines, by the path's ending."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.endswith(".jsonl"):
        text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in content)
    else:
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    target.write_text(text, encoding="utf-8")


def miniature(root: Path, count: int = 300, **changes: Mapping[str, Any]) -> Path:
    """Write and commit a miniature repository; `changes` update the prompt, suite, card or model."""
    write(root, "prompts/answer.yaml", {**PROMPT, **changes.get("prompt", {})})
    write(root, "datasets/questions.yaml", {**CARD, **changes.get("card", {})})
    write(root, "datasets/questions.jsonl", rows(count))
    write(root, "evals/answer.yaml", {**SUITE, **changes.get("suite", {})})
    write(root, "models/served.yaml", {**MODEL, **changes.get("model", {})})
    git(root, "init", "--quiet", "--initial-branch", "main")
    write(root, ".gitignore", ".sluice/\n")
    commit(root)
    return root


def edit_prompt(root: Path, system: str, **changes: Any) -> None:
    """Replace the system message in the working tree."""
    messages = [{"role": "system", "content": system}, PROMPT["messages"][1]]
    write(root, "prompts/answer.yaml", {**PROMPT, "messages": messages, **changes})


def commit(root: Path, message: str = "change") -> str:
    """Commit everything and return the hash."""
    git(root, "add", "--all")
    git(root, "-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD").strip()


def git(root: Path, *arguments: str) -> str:
    """Run Git in the repository."""
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout
