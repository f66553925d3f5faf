"""In GitHub Actions the runner carries out lines of a log that look like commands: no line of ours does by accident.

A prompt, a row or an answer may hold `::set-output …` or `##[add-mask]`; printed, it would be obeyed. Commands that we
mean go around the guard (`command`). Outside of Actions nothing is changed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from sluice.report.neutral import BREAK

_LINES = re.compile(r"[\r\n]")
_COMMAND = re.compile(r"\A(\s*:)(?=:)")
_OLD_COMMAND = re.compile(r"##(?=\[)")
_JSON = re.compile(r"\s*[\[{\"]")


class GuardedStream:
    """A text stream that holds back the line that is being written, and passes on lines that command nothing."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._line = ""

    def write(self, text: str) -> int:
        """Take text; a line goes on when it is complete."""
        *lines, self._line = self._split(self._line + text)
        for line in lines:
            self.stream.write(harmless(line))
        return len(text)

    def _split(self, text: str) -> list[str]:
        ends = [match.end() for match in _LINES.finditer(text)]
        return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]

    def flush(self) -> None:
        """Pass on what is complete."""
        self.stream.flush()

    def finish(self) -> None:
        """Pass on the rest."""
        self.stream.write(harmless(self._line))
        self._line = ""
        self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def harmless(line: str) -> str:
    """Return a line that the runner takes for text; in a line of JSON the value stays what it is."""
    if "::" not in line and "##[" not in line:
        return line
    broken = _COMMAND.sub(rf"\1{BREAK}", line)
    if _JSON.match(broken):
        return broken.replace("##[", "##\\u005b")
    return _OLD_COMMAND.sub(f"##{BREAK}", broken)


def command(line: str) -> None:
    """Print a workflow command that is meant; its text must be escaped."""
    stream = sys.stdout
    print(line, file=stream.stream if isinstance(stream, GuardedStream) else stream)


@contextmanager
def guarded() -> Iterator[None]:
    """Guard both output streams while a verb runs, in Actions only."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        yield
        return
    before = sys.stdout, sys.stderr
    streams = GuardedStream(sys.stdout), GuardedStream(sys.stderr)
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in streams:
            stream.finish()
