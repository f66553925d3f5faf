"""Rules about credentials and personal data in the text of the ground floor. Findings never repeat what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from sluice.catalog import DIRECTORIES
from sluice.checks.row_groups import MOST
from sluice.checks.rule import Context, rules
from sluice.errors import Finding, last_told
from sluice.shapes import PERSONAL_DATA, SECRETS, Sieve, find_personal_data, find_secrets

_TEXT = {".yaml", ".yml", ".jsonl", ".md", ".py", ".txt"}


@dataclass(frozen=True, slots=True)
class _Search:
    """What is searched for, and what is said where it is found.

    `sieve` passes what `find` need not see; `size` is the bytes that are searched at once, up to the next line feed.
    """

    rule: str
    sieve: Sieve
    find: Callable[[bytes], Iterator[tuple[int, str]]]
    size: int
    expected: str
    fix: str


_SECRETS = _Search(
    "secret", SECRETS, find_secrets, 4_000_000, "no credentials in files",
    "revoke it now, then remove it; pass credentials through the environment",
)  # fmt: skip
# Smaller pieces: this is met in clean files more often, as numbers, and never goes on in the next line.
_PERSONAL_DATA = _Search(
    "personal-data", PERSONAL_DATA, find_personal_data, 256_000, "no personal data",
    "write an example (example.com, 192.0.2.1), or declare personal_data: true",
)  # fmt: skip


def _private(context: Context) -> Iterator[Finding]:
    allowed = {path for dataset in context.catalog.datasets.values() if dataset.value.personal_data
               for path in (dataset.path, dataset.rows_path)}  # fmt: skip
    for path, data in _texts(context):
        for search in (_SECRETS,) if path in allowed else (_SECRETS, _PERSONAL_DATA):
            yield from _scan(path, data, search)


def _texts(context: Context) -> Iterator[tuple[str, bytes]]:
    tree = context.catalog.tree
    loaded = {dataset.rows_path: dataset.data for dataset in context.catalog.datasets.values()}
    for directory in DIRECTORIES.values():
        for path in tree.paths(directory):
            if PurePosixPath(path).suffix in _TEXT and not tree.escapes(path):
                yield path, loaded.get(path) or tree.read(path)


def _scan(path: str, data: bytes, search: _Search) -> Iterator[Finding]:
    found, line, counted = 0, 1, 0
    for start, piece in _pieces(data, search):
        for offset, kind in search.find(piece):
            if found == MOST:
                return
            found, line, counted = found + 1, line + data.count(b"\n", counted, start), start
            before = piece[:offset]
            column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
            place = line + before.count(b"\n"), column
            one = Finding(path, *place, search.rule, kind, search.expected, search.fix)
            yield one if found < MOST else last_told(one, MOST)


def _pieces(data: bytes, search: _Search) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces that the sieve holds, each with the offset of its first byte."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + search.size) + 1 or len(data)
        piece = data[start:end]
        if search.sieve.holds(piece):
            yield start, piece
        start = end


RULES = rules(
    _private,
    {
        "secret": "No credentials in files.",
        "personal-data": "No personal data, unless the card declares it.",
    },
)
