"""Carries a plan out: removes, writes, makes the generated pages anew. Running it twice changes nothing more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from sluice.adoption.plan import Plan
from sluice.catalog import writable
from sluice.errors import CannotJudge

GENERATOR = "scripts/generate.py"


def perform(root: Path, planned: Plan) -> None:
    """Remove and write; executable files stay executable. Raises UsageError before, where a path leads elsewhere."""
    targets = {path: writable(root, path) for path in planned.written}
    for path in planned.removed:
        writable(root, str(PurePosixPath(path).parent))
    for path in planned.removed:
        (root / path).unlink(missing_ok=True)
        _prune(root, (root / path).parent)
    for path, text in planned.written.items():
        target = targets[path]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _prune(root: Path, directory: Path) -> None:
    while directory != root and directory.is_dir() and not _files(directory):
        for cache in directory.glob("__pycache__/*"):
            cache.unlink()
        for inner in directory.iterdir():
            inner.rmdir()
        directory.rmdir()
        directory = directory.parent


def _files(directory: Path) -> list[Path]:
    """Return what keeps a directory; compiled modules do not."""
    return [path for path in directory.iterdir() if path.name != "__pycache__"]


def regenerate(root: Path) -> list[str]:
    """Run the repository's own generator; return the paths that it wrote. Raises CannotJudge with its last words."""
    if not (root / GENERATOR).is_file():
        return []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(_path(root)), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, GENERATOR], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise CannotJudge(
            f"{GENERATOR} failed ({' '.join(said)}); everything else is done. Mend it, then run scripts/generate"
        )
    return [line.partition(": ")[2] for line in done.stdout.splitlines() if line.startswith("written: ")]


def _path(root: Path) -> Iterable[str]:
    return filter(None, (str(root / "src"), os.environ.get("PYTHONPATH", "")))
