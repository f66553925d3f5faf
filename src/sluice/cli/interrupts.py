"""Ctrl-C and a cancelled job: the first ends the command in order, the second one at once, both with exit code 4."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from types import FrameType

from sluice.errors import ExitCode

MESSAGE = "interrupted; what was done stays, what was answered is kept; the same command goes on from there"
_SHOW_CURSOR = "\x1b[?25h"


def take_over() -> None:
    """Answer SIGINT and SIGTERM (CI cancels with it) from now on; only the main thread can.

    A signal that was ignored when the process began (`nohup`) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    seen = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if seen:
            _end_at_once()
        seen = True
        # Python gives both signals their deadly default back while it shuts down: then nothing is left to interrupt.
        atexit.register(_ignore_more)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def _ignore_more() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _end_at_once() -> None:
    """Leave without any clean-up: a journal loses nothing by it, for its records are whole or dropped when reopened."""
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    os.write(2, f"{cursor}\nsluice: {MESSAGE}\n".encode())
    os._exit(int(ExitCode.CANNOT_JUDGE))
