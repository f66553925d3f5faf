"""One journal out of several of one run: of shards, of an interrupted run and its continuation, of an earlier merge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sluice.errors import CannotJudge
from sluice.journal import encode

Records = list[dict[str, Any]]


def joined(suite: str, journals: Sequence[Records]) -> Records:
    """Return the journal that holds what all of these hold, each record once, in an order that only contents decide.

    They must begin alike: one plan, made from one cache. Raises CannotJudge where they do not, and where two of them
    have answers of their own to one call: no rule could say which is the right one.
    """
    head = journals[0][: _head(journals[0])]
    tails = [journal[len(head) :] for journal in journals]
    if any(journal[: len(head)] != head for journal in journals):
        raise CannotJudge(
            f"two runs of {suite} were planned apart, so they do not add up: shards of one run start from the same "
            "revisions, options, number of shards and cache"
        )
    lines = [{encode(record): record for record in tail} for tail in tails]
    holders = _holders(lines)
    _refuse_contradictions(suite, lines, holders)
    ordered: dict[bytes, dict[str, Any]] = {}
    for tail in sorted(lines, key=lambda tail: (-len(tail), _first_batch(tail.values()), *tail)):
        ordered |= {line: record for line, record in tail.items() if line not in ordered}
    return [*head, *ordered.values()]


def _head(journal: Records) -> int:
    """Return how many records say what was planned, and what was known before."""
    return 1 + int(journal[0].get("reused", 0))


def _holders(lines: Sequence[dict[bytes, dict[str, Any]]]) -> dict[bytes, set[int]]:
    holders: dict[bytes, set[int]] = {}
    for number, tail in enumerate(lines):
        for line in tail:
            holders.setdefault(line, set()).add(number)
    return holders


def _refuse_contradictions(
    suite: str, lines: Sequence[dict[bytes, dict[str, Any]]], holders: dict[bytes, set[int]]
) -> None:
    """A journal that goes on from another holds all of its records; two that do not are two runs."""
    seen: dict[str, list[set[int]]] = {}
    for line, record in ((line, record) for tail in lines for line, record in tail.items()):
        here = holders[line]
        for key in _keys(record):
            others = seen.setdefault(key, [])
            if any(not (here <= other or other <= here) for other in others):
                raise CannotJudge(
                    f"two runs of {suite} got answers of their own to one call; run each suite in one place only, "
                    "or each part of it (sluice eval --shard)"
                )
            if here not in others:
                others.append(here)


def _keys(record: dict[str, Any]) -> Iterator[str]:
    """Yield what a record answers; pairs that were timed are answered as a whole."""
    yield from record.get("outcomes", ())
    if "timed" in record:
        yield "timed"


def _first_batch(records: Any) -> int:
    return min((record["batch"] for record in records if record.get("batch", -1) >= 0), default=-1)
