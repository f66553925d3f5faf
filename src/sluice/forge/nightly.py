"""The one issue about the main branch: opened when a nightly verdict turns, kept up to date, closed when it is well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.forge.answers import Answer, Body, Number, User, read
from sluice.forge.client import GitHub
from sluice.forge.comment import MOST_CHARACTERS
from sluice.forge.failures import ForgeError
from sluice.forge.sticky import Outcome, Posted, put

MARKER = "<!-- sluice:nightly -->"
MOST_NIGHTS = 14
"""So many earlier nights are listed."""

_NIGHT = re.compile(r"^- \d{4}-\d{2}-\d{2} .{1,400}$", re.MULTILINE)
_HISTORY = "<!-- sluice:nights -->"


class _Issue(Answer):
    number: Number
    body: Body | None = None
    user: User | None = None
    pull_request: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Night:
    """What a night found: whether main is well, a title of one line, the report, and a line for the history."""

    well: bool
    title: str
    report: str
    line: str


@dataclass(frozen=True, slots=True)
class Issues:
    """The open issues of a repository that carry our marker and were written by `author`."""

    github: GitHub
    author: str
    title: str

    def ours(self) -> Sequence[Posted]:
        """Read every open issue; pull requests are issues too, and are left out."""
        mine = [one for one in self._all() if one.user and one.user.login.casefold() == self.author.casefold()]
        marked = [one for one in mine if one.pull_request is None and (one.body or "").startswith(MARKER)]
        return [Posted(one.number, one.body or "") for one in sorted(marked, key=lambda one: one.number)]

    def _all(self) -> Iterator[_Issue]:
        for one in self.github.pages("issues", state="open"):
            yield read(_Issue, one, "an issue")

    def create(self, body: str) -> int:
        """Open an issue."""
        value = self.github.send("POST", "issues", {"title": self.title, "body": body})
        issue = read(_Issue, value, "the new issue")
        if issue.user is None or issue.user.login.casefold() != self.author.casefold():
            login = issue.user.login if issue.user else "nobody"
            self.remove(Posted(issue.number, body))
            raise ForgeError(f"this token writes as {login}, not as {self.author}: set SLUICE_FORGE_AUTHOR to {login}")
        return issue.number

    def edit(self, posted: Posted, body: str) -> None:
        """Replace title and text."""
        self.github.send("PATCH", f"issues/{posted.id}", {"title": self.title, "body": body})

    def remove(self, posted: Posted) -> None:
        """Close a second issue; issues cannot be deleted."""
        self.close(posted.id, "not_planned")

    def close(self, number: int, reason: str) -> None:
        """Close an issue for a reason that the forge knows."""
        self.github.send("PATCH", f"issues/{number}", {"state": "closed", "state_reason": reason})


def tell(github: GitHub, author: str, night: Night) -> Outcome | None:
    """Open, update or close the issue; None where main is well and no issue was open."""
    issues = Issues(github, author, night.title)
    if not night.well:
        return put(github, issues, lambda previous: _body(night, previous))
    closed: Outcome | None = None
    for posted in issues.ours():
        issues.edit(posted, _body(night, posted.body))
        issues.close(posted.id, "completed")
        closed = Outcome("edited", posted.id)
    return closed


def _body(night: Night, previous: str | None) -> str:
    history = (previous or "").partition(_HISTORY)[2]
    earlier = [line for line in _NIGHT.findall(history) if line != f"- {night.line}"]
    lines = [f"- {night.line}", *earlier][:MOST_NIGHTS]
    tail = "\n".join(["", _HISTORY, "Nights, newest first:", "", *lines])
    head = f"{MARKER}\n{night.report.rstrip()}\n"
    if len((head + tail).encode("utf-8")) > MOST_CHARACTERS:
        raise ForgeError(f"the report has more than {MOST_CHARACTERS:,} bytes, which no issue can hold")
    return head + tail
