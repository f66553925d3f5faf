"""A pull request's data over the main branch, read as bytes by hash: its code is never checked out or fetched."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sluice.catalog import DIRECTORIES, GitTree, Tree
from sluice.errors import UsageError
from sluice.forge.answers import Answer, ChangedFile, read
from sluice.forge.client import GitHub
from sluice.forge.failures import ForgeError, Refusal
from sluice.forge.pulls import MOST_FILES, Changes

OVERLAID: dict[str, frozenset[str]] = {
    DIRECTORIES["prompt"]: frozenset({".yaml"}),
    DIRECTORIES["dataset"]: frozenset({".yaml", ".jsonl"}),
    DIRECTORIES["suite"]: frozenset({".yaml"}),
}
"""What a command takes from a pull request. Models stay main's: images, arguments and hub names are not tried here."""

MOST_BYTES = 100 * 2**20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")


@dataclass(frozen=True, slots=True)
class Overlay:
    """Path -> its bytes at the pull request's head, None where it is gone there; `left` names what was not taken."""

    files: Mapping[str, bytes | None]
    left: tuple[str, ...]


class _Blob(Answer):
    sha: str
    encoding: str
    content: str


def is_overlaid(path: str, *, models: bool = False) -> bool:
    """Tell whether a command takes this file from a pull request: a plain name right below its directory."""
    pure = PurePosixPath(path)
    if len(pure.parts) != 2 or str(pure) != path or not _NAME.fullmatch(pure.name):
        return False
    taken = {**OVERLAID, DIRECTORIES["model"]: frozenset({".yaml"})} if models else OVERLAID
    return pure.suffix in taken.get(pure.parts[0], frozenset())


def not_taken(changes: Changes) -> tuple[str, ...]:
    """Return the changed files of the ground floor that a command leaves out: its run does not judge them."""
    names = {name for file in changes.files for name in (file.filename, file.previous_filename) if name}
    ground = {name for name in names if PurePosixPath(name).parts[0] in DIRECTORIES.values()}
    return tuple(sorted(name for name in ground if not is_overlaid(name) and not name.endswith("README.md")))


def overlay(github: GitHub, root: Path, changes: Changes, *, models: bool = False) -> Overlay:
    """Return the data that a pull request changes, over what HEAD in `root` (a checkout of main) has.

    With `models`, the models' files too: to compute closures, never to run.
    Raises Refusal where main changed the same file since: which one counts is for a person to say.
    """
    if not changes.complete:
        raise Refusal(f"the pull request changes {MOST_FILES} files or more; its data cannot be told for certain")
    wanted = _wanted(changes, models=models)
    _refuse_conflicts(root, changes.merge_base, wanted)
    files: dict[str, bytes | None] = {}
    for path, blob in wanted.items():
        files[path] = None if blob is None else _blob(github, path, blob)
        if sum(len(data) for data in files.values() if data) > MOST_BYTES:
            raise Refusal(f"the pull request's data has more than {MOST_BYTES:,} bytes")
    names = {name for file in changes.files for name in (file.filename, file.previous_filename) if name}
    return Overlay(files, tuple(sorted(names - set(files))))


def _wanted(changes: Changes, *, models: bool) -> dict[str, str | None]:
    """Return path -> blob of every file to take, None where it goes."""
    wanted: dict[str, str | None] = {}
    for file in changes.files:
        if file.status == "renamed" and is_overlaid(file.previous_filename or "", models=models):
            wanted.setdefault(file.previous_filename or "", None)
        if is_overlaid(file.filename, models=models):
            wanted[file.filename] = _blob_of(file)
    return wanted


def _blob_of(file: ChangedFile) -> str | None:
    if file.status == "removed":
        return None
    if file.sha is None:
        raise ForgeError(f"the forge names no content of {file.filename}")
    return file.sha


def _refuse_conflicts(root: Path, merge_base: str, wanted: Mapping[str, str | None]) -> None:
    main = GitTree(root, "HEAD")
    try:
        before = GitTree(root, merge_base)
    except UsageError:
        raise ForgeError("this checkout lacks the commit that the pull request left main at; fetch it whole") from None
    try:
        both = [path for path, blob in wanted.items() if _moved(main, before, path, blob)]
    finally:
        main.close()
        before.close()
    if both:
        raise Refusal(f"main changed {both[0]} too since this pull request left it; merge or rebase first")


def _moved(main: Tree, before: Tree, path: str, blob: str | None) -> bool:
    now = _bytes(main, path)
    same_as_head = blob is not None and now is not None and _hash(now, blob) == blob
    return not (now == _bytes(before, path) or same_as_head or (blob is None and now is None))


def _bytes(tree: Tree, path: str) -> bytes | None:
    try:
        return tree.read(path)
    except FileNotFoundError:
        return None


def _blob(github: GitHub, path: str, sha: str) -> bytes:
    """Return a blob's bytes; what comes must have the hash that was asked for."""
    blob = read(_Blob, github.get(f"git/blobs/{sha}"), f"the content of {path}")
    try:
        data = base64.b64decode(blob.content, validate=False) if blob.encoding == "base64" else None
    except (binascii.Error, ValueError):
        data = None
    if data is None or _hash(data, sha) != sha:
        raise ForgeError(f"the forge sent another content for {path} than was asked for")
    return data


def _hash(data: bytes, like: str) -> str:
    """Return Git's name of a blob, in the hash of a repository that has names like `like`."""
    whole = b"blob %d\0" % len(data) + data
    return (hashlib.sha1(whole, usedforsecurity=False) if len(like) == 40 else hashlib.sha256(whole)).hexdigest()


def write(root: Path, files: Mapping[str, bytes | None]) -> None:
    """Put an overlay into a checkout. Nothing is written through a link, and nothing outside its directories."""
    for path, data in files.items():
        if not is_overlaid(path):
            raise ForgeError(f"{path} is nothing that a command may write")
        target = root / path
        if target.parent.is_symlink() or not target.parent.resolve().is_relative_to(root.resolve()):
            raise ForgeError(f"{target.parent.name} in this checkout is a link; nothing was written")
        target.unlink(missing_ok=True)
        if data is not None:
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(data)


@dataclass(slots=True)
class OverlaidTree:
    """A tree with an overlay on it, in memory: for reading closures, never for running."""

    below: Tree
    files: Mapping[str, bytes | None]
    label: str
    commit: str | None = field(default=None)

    def paths(self, under: str) -> list[str]:
        """Return the files below a directory, those of the overlay included."""
        kept = {path for path in self.below.paths(under) if path not in self.files}
        prefix = under.rstrip("/") + "/"
        there = {path for path, data in self.files.items() if data is not None}
        return sorted(kept | {path for path in there if path.startswith(prefix)})

    def read(self, path: str) -> bytes:
        """Return a file's bytes, the overlay's where it has it."""
        if path not in self.files:
            return self.below.read(path)
        data = self.files[path]
        if data is None:
            raise FileNotFoundError(path)
        return data

    def escapes(self, path: str) -> str | None:
        """Bytes lead nowhere."""
        return None if path in self.files else self.below.escapes(path)

    def close(self) -> None:
        """Release the tree below."""
        self.below.close()
