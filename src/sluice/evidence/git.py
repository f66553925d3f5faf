"""Git as this room uses it: plumbing that touches neither the working tree nor the index of the person."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sluice.errors import CannotJudge

BRANCH = "evidence"
REMOTE = "origin"
LOCAL = f"refs/heads/{BRANCH}"
TRACKED = f"refs/remotes/{REMOTE}/{BRANCH}"
NOTHING = "0" * 40
"""What `update-ref` calls a ref that does not exist yet."""

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_PLAIN = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
"""Never ask for a password, and speak in words that can be recognised."""


def ask(
    root: Path, *arguments: str, data: bytes | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run Git and return what it said, whether it succeeded or not."""
    try:
        return subprocess.run(
            ["git", *arguments], cwd=root, input=data, capture_output=True, check=False,
            env={**os.environ, **_PLAIN, **(environment or {})},
        )  # fmt: skip
    except FileNotFoundError:
        raise CannotJudge("git is not installed; evidence lies on a branch of the repository") from None


def tell(root: Path, *arguments: str, data: bytes | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Run Git and return its output; raise CannotJudge with its own words where it fails."""
    done = ask(root, *arguments, data=data, environment=environment)
    if done.returncode:
        raise CannotJudge(f"git {arguments[0]} failed: {complaint(done)}")
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return what Git complained of, in one line and without credentials of an address."""
    words = " ".join((done.stderr or done.stdout).decode("utf-8", "replace").split())
    return _CREDENTIALS.sub("", words)[:600]


def authors(root: Path, base: str | None, head: str) -> frozenset[str]:
    """Return who wrote the commits of `head` that `base` lacks, merges aside: names, addresses and logins, casefolded.

    A login is told by the addresses that forges make for people who show no other.
    """
    span = [f"{base}..{head}"] if base else ["--max-count=1", head]
    listed = tell(root, "log", "--no-merges", "--format=%an%x00%ae", *span, "--").splitlines()
    found: set[str] = set()
    for name, _, address in (line.partition("\0") for line in listed):
        local = address.partition("@")[0]
        found |= {name, address, local, local.rpartition("+")[2]}
    return frozenset(one.casefold() for one in found if one)


def shown(path: str) -> str:
    """Return a path that others chose on one line, with what cannot be printed as escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in path)


def tip(root: Path, ref: str) -> str | None:
    """Return the commit of a ref, or None where it does not exist."""
    done = ask(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    return done.stdout.decode().strip() or None if done.returncode == 0 else None


def is_ancestor(root: Path, older: str, newer: str) -> bool:
    """Tell whether one commit is known to be part of the history of another."""
    return ask(root, "merge-base", "--is-ancestor", older, newer).returncode == 0


def blobs(root: Path, commit: str | None) -> dict[str, str]:
    """Return path -> blob id of every file of a commit; empty without one."""
    if commit is None:
        return {}
    listed = tell(root, "ls-tree", "-r", "-z", "--full-tree", commit)
    entries = (entry.partition("\t") for entry in listed.split("\0") if entry)
    return {path: header.split(" ")[2] for header, _, path in entries}


def lost(root: Path, older: str, newer: str) -> tuple[str, ...]:
    """Return the files of an older commit that a newer one lacks or holds otherwise; none where nothing is known."""
    if ask(root, "cat-file", "-e", f"{older}^{{tree}}").returncode:
        return ()
    after = blobs(root, newer)
    return tuple(path for path, blob in blobs(root, older).items() if after.get(path) != blob)
