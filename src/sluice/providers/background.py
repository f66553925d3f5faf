"""An event loop in a thread of its own, so that calls go on (and are timed) while the caller works."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """Runs coroutines for synchronous callers. The thread starts at the first call and ends at `close`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether there is a loop; `call` starts one."""
        return self._loop is not None

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and return what it returns, or raise what it raises."""
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("a call from the loop's own thread would wait for itself")
        return asyncio.run_coroutine_threadsafe(coroutine, self._running()).result()

    def close(self) -> None:
        """Stop the loop and wait for its thread. Nothing happens where none was started."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # A daemon, so that a caller who forgets to close does not keep the process alive.
            self._thread = threading.Thread(target=self._loop.run_forever, name="provider-calls", daemon=True)
            self._thread.start()
        return self._loop
