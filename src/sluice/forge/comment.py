"""Comments on a pull request: the one report, the replies to commands, and which run a report tells about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from sluice.forge.answers import Answer, Comment, Number, Sha, read
from sluice.forge.client import GitHub
from sluice.forge.failures import ForgeError
from sluice.forge.sticky import Outcome, Posted, Render, put

MARKER = "<!-- sluice:report -->"
MOST_CHARACTERS = 65_536
"""GitHub answers 422 to a longer comment; bytes are held to the same bound, which no reading of it exceeds."""

_RUN = re.compile(r"<!-- sluice:run (\{[^{}<>]{1,300}\}) -->\s*\Z")
_NOTE = re.compile(r"<!-- sluice:note -->.*?<!-- /sluice:note -->\n*", re.DOTALL)


class RunMark(Answer):
    """Which head a report tells about, and which run of which attempt told it."""

    head: Sha
    run: Number
    attempt: Number
    rendered: Number | None = None
    """The run that rendered this head, where a command judged it again."""

    @property
    def order(self) -> tuple[int, int]:
        """Later runs, and later attempts of one run, count more."""
        return self.run, self.attempt


def stamped(text: str, mark: RunMark) -> str:
    """Return a report that ends with its mark."""
    body = f"{text.rstrip()}\n\n<!-- sluice:run {json.dumps(mark.model_dump(exclude_none=True), sort_keys=True)} -->"
    if len(body.encode("utf-8")) > MOST_CHARACTERS:
        raise ForgeError(f"the report has more than {MOST_CHARACTERS:,} bytes, which no comment can hold")
    return body


def mark_of(body: str | None) -> RunMark | None:
    """Return the mark that a report ends with; None where it has none or was tampered with."""
    found = _RUN.search(body or "")
    try:
        return RunMark.model_validate_json(found.group(1)) if found else None
    except ValidationError:
        return None


def superseded(previous: RunMark | None, ours: RunMark, current_head: str) -> str | None:
    """Say why what is already posted must stay; None where ours may replace it. Runs may end in any order."""
    if previous is None:
        return None
    if previous.head == current_head and ours.head != current_head:
        return f"the report of the newer head {current_head[:7]} is already there"
    if previous.head == ours.head and previous.order > ours.order:
        return f"the report of the later run {previous.run} is already there"
    return None


def with_note(body: str, note: str) -> str | None:
    """Return a posted report with a note below its marker, instead of an earlier one; None where there is no room.

    `note` is one line of our own Markdown: nothing that others wrote belongs into it.
    """
    clean = _NOTE.sub("", body)
    place = clean.find(MARKER) + len(MARKER)
    if place < len(MARKER):
        return None
    told = f"\n<!-- sluice:note -->\n> [!NOTE]\n> {note}\n<!-- /sluice:note -->\n"
    noted = clean[:place] + told + clean[place:].removeprefix("\n")
    return noted if len(noted.encode("utf-8")) <= MOST_CHARACTERS else None


@dataclass(frozen=True, slots=True)
class Comments:
    """The comments of one issue or pull request that carry a marker and were written by `author`."""

    github: GitHub
    number: int
    marker: str
    author: str

    def ours(self) -> Sequence[Posted]:
        """Read every page; a marker that somebody else wrote is no marker."""
        return [Posted(one.id, one.body or "") for one in sorted(self.written(), key=lambda one: one.id)]

    def written(self) -> Iterator[Comment]:
        """Yield our comments as the forge tells them, in any order."""
        for value in self.github.pages(f"issues/{self.number}/comments"):
            one = read(Comment, value, "a comment")
            ours = one.user is not None and _same(one.user.login, self.author)
            if ours and (one.body or "").startswith(self.marker):
                yield one

    def create(self, body: str) -> int:
        """Write a new comment; its author must be the one that we look for, or it would never be found again."""
        value = self.github.send("POST", f"issues/{self.number}/comments", {"body": body})
        comment = read(Comment, value, "the new comment")
        if comment.user is None or not _same(comment.user.login, self.author):
            login = comment.user.login if comment.user else "nobody"
            self.remove(Posted(comment.id, body))
            raise ForgeError(
                f"this token writes as {login}, not as {self.author}: set SLUICE_FORGE_AUTHOR to {login} for this "
                "step; the comment was taken back, because a later run would not find it"
            )
        return comment.id

    def edit(self, posted: Posted, body: str) -> None:
        """Replace a comment's text."""
        self.github.send("PATCH", f"issues/comments/{posted.id}", {"body": body})

    def remove(self, posted: Posted) -> None:
        """Delete a comment."""
        self.github.send("DELETE", f"issues/comments/{posted.id}")


def find_report(github: GitHub, number: int, author: str) -> Comment | None:
    """Return the report of a pull request, None where it has none."""
    comments = Comments(github, number, MARKER, author)
    return min(comments.written(), key=lambda one: one.id, default=None)


def put_report(github: GitHub, number: int, author: str, render: Render) -> Outcome:
    """Bring a pull request to exactly one report."""
    return put(github, Comments(github, number, MARKER, author), render)


def reply(github: GitHub, number: int, author: str, command: int, text: str, *, keep: bool = False) -> Outcome:
    """Answer a command, once however often the job runs; a later answer replaces the earlier one, but for `keep`."""
    marker = f"<!-- sluice:reply {command} -->"
    comments = Comments(github, number, marker, author)
    return put(github, comments, lambda previous: None if keep and previous else f"{marker}\n{text}")


def react(github: GitHub, command: int, content: str) -> None:
    """Put a reaction (`eyes`, `rocket`, `confused`) on a comment; a second one of the same kind changes nothing."""
    github.send("POST", f"issues/comments/{command}/reactions", {"content": content})


def _same(login: str, other: str) -> bool:
    return login.casefold() == other.casefold()
