"""Git commands that adoption needs: what is tracked, what is changed, where HEAD and the remote are."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from sluice.errors import UsageError
from sluice.evidence.git import BRANCH, LOCAL, NOTHING, TRACKED, ask, is_ancestor, tip

EVIDENCE_BRANCH = BRANCH
IDENTITY = {
    "GIT_AUTHOR_NAME": "sluice",
    "GIT_AUTHOR_EMAIL": "sluice@localhost",
    "GIT_COMMITTER_NAME": "sluice",
    "GIT_COMMITTER_EMAIL": "sluice@localhost",
}
"""Who makes the first commit of a branch that no person writes."""

_SLUG = re.compile(r"^(?:https?://[^/]+/|ssh://[^/]+/|[^/@\s]+@[^/:]+:)([\w.-]+/[\w.-]+?)(?:\.git)?/?$")

_HOST = re.compile(r"^(?:\w+://)?(?:[^@/]+@)?([^:/]+)")


def git(root: Path, *arguments: str, given: str = "", **environment: str) -> str:
    """Run Git and return what it prints; raise UsageError with its own words where it fails."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=root, input=given, capture_output=True, text=True, check=False,
            env={**os.environ, **environment} if environment else None,
        )  # fmt: skip
    except FileNotFoundError:
        raise UsageError("git is not installed; install it first") from None
    if done.returncode:
        raise UsageError(f"git {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def asks(root: Path, *arguments: str) -> bool:
    """Return whether Git answers with success."""
    return ask(root, *arguments).returncode == 0


def require_repository(root: Path) -> None:
    """Raise UsageError where the directory is not the top of a repository with a commit."""
    if not asks(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"):
        raise UsageError(f"{root} is no Git repository with a commit; clone your copy of the template first")


def head_paths(root: Path) -> frozenset[str]:
    """Return every path of the commit that is checked out."""
    return frozenset(filter(None, git(root, "ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0")))


def head_text(root: Path, path: str) -> str | None:
    """Return a file's text in HEAD, or None where HEAD has none."""
    return git(root, "show", f"HEAD:{path}") if asks(root, "cat-file", "-e", f"HEAD:{path}") else None


def changed_paths(root: Path) -> list[str]:
    """Return the paths that differ from HEAD, untracked files too, ignored ones not; sorted."""
    listed = git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames")
    return sorted(entry[3:] for entry in listed.split("\0") if entry)


def merging(root: Path) -> bool:
    """Return whether a merge has begun and is not committed."""
    return asks(root, "rev-parse", "--verify", "--quiet", "MERGE_HEAD")


def unmerged(root: Path) -> frozenset[str]:
    """Return the paths that a merge left in conflict."""
    return frozenset(filter(None, git(root, "diff", "--name-only", "--diff-filter=U", "-z").split("\0")))


def slug(root: Path) -> str | None:
    """Return `owner/name` of the remote `origin`, or None where that is no address of a forge."""
    if not asks(root, "remote", "get-url", "origin"):
        return None
    found = _SLUG.match(git(root, "remote", "get-url", "origin").strip())
    return found.group(1) if found else None


def host(root: Path) -> str | None:
    """Return the forge's host as the remote `origin` names it, or None where that is no address of a forge."""
    if slug(root) is None:
        return None
    found = _HOST.match(git(root, "remote", "get-url", "origin").strip())
    return found.group(1) if found else None


def is_at_remote(root: Path) -> bool:
    """Return whether HEAD and the branch `evidence` are at `origin`, as far as this clone knows."""
    return tip(root, TRACKED) is not None and is_ancestor(root, "HEAD", "refs/remotes/origin/main")


def has_evidence_branch(root: Path) -> bool:
    """Return whether the branch `evidence` is known here, as a branch or as the remote's."""
    return any(tip(root, ref) for ref in (LOCAL, TRACKED))


def make_evidence_branch(root: Path, readme: str) -> str:
    """Make the branch `evidence` with one file and no history in common with main; return its commit."""
    blob = git(root, "hash-object", "-w", "--stdin", given=readme).strip()
    tree = git(root, "mktree", given=f"100644 blob {blob}\tREADME.md\n").strip()
    message = "Begin the record of evidence\n\nOne file for each digest; files are added, never changed.\n"
    commit = git(root, "commit-tree", tree, "-F", "-", given=message, **IDENTITY).strip()
    git(root, "update-ref", LOCAL, commit, NOTHING)
    return commit
