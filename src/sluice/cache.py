"""Content-addressed completions: the same request to the same model is answered once.

Latency, canary, smoke and identity calls never read or write it (GATE 2).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sluice.errors import CannotJudge
from sluice.providers.base import Completion

_CHUNK = 500


class CompletionCache:
    """A SQLite file of completions by key; a broken or foreign file is set aside, never trusted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _open_or_set_aside(path)
        except (OSError, sqlite3.Error) as error:
            raise CannotJudge(f"cannot use {path}: {error}; make it writable, or delete it") from None

    @classmethod
    def reading(cls, path: Path) -> CompletionCache:
        """Open an existing file for reading; nothing is written, not even beside it.

        Raises CannotJudge where it is no such file. Without a log beside it no writer is at work, and SQLite need
        not coordinate, which takes a file that can be written.
        """
        mode = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
        cache = cls.__new__(cls)
        cache._path = path
        try:
            cache._connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=30)
            cache._connection.execute("SELECT key, value FROM completions LIMIT 1").fetchall()
        except sqlite3.Error as error:
            raise CannotJudge(f"cannot read {path}: {error}") from None
        return cache

    def get(self, keys: Iterable[str]) -> dict[str, Completion]:
        """Return key -> completion for those that are known."""
        wanted = list(keys)
        found: dict[str, Completion] = {}
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            query = f"SELECT key, value FROM completions WHERE key IN ({marks})"  # noqa: S608 - only question marks
            found.update((key, decode(json.loads(value))) for key, value in self._connection.execute(query, chunk))
        return found

    def items(self) -> Iterator[tuple[str, Completion]]:
        """Yield every (key, completion), by key."""
        for key, value in self._connection.execute("SELECT key, value FROM completions ORDER BY key"):
            yield key, decode(json.loads(value))

    def put(self, completions: Mapping[str, Completion]) -> None:
        """Store completions in one transaction; a known key keeps its first answer."""
        rows = [(key, json.dumps(encode(value))) for key, value in completions.items()]
        self._write("INSERT OR IGNORE INTO completions VALUES (?, ?)", rows)

    def remove(self, keys: Iterable[str]) -> None:
        """Forget completions."""
        self._write("DELETE FROM completions WHERE key = ?", [(key,) for key in keys])

    def _write(self, statement: str, rows: Sequence[tuple[str, ...]]) -> None:
        try:
            with self._connection:
                self._connection.executemany(statement, rows)
        except sqlite3.Error as error:
            raise CannotJudge(f"cannot write {self._path}: {error}; the journal keeps what was answered") from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _open_or_set_aside(path: Path) -> sqlite3.Connection:
    """Open the file; one that is no database is kept under another name, one that cannot be opened is an error."""
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        path.replace(path.with_suffix(".broken"))
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS completions (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
    )
    connection.commit()
    return connection


def encode(completion: Completion) -> dict[str, object]:
    """Return a completion as JSON data."""
    data: dict[str, object] = {
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "latency": completion.latency,
        "attempts": completion.attempts,
    }
    if completion.first_token is not None:
        data["first_token"] = completion.first_token
    if completion.logprobs is not None:
        data["logprobs"] = list(completion.logprobs)
    return data


def decode(data: Mapping[str, object]) -> Completion:
    """Return the completion that `encode` wrote."""
    completion = Completion(**data)  # type: ignore[arg-type]
    return completion if completion.logprobs is None else replace(completion, logprobs=tuple(completion.logprobs))
