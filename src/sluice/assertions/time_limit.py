"""A limit on the time that a suite's own code may take, in the same process."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

SECONDS = 10.0
"""How long a suite's own code may take over one case, and to be loaded."""
_AGAIN = 0.5
"""Seconds after which code that swallowed the first interruption is interrupted again."""
Value = TypeVar("Value")


class TimeLimitReached(BaseException):
    """Code took too long. No `except Exception` in that code holds it up."""


def limited(call: Callable[[], Value], seconds: float) -> Value:
    """Return what the call returns; raise TimeLimitReached where it takes longer, whatever it returns then.

    In the main thread an alarm interrupts the call, in waits and in most loops in C too. In another thread, where
    there are no alarms, the call is left behind in a thread of its own.
    """
    if threading.current_thread() is threading.main_thread():
        return _with_alarm(call, seconds)
    return _left_behind(call, seconds)


def _with_alarm(call: Callable[[], Value], seconds: float) -> Value:
    late = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal late
        late = True
        raise TimeLimitReached

    started = time.monotonic()
    previous = signal.signal(signal.SIGALRM, interrupt)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        try:
            value = call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        # Once more: the alarm may have come on the way here.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous or signal.SIG_DFL)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - started)), interval)
    if late:
        raise TimeLimitReached
    return value


def _left_behind(call: Callable[[], Value], seconds: float) -> Value:
    answers: queue.SimpleQueue[tuple[Value | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        value, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeLimitReached from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]
