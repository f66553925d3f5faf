"""Writes files to the branch `evidence` by plumbing: what lies there is never altered, and nothing else is touched."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import CannotJudge
from sluice.evidence.git import BRANCH, LOCAL, NOTHING, TRACKED, ask, blobs, complaint, is_ancestor, tell, tip

MESSAGE = "Add evidence"
_TRIES = 5
_AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "sluice"), ("EMAIL", "evidence@sluice.invalid"))
}


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: the commit at the tip (None where there is nothing at all) and the paths that are new."""

    commit: str | None
    added: tuple[str, ...]


def store(root: Path, files: Mapping[str, bytes]) -> Written:
    """Add files to the local branch; a path that exists already keeps its content.

    Raises CannotJudge where the branch is checked out, or another process keeps writing it.
    """
    _refuse_checked_out(root)
    ids = {path: tell(root, "hash-object", "-w", "--stdin", data=data) for path, data in files.items()}
    for _ in range(_TRIES):
        local = tip(root, LOCAL)
        written = add(root, up_to_date(root), ids)
        if written.commit in (None, local):
            return written
        done = ask(root, "update-ref", LOCAL, written.commit or "", local or NOTHING)
        if done.returncode == 0:
            return written
    raise CannotJudge(f"the branch {BRANCH} cannot be written here, run the command again: {complaint(done)}")


def _refuse_checked_out(root: Path) -> None:
    listed = tell(root, "worktree", "list", "--porcelain")
    if f"branch {LOCAL}" in listed.splitlines():
        raise CannotJudge(f"the branch {BRANCH} is checked out; leave it first: it is written without a working tree")


def add(root: Path, parent: str | None, ids: Mapping[str, str], message: str = MESSAGE) -> Written:
    """Return a commit on a parent that holds the given blobs as well; the parent itself where all are there."""
    known = blobs(root, parent)
    added = {path: blob for path, blob in ids.items() if path not in known}
    if not added:
        return Written(parent, ())
    lines = "".join(f"100644 {blob}\t{path}\n" for path, blob in sorted(added.items()))
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        tell(root, "read-tree", *([parent] if parent else ["--empty"]), environment=index)
        tell(root, "update-index", "--index-info", data=lines.encode(), environment=index)
        tree = tell(root, "write-tree", environment=index)
    parents = ["-p", parent] if parent else []
    commit = tell(root, "commit-tree", tree, *parents, "-m", message, environment=_AUTHOR)
    return Written(commit, tuple(sorted(added)))


def up_to_date(root: Path) -> str | None:
    """Return the commit to build on: what the remote is known to have, and what was recorded here on top of it."""
    tracked, local = tip(root, TRACKED), tip(root, LOCAL)
    if tracked is None or local is None:
        return local or tracked
    if is_ancestor(root, tracked, local):
        return local
    return add(root, tracked, unpushed(root, tracked)).commit


def unpushed(root: Path, tracked: str | None) -> dict[str, str]:
    """Return path -> blob of what the local branch has beyond what the remote was known to have."""
    known = blobs(root, tracked)
    return {path: blob for path, blob in blobs(root, tip(root, LOCAL)).items() if path not in known}
