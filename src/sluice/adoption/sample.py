"""Which files are the sample application: what a copy of the template leaves behind, and what may stay."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from sluice.adoption.answers import Adoption
from sluice.catalog import DIRECTORIES

EMBEDDED = "portal-small"
"""The model that the template trains and carries."""

SERVED = ("llama-3.1-8b", "qwen2.5-1.5b")
"""Models that the template only names."""

PROMPTS = ("instruction-probe", "support-answer", "ticket-triage")
DATASETS = ("portal-docs", "portal-instructions", "portal-questions", "portal-tickets")
TRAINING_DATASETS = ("portal-ticket-training", "portal-training")

ABOUT_THE_SAMPLE = (
    "scripts/demo",
    "scripts/demo-edits/*",
    "scripts/play_demo.py",
    "tests/fixtures/demo/*",
    "tests/repo/test_demo.py",
    "tests/repo/test_ground_floor.py",
    "tests/unit/training/test_datasets.py",
)
"""Scripts and tests that show or hold the sample application."""

ABOUT_THE_EMBEDDED_MODEL = (
    "tests/unit/training/conftest.py",
    "tests/unit/training/test_conversations.py",
    "tests/unit/training/test_facts.py",
    "tests/unit/training/test_language.py",
    "tests/unit/training/test_loop.py",
    "tests/unit/training/test_train.py",
)
"""Tests that read the embedded model's own language file."""


def of_the_sample(paths: Iterable[str], adoption: Adoption) -> list[str]:
    """Return those paths that go when these answers are carried out; sorted."""
    patterns = leaving(adoption)
    return sorted(path for path in paths if any(fnmatchcase(path, pattern) for pattern in patterns))


def leaving(adoption: Adoption) -> tuple[str, ...]:
    """Return the patterns of what goes; `*` also stands for directories in between."""
    if adoption.sample:
        return ()
    patterns = [*_files("prompt", PROMPTS), *_files("suite", PROMPTS), *_files("dataset", DATASETS)]
    patterns += [pattern for name in SERVED if name != adoption.model for pattern in _files("model", (name,))]
    patterns += ABOUT_THE_SAMPLE
    if not adoption.embedded:
        patterns += [*_files("model", (EMBEDDED,)), f"{DIRECTORIES['model']}/{EMBEDDED}/*"]
        patterns += [*_files("dataset", TRAINING_DATASETS), *ABOUT_THE_EMBEDDED_MODEL]
    return tuple(patterns)


def on_the_ground_floor(path: str) -> bool:
    """Return whether a path lies in a directory whose files people write: a name there is not the template's alone."""
    return path.partition("/")[0] in DIRECTORIES.values()


def _files(kind: str, names: Iterable[str]) -> list[str]:
    return [f"{DIRECTORIES[kind]}/{name}.{suffix}" for name in names for suffix in ("yaml", "jsonl", "py")]
