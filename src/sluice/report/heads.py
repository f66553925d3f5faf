"""The heads that one pull request has had judged: carried from one text of its comment to the next, unseen."""

from __future__ import annotations

import json
import re
from typing import Annotated

from pydantic import Field, ValidationError

from sluice.report.stored import WordText
from sluice.stored import Count, Stored

MOST_HEADS = 20
"""So many are kept with their figures; older ones are only counted."""
MOST_CHARACTERS = 300
MOST_BYTES = 12_000
"""Of the hidden line; escaped, a character may take twelve."""
_LINE = re.compile(r"^<!-- sluice:heads (\{[\x20-\x7e]{0,40000}\}) -->$", re.MULTILINE)
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]{1,100}(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+){1,12}")

Commit = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
Told = Annotated[str, Field(max_length=MOST_CHARACTERS)]


class JudgedHead(Stored):
    """One head: its commit, its verdict, the figures of it in words, and where it was judged."""

    head: Commit
    word: WordText
    told: Told
    run: Told = ""


class Heads(Stored):
    """The heads in the order in which they were judged last; `judged` counts those that were dropped too."""

    judged: Count = 0
    heads: Annotated[tuple[JudgedHead, ...], Field(max_length=MOST_HEADS)] = ()

    def with_head(self, head: JudgedHead) -> Heads:
        """Return the heads with one more; a head that was judged before is moved to the end, and counted once."""
        others = tuple(one for one in self.heads if one.head != head.head)
        new = len(others) == len(self.heads)
        added = Heads(judged=self.judged + new, heads=(*others, head)[-MOST_HEADS:])
        while len(hidden(added)) > MOST_BYTES:
            added = Heads(judged=added.judged, heads=added.heads[1:])
        return added


def read_heads(text: str | None) -> Heads:
    """Return the heads that a comment carries; none where it carries none, or anything that we did not write."""
    found = _LINE.search(text or "")
    if found is None:
        return Heads()
    try:
        heads = Heads.model_validate_json(found.group(1))
    except (ValidationError, RecursionError):
        return Heads()
    unique = {one.head for one in heads.heads}
    return heads if len(unique) == len(heads.heads) <= heads.judged else Heads()


def hidden(heads: Heads) -> str:
    """Return the heads as an HTML comment of one line, which no text inside it can end."""
    data = json.dumps(heads.model_dump(), ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    escaped = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("--", "-\\u002d")
    return f"<!-- sluice:heads {escaped} -->"


def address(url: str) -> str:
    """Return an address that may be linked to, or nothing: plain http(s), no user, no query, no marks."""
    return url if len(url) <= MOST_CHARACTERS and _ADDRESS.fullmatch(url) else ""
