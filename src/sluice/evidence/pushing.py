"""Brings the local branch `evidence` to the remote: fetch, put on top, push; again where another writer was faster."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from sluice.catalog import is_shallow
from sluice.errors import CannotJudge
from sluice.evidence.committing import add, unpushed
from sluice.evidence.git import (
    BRANCH,
    LOCAL,
    NOTHING,
    REMOTE,
    TRACKED,
    ask,
    blobs,
    complaint,
    lost,
    shown,
    tell,
    tip,
)

TRIES = 5
_LONGEST_WAIT = 2.0
"""Seconds before the second try; each further one may wait as much longer."""
_NO_SUCH_REF = 2
_RACES = (
    "non-fast-forward",
    "fetch first",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "reference already",
)
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")


class _TooLateError(Exception):
    """Another writer was faster; the same again may do."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the remote has now: its tip, what this push added to it, and what to say."""

    commit: str | None
    added: tuple[str, ...]
    words: tuple[str, ...]


def push(root: Path) -> Pushed:
    """Push what was recorded here and the remote lacks; both of two writers at once land.

    Raises CannotJudge where the remote cannot be reached, refuses the branch, or is written all the time.
    """
    if ask(root, "remote", "get-url", REMOTE).returncode:
        raise CannotJudge(f"there is no remote {REMOTE} to push the branch {BRANCH} to")
    before, local = tip(root, TRACKED), tip(root, LOCAL)
    pending = unpushed(root, before)
    for attempt in range(TRIES):
        try:
            fetched = fetch(root, before)
            written = add(root, fetched, pending)
            if written.commit is not None and written.commit != fetched:
                _send(root, written.commit)
        except _TooLateError:
            time.sleep(random.uniform(0, _LONGEST_WAIT * (attempt + 1)))
            continue
        _settle(root, written.commit, local)
        words = (*_rewritten(root, before, fetched), *_kept(root, fetched, pending))
        return Pushed(written.commit, written.added, words)
    raise CannotJudge(
        f"{REMOTE} was faster {TRIES} times: others are writing the branch {BRANCH}. What was recorded is kept here; "
        "run `sluice evidence record --push` again"
    )


def fetch(root: Path, before: str | None) -> str | None:
    """Fetch the branch and return its tip, None where the remote never had it; raise CannotJudge where it lost it."""
    seen = ask(root, "ls-remote", "--quiet", "--exit-code", REMOTE, LOCAL)
    if seen.returncode == _NO_SUCH_REF:
        if before is not None:
            raise CannotJudge(
                f"{REMOTE} has lost the branch {BRANCH} that it had. `git push {REMOTE} {TRACKED}:{LOCAL}` brings back "
                f"what is known here; `git update-ref -d {TRACKED}` and the same command again start anew"
            )
        return None
    depth = ["--depth=1"] if is_shallow(root) else []
    _ran(root, "fetch", "--quiet", "--no-tags", *depth, REMOTE, f"+{LOCAL}:{TRACKED}")
    return tip(root, TRACKED)


def fetch_quietly(root: Path) -> str:
    """Fetch the branch, and say what there is; a remote that never had it is no error."""
    if ask(root, "remote", "get-url", REMOTE).returncode:
        return f"there is no remote {REMOTE} to fetch the branch {BRANCH} from"
    before = tip(root, TRACKED)
    for _ in range(TRIES):
        try:
            fetched = fetch(root, before)
        except _TooLateError:
            continue
        if fetched is None:
            return f"{REMOTE} has no branch {BRANCH} yet; the first `sluice evidence record --push` on main makes it"
        return " ".join([f"{BRANCH} is at {fetched[:12]}", *_rewritten(root, before, fetched)])
    raise CannotJudge(f"the branch {BRANCH} could not be fetched: another process is writing it here")


def _rewritten(root: Path, before: str | None, fetched: str | None) -> tuple[str, ...]:
    gone = lost(root, before, fetched) if before and fetched else ()
    if not gone:
        return ()
    return (
        f"the branch {BRANCH} was rewritten on {REMOTE}: {len(gone)} files are gone or altered, first {shown(gone[0])}",
    )


def _kept(root: Path, fetched: str | None, pending: Mapping[str, str]) -> tuple[str, ...]:
    """Tell what another writer had recorded first: the earlier file stays."""
    known = blobs(root, fetched)
    other = [path for path, blob in pending.items() if known.get(path, blob) != blob]
    return tuple(f"{shown(path)} was recorded by another run first, and stays as it is" for path in other)


def _send(root: Path, commit: str) -> None:
    """Push one commit, never by force."""
    try:
        _ran(root, *_NO_HOOKS, "push", "--porcelain", "--quiet", REMOTE, f"{commit}:{LOCAL}")
    except CannotJudge as refusal:
        raise CannotJudge(f"{refusal}. What was recorded is kept here; `--push` again brings it there") from None


def _ran(root: Path, *words: str) -> None:
    """Talk to the remote; raise _TooLateError where somebody else was faster, CannotJudge for any other refusal."""
    done = ask(root, *words)
    if done.returncode == 0:
        return
    said = complaint(CompletedProcess(done.args, done.returncode, b"", done.stdout + b" " + done.stderr))
    if any(race in said for race in _RACES):
        raise _TooLateError
    raise CannotJudge(f"the branch {BRANCH} could not be brought to {REMOTE}: {said}")


def _settle(root: Path, commit: str | None, local: str | None) -> None:
    """Let what is known of the remote follow, and the local branch too unless it was written meanwhile."""
    if commit is not None:
        tell(root, "update-ref", TRACKED, commit)
        ask(root, "update-ref", LOCAL, commit, local or NOTHING)
