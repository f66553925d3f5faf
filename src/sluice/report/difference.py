"""The difference of two outputs, word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MOST_WORDS = 600
"""Words of one side that are compared; the comparison is quadratic, and a report shows less anyway."""
MOST_PAIRS = 90_000
"""Pairs of words between the common ends; texts that differ in more are told as wholes there."""
RELATED = 0.25
"""Below this similarity two texts are told apart as wholes: word by word they would be a mosaic."""
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
ELLIPSIS = "\u2026"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text of one side; `changed` where the other side does not have it."""

    text: str
    changed: bool


Pieces = tuple[Piece, ...]


def word_difference(base: str, head: str) -> tuple[Pieces, Pieces]:
    """Return both texts cut into kept and changed runs; each side's runs join to its text.

    Beyond `MOST_WORDS` words a side's tail is one run, changed where the tails differ.
    """
    if base == head:
        return _pieces([(base, False)]), _pieces([(head, False)])
    before, before_tail = _split(base)
    after, after_tail = _split(head)
    tail_changed = before_tail != after_tail
    left, right = _compared(before, after)
    return (
        _pieces([*left, (before_tail, tail_changed)]),
        _pieces([*right, (after_tail, tail_changed)]),
    )


def marked(pieces: Iterable[Piece], opening: str, closing: str) -> str:
    """Return the runs as one text, the changed ones between two marks, blanks at their ends outside of the marks."""
    return "".join(_marked(piece, opening, closing) if piece.changed else piece.text for piece in pieces)


def shortened(pieces: Sequence[Piece], limit: int) -> Pieces:
    """Return the runs cut to about `limit` characters: kept text first loses its middle, then the tail goes."""
    total = sum(len(piece.text) for piece in pieces)
    if total <= limit:
        return tuple(pieces)
    context = max(20, limit // 6)
    last = len(pieces) - 1
    cut = [piece if piece.changed else _around(piece, context, i == 0, i == last) for i, piece in enumerate(pieces)]
    return _pieces(_limited(cut, limit))


def _split(text: str) -> tuple[list[str], str]:
    words = _WORDS.findall(text)
    return words[:MOST_WORDS], "".join(words[MOST_WORDS:])


Runs = list[tuple[str, bool]]


def _compared(before: list[str], after: list[str]) -> tuple[Runs, Runs]:
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    left, right = _matched(before[start : len(before) - end], after[start : len(after) - end], alone=not start + end)
    head, tail = ("".join(before[:start]), False), ("".join(before[len(before) - end :]), False)
    return [head, *left, tail], [head, *right, tail]


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    """Return how many words both begin with."""
    pairs = zip(before, after, strict=False)
    return next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(before), len(after)))


def _matched(before: Sequence[str], after: Sequence[str], *, alone: bool) -> tuple[Runs, Runs]:
    """Match the words; unrelated ones (all of them, where the texts share no end) are one change."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if (alone and matcher.ratio() < RELATED) or len(before) * len(after) > MOST_PAIRS:
        return [("".join(before), True)], [("".join(after), True)]
    left: Runs = []
    right: Runs = []
    operations = matcher.get_opcodes()
    for index, (tag, i1, i2, j1, j2) in enumerate(operations):
        kept, other = "".join(before[i1:i2]), "".join(after[j1:j2])
        # A blank between two changed words reads as part of the change.
        changed = tag != "equal" or (0 < index < len(operations) - 1 and kept.isspace())
        left.append((kept, changed))
        right.append((other, changed))
    return left, right


def _pieces(runs: Iterable[tuple[str, bool]]) -> Pieces:
    """Join neighbours of one kind and drop empty runs."""
    joined: list[Piece] = []
    for text, changed in runs:
        if not text:
            continue
        if joined and joined[-1].changed == changed:
            joined[-1] = Piece(joined[-1].text + text, changed)
        else:
            joined.append(Piece(text, changed))
    return tuple(joined)


def _marked(piece: Piece, opening: str, closing: str) -> str:
    before, core, after = around(piece.text)
    return f"{before}{opening}{core}{closing}{after}"


def around(text: str) -> tuple[str, str, str]:
    """Return (blanks before, the rest, blanks after); a text of blanks alone is its own rest."""
    core = text.strip() or text
    start = text.index(core)
    return text[:start], core, text[start + len(core) :]


def _around(piece: Piece, context: int, first: bool, last: bool) -> Piece:
    """Keep the text beside the changes: the end of the first run, the start of the last, both ends between."""
    text = piece.text
    if len(text) <= 2 * context + 3:
        return piece
    start = "" if first and not last else text[:context].rstrip() + " "
    end = "" if last else " " + text[-context:].lstrip()
    return Piece(f"{start}{ELLIPSIS}{end}", False)


def _limited(pieces: Iterable[Piece], limit: int) -> Iterator[tuple[str, bool]]:
    left = limit
    for piece in pieces:
        if len(piece.text) > left:
            yield piece.text[:left], piece.changed
            yield ELLIPSIS, False
            return
        yield piece.text, piece.changed
        left -= len(piece.text)
