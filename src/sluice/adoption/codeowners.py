"""CODEOWNERS: the template's example names become the owner's, and lines about files that went go too."""

from __future__ import annotations

import re
from collections.abc import Iterable

PATH = ".github/CODEOWNERS"
PLACEHOLDER = re.compile(r"@your-org/[\w.-]+")
HEAD = (
    "# Who must review what (the last matching line wins).\n"
    "# Policy (suites with their gates, cards, models, engine, scripts) may have other owners than the texts that it\n"
    "# judges: give prompts and datasets to the people who write them, in lines of their own.\n"
)
_EXAMPLE = "# Who must review what. The names are examples"


def owned(text: str, owner: str, tracked: Iterable[str]) -> str:
    """Return CODEOWNERS with the owner in place of the examples; lines that match no tracked file go.

    A file without example names is somebody's own and comes back as it is.
    """
    if not PLACEHOLDER.search(text):
        return text
    known = list(tracked)
    kept = [line for line in text.splitlines() if not _is_stale(line, known)]
    body = "\n".join(_named(line, owner) for line in kept if not _is_introduction(line))
    return HEAD + re.sub(r"\n{3,}", "\n\n", body).rstrip("\n") + "\n"


def renamed(text: str, old: str, new: str) -> str:
    """Return CODEOWNERS with one owner in place of another; `@acme` is not part of `@acme/team`."""
    return re.sub(rf"(?<!\S){re.escape(old)}(?!\S)", new, text)


def _is_introduction(line: str) -> bool:
    return line.startswith((_EXAMPLE, "# Policy (suites with their gates"))


def _is_stale(line: str, tracked: list[str]) -> bool:
    """Only lines with example names are looked at: a line that a person wrote may be about files to come."""
    if line.startswith("#") or not PLACEHOLDER.search(line):
        return False
    pattern = line.split()[0]
    if pattern == "*":
        return False
    prefix = pattern.lstrip("/").partition("*")[0]
    return not any(path.startswith(prefix) for path in tracked)


def _named(line: str, owner: str) -> str:
    """Replace every example name, and say the owner once where a line had several."""
    replaced = PLACEHOLDER.sub(owner, line)
    return re.sub(rf"({re.escape(owner)})(?:\s+{re.escape(owner)})+", r"\1", replaced)
