"""What `sluice init` settles while a newer template is being merged: conflicts that have only one sensible end."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from sluice.adoption import codeowners
from sluice.adoption.answers import SETTINGS
from sluice.adoption.git import asks, git, unmerged
from sluice.adoption.plan import CI, GENERATED, README

OURS = (README, codeowners.PATH, f"{SETTINGS}/*")
"""Files that belong to whoever adopted the template."""

THEIRS = (CI, *GENERATED)
"""Files that are written anew right after."""


def settle(root: Path) -> list[str]:
    """Take one side of each conflict that needs no thought; return the paths."""
    conflicts = sorted(unmerged(root))
    return [path for path in conflicts if _takes(root, path, "--ours", OURS) or _takes(root, path, "--theirs", THEIRS)]


def _takes(root: Path, path: str, side: str, patterns: Iterable[str]) -> bool:
    if not any(fnmatchcase(path, pattern) for pattern in patterns):
        return False
    if not asks(root, "checkout", side, "--", path):
        return False
    git(root, "add", "--", path)
    return True


def stage(root: Path, paths: Iterable[str]) -> None:
    """Put what was written and removed into the merge that is under way."""
    known = set(git(root, "ls-files", "-z").split("\0"))
    chosen = sorted(path for path in set(paths) if path in known or (root / path).exists())
    if chosen:
        git(root, "add", "--all", "--", *chosen)
