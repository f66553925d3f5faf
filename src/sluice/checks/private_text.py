"""Rules about credentials and personal data in the text of the ground floor. Findings never repeat what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import TypeAlias

from sluice.catalog import DIRECTORIES
from sluice.checks.case_ids import MOST
from sluice.checks.personal_shapes import find_personal_data
from sluice.checks.rule import Context, rules
from sluice.checks.secret_shapes import find_secrets
from sluice.errors import Finding

Finder: TypeAlias = Callable[[bytes], Iterator[tuple[int, str]]]

_TEXT = {".yaml", ".yml", ".jsonl", ".md", ".py", ".txt"}
_CHUNK = 4_000_000


def _private(context: Context) -> Iterator[Finding]:
    allowed = {path for dataset in context.catalog.datasets.values() if dataset.value.personal_data
               for path in (dataset.path, dataset.rows_path)}  # fmt: skip
    for path, data in _texts(context):
        yield from _scan(path, data, find_secrets, "secret", "no credentials in files",
                         "revoke it now, then remove it; pass credentials through the environment")  # fmt: skip
        if path not in allowed:
            yield from _scan(path, data, find_personal_data, "personal-data", "no personal data",
                             "write an example (example.com, 192.0.2.1), or declare personal_data: true")  # fmt: skip


def _texts(context: Context) -> Iterator[tuple[str, bytes]]:
    tree = context.catalog.tree
    loaded = {dataset.rows_path: dataset.data for dataset in context.catalog.datasets.values()}
    for directory in DIRECTORIES.values():
        for path in tree.paths(directory):
            if PurePosixPath(path).suffix in _TEXT and not tree.escapes(path):
                yield path, loaded.get(path) or tree.read(path)


def _scan(path: str, data: bytes, find: Finder, rule: str, expected: str, fix: str) -> Iterator[Finding]:
    found, line = 0, 1
    for chunk in _chunks(data):
        for offset, kind in find(chunk):
            before = chunk[:offset]
            column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
            found += 1
            if found > MOST:
                return
            yield Finding(path, line + before.count(b"\n"), column, rule, kind, expected, fix)
        line += chunk.count(b"\n") if len(chunk) < len(data) else 0


def _chunks(data: bytes) -> Iterator[bytes]:
    """Split at line feeds, so that a copy for searching stays small."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _CHUNK) + 1 or len(data)
        yield data[start:end]
        start = end


RULES = rules(
    _private,
    {
        "secret": "No credentials in files.",
        "personal-data": "No personal data, unless the card declares it.",
    },
)
