"""Writes files: new ones of the repository, where an existing one is never overwritten nor a link followed, and
whatever a person names, whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sluice.catalog import writable
from sluice.errors import CannotJudge, UsageError


def write_new(root: Path, files: Mapping[str, str], *, dry_run: bool = False, option: str = "") -> None:
    """Write all files, or none where one of them exists already; `option` gives them another name."""
    targets = {path: writable(root, path) for path in files}
    existing = [path for path, target in targets.items() if target.exists()]
    if existing:
        verb, them = ("exists", "it") if len(existing) == 1 else ("exist", "them")
        name = f"another name ({option})" if option else "another name"
        raise UsageError(f"{', '.join(existing)} {verb} already; choose {name}, or remove {them} first")
    contents = {path: _encoded(path, text) for path, text in files.items()}
    for path, content in contents.items():
        print(f"{'would write' if dry_run else 'wrote'} {path}")
        if not dry_run:
            target = targets[path]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _encoded(path: str, text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{path} would hold {text[error.start]!a}, which no file can hold; nothing is written"
        ) from None


def write_whole(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file whole or not at all; what was there is replaced."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(exist_ok=True)
        with part.open("wb") as file:
            file.writelines(chunks)
        part.replace(path)
    except OSError as error:
        raise CannotJudge(f"cannot write {path}: {error}") from None


def refuse_unwritable(path: Path) -> None:
    """Raise UsageError where `--output` cannot become a file, before any work is done for it."""
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--output {path}: there is no directory {path.parent}")
    if path.is_dir():
        raise UsageError(f"--output {path} is a directory; name a file in it")
