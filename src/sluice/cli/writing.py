"""Writes new files of the repository; an existing file is never overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sluice.errors import UsageError


def write_new(root: Path, files: Mapping[str, str], *, dry_run: bool = False) -> None:
    """Write all files, or none where one of them exists already."""
    existing = [path for path in files if (root / path).exists()]
    if existing:
        raise UsageError(f"{', '.join(existing)} exist already; choose another name, or remove them first")
    for path, text in files.items():
        print(f"{'would write' if dry_run else 'wrote'} {path}")
        if not dry_run:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
