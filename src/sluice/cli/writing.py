"""Writes new files of the repository; an existing file is never overwritten, a link never followed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sluice.catalog import writable
from sluice.errors import UsageError


def write_new(root: Path, files: Mapping[str, str], *, dry_run: bool = False, option: str = "") -> None:
    """Write all files, or none where one of them exists already; `option` gives them another name."""
    targets = {path: writable(root, path) for path in files}
    existing = [path for path, target in targets.items() if target.exists()]
    if existing:
        verb, them = ("exists", "it") if len(existing) == 1 else ("exist", "them")
        name = f"another name ({option})" if option else "another name"
        raise UsageError(f"{', '.join(existing)} {verb} already; choose {name}, or remove {them} first")
    for path, text in files.items():
        print(f"{'would write' if dry_run else 'wrote'} {path}")
        if not dry_run:
            target = targets[path]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
