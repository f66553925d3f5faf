"""Which changes are data alone: only then did a pull request's run use the base's engine, workflow and assertions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from sluice.catalog import DIRECTORIES
from sluice.forge.answers import Answer, ChangedFile, Sha, read
from sluice.forge.client import GitHub
from sluice.forge.event import COMMANDS, WORKFLOW
from sluice.forge.pulls import MOST_FILES, Changes

DATA_SUFFIXES: dict[str, frozenset[str]] = {
    DIRECTORIES["prompt"]: frozenset({".yaml", ".md"}),
    DIRECTORIES["dataset"]: frozenset({".yaml", ".jsonl", ".md"}),
    DIRECTORIES["suite"]: frozenset({".yaml", ".md"}),
    DIRECTORIES["model"]: frozenset({".yaml", ".md", ".json", ".safetensors", ".txt"}),
    "docs": frozenset({".md", ".png", ".svg"}),
}
"""Directory -> endings of files that nothing executes. A suite's own assertions (`.py`) are code."""

MOST_SHOWN = 80

_PLAIN = re.compile(r"[A-Za-z0-9._/ -]+")


def is_data(path: str) -> bool:
    """Tell whether a file is read as data and never run. What is not known to be data counts as code.

    A list of what is allowed, because code is found in many places: a module beside the workflow's working
    directory, a package's settings, an attribute file, a cache of answers that were never given.
    """
    pure = PurePosixPath(path)
    parts = pure.parts
    if not _PLAIN.fullmatch(path) or str(pure) != path or any(part.startswith(".") for part in path.split("/")):
        return False
    if len(parts) == 1:
        return parts[0].endswith(".md") or parts[0] in {"LICENSE", "NOTICE"}
    return pure.suffix in DATA_SUFFIXES.get(parts[0], frozenset())


def code_among(files: Iterable[ChangedFile]) -> tuple[str, ...]:
    """Return the changed paths that are not data alone, sorted; a renamed file counts under both its names."""
    names = {name for file in files for name in (file.filename, file.previous_filename) if name is not None}
    return tuple(sorted(name for name in names if not is_data(name)))


def why_untrusted(changes: Changes) -> str | None:
    """Say why a pull request's own run cannot vouch for it; None where it changes data alone."""
    code = code_among(changes.files)
    if code:
        more = f" and {len(code) - 3:,} more" if len(code) > 3 else ""
        return f"it changes more than data: {', '.join(map(shown, code[:3]))}{more}"
    if not changes.complete:
        return f"it changes {MOST_FILES} files or more, and the forge names no more than that"
    return None


class _Run(Answer):
    path: str
    event: str
    head_sha: Sha


def why_not_vouched(github: GitHub, run: int, head: str, changes: Changes) -> str | None:
    """Say why the run that a report names cannot vouch for it; None for main's own runs, and for data alone."""
    found = read(_Run, github.get(f"actions/runs/{run}"), f"run {run}")
    path = found.path.split("@")[0]
    if (path, found.event) == (COMMANDS, "issue_comment"):
        return None
    if (path, found.event, found.head_sha) != (WORKFLOW, "pull_request", head):
        return "the run that the report names is not one of this pull request's head"
    return why_untrusted(changes)


def shown(path: str) -> str:
    """Return a path without anything that Markdown, a log or a terminal would act on."""
    clean = re.sub(r"[^A-Za-z0-9._/ -]", "?", path)
    return clean if len(clean) <= MOST_SHOWN else f"{clean[: MOST_SHOWN - 3]}..."
