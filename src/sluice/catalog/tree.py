"""Where files come from: the working tree, or any Git revision without checking it out."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from sluice.errors import CannotJudge, UsageError

MAINS = ("origin/main", "main")
"""The main branch, as the remote has it or else as it is here."""
FETCH_MAIN = "git fetch origin main:refs/remotes/origin/main"
"""Brings what the default base is made from, also where the clone has one other branch alone."""


class Tree(Protocol):
    """A read-only set of files, by POSIX paths relative to the repository's root."""

    label: str
    commit: str | None

    def paths(self, under: str) -> list[str]:
        """Return the files below a directory, sorted; empty where it does not exist."""
        ...

    def read(self, path: str) -> bytes:
        """Return a file's bytes; raise FileNotFoundError where there is none."""
        ...

    def escapes(self, path: str) -> str | None:
        """Return where a path leads if a link stands in it, or what it is if it is no plain file, else None."""
        ...

    def close(self) -> None:
        """Release what reading has opened; reading again opens it anew."""
        ...


class WorkingTree:
    """Files as they lie on disk, committed or not."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.label = "working tree"
        self.commit: str | None = None

    def paths(self, under: str) -> list[str]:
        """Walk one directory; hidden files and caches are not part of the ground floor. A link counts as a file."""
        if (self.root / under).is_symlink():
            return [under]
        found: list[str] = []
        for directory, names, files in os.walk(self.root / under):
            names[:] = sorted(name for name in names if not name.startswith((".", "__")))
            relative = PurePosixPath(Path(directory).relative_to(self.root).as_posix())
            links = [name for name in names if (Path(directory) / name).is_symlink()]
            found += [str(relative / name) for name in (*files, *links) if not name.startswith(".")]
        return sorted(found)

    def read(self, path: str) -> bytes:
        """Read one file; a path through a link, or out of the repository, is refused as missing."""
        if self.escapes(path):
            raise FileNotFoundError(path)
        return (self.root / path).read_bytes()

    def escapes(self, path: str) -> str | None:
        """Links are never followed, as in a commit; devices and pipes count as escapes."""
        if "\0" in path or PurePosixPath(path).is_absolute():
            return path
        if link := self.link(path):
            return link
        target = (self.root / path).resolve()
        if not target.is_relative_to(self.root):
            return str(PurePosixPath("..") / target.name)
        return "a directory or device" if target.exists() and not target.is_file() else None

    def link(self, path: str) -> str | None:
        """Return the first symbolic link that a path goes through, in words; None where it goes through none."""
        for part in _prefixes(path):
            if (self.root / part).is_symlink():
                return _link(path, part, os.readlink(self.root / part))
        return None

    def close(self) -> None:
        """Nothing is held open."""


class GitTree:
    """Files of one commit, read through one `git cat-file --batch` process."""

    def __init__(self, root: Path, revision: str, label: str | None = None) -> None:
        self.root = root
        commit = resolve_revision(root, revision)
        self.commit: str | None = commit
        self.label = label or revision
        self._blobs = self._list(commit)
        self._process: subprocess.Popen[bytes] | None = None

    def _list(self, commit: str) -> dict[str, tuple[str, str]]:
        output = _git(self.root, "ls-tree", "-r", "-z", "--full-tree", commit)
        blobs: dict[str, tuple[str, str]] = {}
        for entry in filter(None, output.split(b"\0")):
            header, _, path = entry.partition(b"\t")
            mode, _, identifier = header.decode("ascii").split(" ")
            blobs[path.decode("utf-8", "surrogateescape")] = (mode, identifier)
        return blobs

    def paths(self, under: str) -> list[str]:
        """Return the blobs below a directory of the commit."""
        if self._is_link(under):
            return [under]
        prefix = under.rstrip("/") + "/"
        return sorted(path for path in self._blobs if path.startswith(prefix) and "/." not in path)

    def read(self, path: str) -> bytes:
        """Read one blob through the running batch process."""
        mode, identifier = self._blobs.get(path, ("", ""))
        if not mode.startswith("100"):
            raise FileNotFoundError(path)
        return self._content(path, identifier)

    def _content(self, path: str, identifier: str) -> bytes:
        process = self._batch()
        assert process.stdin and process.stdout
        process.stdin.write(identifier.encode() + b"\n")
        process.stdin.flush()
        header = process.stdout.readline().split()
        if len(header) != 3:
            raise CannotJudge(f"object {identifier} of {path} is missing; fetch the history (git fetch --unshallow)")
        data = process.stdout.read(int(header[2]))
        process.stdout.read(1)
        return data

    def _batch(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                ["git", "cat-file", "--batch"], cwd=self.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        return self._process

    def close(self) -> None:
        """End the batch process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def escapes(self, path: str) -> str | None:
        """Symlinks in a commit are never followed."""
        for part in _prefixes(path):
            if self._is_link(part):
                target = self._content(part, self._blobs[part][1]).decode("utf-8", "surrogateescape")
                return _link(path, part, target)
        return None

    def _is_link(self, path: str) -> bool:
        return self._blobs.get(path, ("", ""))[0] == "120000"


def _prefixes(path: str) -> Iterator[str]:
    """Yield a path's directories from the outermost on, then the path."""
    pure = PurePosixPath(path)
    yield from (str(part) for part in [*reversed(pure.parents)][1:])
    yield str(pure)


def _link(path: str, part: str, target: str) -> str:
    return f"a link to {target}" if part == str(PurePosixPath(path)) else f"{part}, a link to {target}"


def writable(root: Path, path: str) -> Path:
    """Return where to write a file of the repository; raise UsageError where a link would lead it elsewhere."""
    link = WorkingTree(root).link(path)
    if link:
        raise UsageError(f"{path} cannot be written: it goes through {link}; remove the link first")
    return root / path


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError("git is not installed; Sluice reads revisions through it") from None
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip()
        raise UsageError(f"git {arguments[0]} failed: {message}")
    return done.stdout


def resolve_revision(root: Path, revision: str) -> str:
    """Return the commit hash of a revision; raise UsageError where Git does not know it."""
    if revision.startswith("-"):
        raise UsageError(f"{revision!r} is not a revision")
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
    except UsageError:
        raise UsageError(f"Git knows no commit {revision!r} here; fetch it, or name another revision") from None


def default_base(root: Path) -> GitTree | None:
    """Return where HEAD left `origin/main` (or `main`), or None in a repository without either.

    Where this clone does not show where that was, the branch's tip stands in; `base_caveat` says so.
    """
    for branch, commit in _mains(root):
        return GitTree(root, _shared(root, commit) or commit, label=branch)
    return None


def base_caveat(root: Path) -> str | None:
    """Say why `default_base` is a branch's tip; None where it is the commit that HEAD left."""
    for branch, commit in _mains(root):
        if _shared(root, commit):
            return None
        if is_shallow(root):
            why = f"this clone is shallow (git fetch --unshallow mends that): {branch}'s"
        else:
            why = f"HEAD and {branch} have no history in common: {branch}'s"
        return f"the base is the tip of {branch}, because {why} own later changes show too, reversed"
    return None


def _mains(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the branches that a change may have left, with their commits."""
    for branch in MAINS:
        try:
            yield branch, resolve_revision(root, branch)
        except UsageError:
            continue


def is_shallow(root: Path) -> bool:
    """Tell whether a clone lacks history; outside a repository nothing is lacking."""
    try:
        return _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true"
    except UsageError:
        return False


def _shared(root: Path, commit: str) -> str:
    done = subprocess.run(["git", "merge-base", commit, "HEAD"], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def has_commits(root: Path) -> bool:
    """Return whether there is any commit to compare with."""
    try:
        resolve_revision(root, "HEAD")
    except UsageError:
        return False
    return True


def find_root(start: Path) -> Path:
    """Return the repository that holds a directory: the nearest parent with `prompts` or `.git`."""
    for directory in (start.resolve(), *start.resolve().parents):
        if (directory / ".git").exists() or any((directory / room).is_dir() for room in ("prompts", "evals")):
            return directory
    raise UsageError(f"{start} is not inside a Sluice repository (no prompts/ and no Git repository above it)")


def hashes(tree: Tree, paths: Iterable[str]) -> dict[str, str]:
    """Return path -> `sha256:<hex>` of files that exist."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            found[path] = "sha256:" + hashlib.sha256(tree.read(path)).hexdigest()
        except FileNotFoundError:
            continue
    return found
