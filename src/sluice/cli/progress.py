"""Progress on standard error: a bar for people, a few lines for CI."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from sluice.gate.verdict import Word


class LineWatcher:
    """Writes one line at the start and at each look: enough for a log."""

    def __init__(self) -> None:
        self.done: dict[str, int] = {}
        self.total: dict[str, int] = {}
        self.started = time.monotonic()

    def __enter__(self) -> LineWatcher:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def planned(self, suite: str, calls: int, done: int) -> None:
        """Say how much there is to do."""
        self.total[suite], self.done[suite] = calls, done
        self._say(f"{suite}: {calls} completions, {done} known already")

    def advanced(self, suite: str, calls: int) -> None:
        """Count, and say nothing."""
        self.done[suite] += calls

    def extended(self, suite: str, calls: int, why: str) -> None:
        """Say that there is more to do, and why."""
        self.total[suite] += calls
        self._say(f"{suite}: {calls} more completions: {why}")

    def looked(self, suite: str, look: int, looks: int, word: Word | None) -> None:
        """Say what an interim look found."""
        found = f": {word}" if word else ""
        self._say(f"{suite}: look {look} of {looks}, {self.done[suite]} of {self.total[suite]} answered{found}")

    def _say(self, message: str) -> None:
        print(f"[{time.monotonic() - self.started:5.1f}s] {message}", file=sys.stderr, flush=True)


class BarWatcher:
    """A live bar for each suite: completions, rate, time left and the interim verdict."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[word]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, Any] = {}
        self._fresh: dict[str, tuple[int, float]] = {}

    def __enter__(self) -> BarWatcher:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def planned(self, suite: str, calls: int, done: int) -> None:
        """Start a bar."""
        self._tasks[suite] = self._bars.add_task(suite, total=calls, completed=done, rate="loading the model", word="")
        self._fresh[suite] = (0, time.monotonic())

    def advanced(self, suite: str, calls: int) -> None:
        """Move the bar."""
        count, since = self._fresh[suite]
        self._fresh[suite] = (count + calls, since)
        rate = (count + calls) / max(1e-3, time.monotonic() - since)
        self._bars.update(self._tasks[suite], advance=calls, rate=f"{rate:.0f}/s")

    def extended(self, suite: str, calls: int, why: str) -> None:
        """Lengthen the bar and show why."""
        task = self._tasks[suite]
        total = next(bar.total for bar in self._bars.tasks if bar.id == task)
        self._bars.update(task, total=(total or 0) + calls, word=why)

    def looked(self, suite: str, look: int, looks: int, word: Word | None) -> None:
        """Show the interim verdict."""
        self._bars.update(self._tasks[suite], word=f"look {look}/{looks}{f': {word}' if word else ''}")
