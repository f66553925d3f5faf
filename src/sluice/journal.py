r"""Append-only journals: one checked line per record, safe against `kill -9` at any moment.

A line is `<crc32 hex> <canonical JSON>\\n`, written by one `write` call. When a journal is opened again, an
unterminated last line (a torn write) is dropped and counted; any other bad line is an error.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sluice.digest import canonical_json
from sluice.errors import CannotJudge

SYNC_EVERY = 0.25
"""Seconds between two waits for the disk. What was written outlives the process; only a power cut can cost these."""


class Journal:
    """One writer's journal file; `records` are those that were there when it was opened, until they are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise CannotJudge(f"cannot write {path}: {error.strerror}; make the directory writable") from None
        self._synced = float("-inf")
        self._lock()
        self.records, self.torn = self._recover()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise CannotJudge(f"another run is writing {self.path}; wait for it, or stop it") from None

    def _recover(self) -> tuple[list[dict[str, Any]], int]:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(self._descriptor, whole)
        return list(parse(self.path, data[:whole])), int(whole < len(data))

    def append(self, records: Iterable[dict[str, Any]]) -> None:
        """Write records, and force them to disk where that was not done just now."""
        data = b"".join(map(encode, records))
        if not data:
            return
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):
                raise OSError(f"{written} of {len(data)} bytes")
            if time.monotonic() - self._synced >= SYNC_EVERY:
                self._sync()
        except OSError as error:
            raise CannotJudge(f"cannot write {self.path}: {error}; nothing that was written before is lost") from None

    def restart(self) -> None:
        """Forget every record."""
        os.ftruncate(self._descriptor, 0)
        self.records = []

    def close(self) -> None:
        """Force what was written to disk; release the lock and the file."""
        try:
            self._sync()
        except OSError as error:
            raise CannotJudge(f"cannot write {self.path}: {error}; free some space and run again") from None
        finally:
            os.close(self._descriptor)

    def _sync(self) -> None:
        os.fsync(self._descriptor)
        self._synced = time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def encode(record: dict[str, Any]) -> bytes:
    """Return one line: checksum, a blank, canonical JSON, a line feed."""
    body = canonical_json(record)
    return b"%08x " % zlib.crc32(body) + body + b"\n"


def parse(path: Path, data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the records of complete lines; raise CannotJudge for a line that was damaged."""
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        checksum, _, body = line.partition(b" ")
        if checksum != b"%08x" % zlib.crc32(body):
            raise CannotJudge(f"{path}:{number} is damaged; delete the file and run again (cached answers stay)")
        yield json.loads(body)
