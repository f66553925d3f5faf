"""Output that is closed, full or no longer read: one sentence instead of a traceback, and no false `yes`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from sluice.errors import CannotJudge

CLOSED = "standard output is closed, so there is nowhere to print to; to see nothing, send it to /dev/null"


class DeliveringStream:
    """Standard output that raises CannotJudge where it cannot be written; BrokenPipeError stays what it is."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Pass on the text."""
        self._tried(lambda: self.stream.write(text))
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        """Pass on bytes as they are."""
        self.flush()
        self._tried(lambda: self.stream.buffer.write(data))

    def flush(self) -> None:
        """Hand over what was written."""
        self._tried(self.stream.flush)

    def _tried(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            # Python writes the rest while it shuts down, and would tell of its failure there.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            self._lost(error)

    def _lost(self, error: OSError) -> None:
        if isinstance(error, BrokenPipeError):
            raise error
        reason = error.strerror or type(error).__name__
        raise CannotJudge(
            f"cannot write to standard output ({reason}), so part of what was found is lost; run it again"
        ) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class HeedlessStream(DeliveringStream):
    """Standard error, which nobody has to hear: what cannot be written is dropped and changes no exit code."""

    def _lost(self, error: OSError) -> None:
        pass


@contextmanager
def speaking() -> Iterator[None]:
    """Let standard error be closed or full; all of it is handed over at the end."""
    before = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it lives as long as the process
    sys.stderr = HeedlessStream(before)
    try:
        yield
        sys.stderr.flush()
    finally:
        sys.stderr = before


@contextmanager
def delivering() -> Iterator[None]:
    """Watch standard output, and hand over everything at the end."""
    if sys.stdout is None:
        raise CannotJudge(CLOSED)
    before = sys.stdout
    sys.stdout = DeliveringStream(before)
    try:
        with suppress(BrokenPipeError):
            yield
            sys.stdout.flush()
    finally:
        sys.stdout = before
