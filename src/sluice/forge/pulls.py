"""Pull requests: the one that a run belongs to, what it changes, and who may say something about it."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sluice.forge.answers import Answer, ChangedFile, PullRequest, Sha, User, read
from sluice.forge.client import GitHub
from sluice.forge.event import FinishedRun
from sluice.forge.failures import ForgeError, Missing

MOST_FILES = 300
"""A comparison names no more files than this; where it names as many, some may be missing."""
MOST_COMMITS = 250
"""A pull request lists no more commits than this."""


@dataclass(frozen=True, slots=True)
class Found:
    """A run's pull request; `current` tells whether the run judged what is its head now."""

    pull: PullRequest
    current: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What a head changes since it left the base; `complete` is false where the forge may name only a part."""

    files: tuple[ChangedFile, ...]
    merge_base: str
    complete: bool


class _Commit(Answer):
    sha: Sha


class _Comparison(Answer):
    merge_base_commit: _Commit
    files: list[ChangedFile] = []


class _Merge(Answer):
    parents: list[_Commit] = []


class _Authored(_Merge):
    author: User | dict[str, Any] | None = None
    """An empty object where the forge knows no account of the author."""


class _Permission(Answer):
    permission: str


def pull_request(github: GitHub, number: int) -> PullRequest:
    """Return a pull request as it is now."""
    return read(PullRequest, github.get(f"pulls/{number}"), f"pull request #{number}")


def pull_of_run(github: GitHub, run: FinishedRun, default_branch: str) -> Found | None:
    """Return the open pull request whose head a run judged, by the trusted payload's branch and SHA.

    `commits/SHA/pulls` knows nothing of commits that only a fork has, so the branch is asked for.
    """
    there = run.head_repository
    if there is None or there.owner is None or run.head_branch is None:
        return None
    head = f"{there.owner.login}:{run.head_branch}"
    listed = islice(github.pages("pulls", state="open", head=head), 100)
    pulls = [read(PullRequest, one, "the list of pull requests") for one in listed]
    same = [one for one in pulls if one.is_open and one.head.repo is not None and one.head.repo.id == there.id]
    same = [one for one in same if one.head.ref == run.head_branch]
    chosen = _only([one for one in same if one.head.sha == run.head_sha], default_branch)
    if chosen is not None:
        return Found(chosen, current=True)
    moved = _only(same, default_branch)
    return None if moved is None else Found(moved, current=False)


def _only(pulls: list[PullRequest], default_branch: str) -> PullRequest | None:
    """Return the one meant: a branch may be proposed for several others, and then the default branch counts."""
    if len(pulls) > 1:
        pulls = [one for one in pulls if one.base.ref == default_branch]
    return pulls[0] if len(pulls) == 1 else None


def changes(github: GitHub, base: str, head: str) -> Changes:
    """Return what `head` changes since it left `base`; both are hashes, so nothing can move meanwhile."""
    where = f"the comparison of {base[:7]} and {head[:7]}"
    found = read(_Comparison, github.get(f"compare/{base}...{head}", per_page=1), where)
    return Changes(tuple(found.files), found.merge_base_commit.sha, len(found.files) < MOST_FILES)


def belongs_to(github: GitHub, commit: str, head: str) -> bool:
    """Tell whether a commit is the head, or a merge of it as the forge makes one for each pull request."""
    if commit == head:
        return True
    try:
        value = github.get(f"git/commits/{urllib.parse.quote(commit, safe='')}")
    except Missing:
        return False
    return head in {parent.sha for parent in read(_Merge, value, "a commit").parents}


def may_write(github: GitHub, login: str) -> bool:
    """Tell whether a person may push here, as the forge itself says: never by what a comment claims."""
    try:
        value = github.get(f"collaborators/{urllib.parse.quote(login, safe='')}/permission")
    except Missing:
        return False
    return read(_Permission, value, "the permission of a collaborator").permission in {"admin", "write"}


def authors(github: GitHub, pull: PullRequest) -> set[str]:
    """Return who wrote a pull request, in lower case: who opened it, and the authors of its commits but for merges."""
    written = [_authored(one) for one in github.pages(f"pulls/{pull.number}/commits")]
    if len(written) >= MOST_COMMITS:
        raise ForgeError(f"pull request #{pull.number} has {MOST_COMMITS} commits or more; split or squash it")
    people = [one.author for one in written if len(one.parents) < 2] + [pull.user]
    return {person.login.lower() for person in people if isinstance(person, User)}


def _authored(value: Any) -> _Authored:
    return read(_Authored, value, "a commit of the pull request")
