"""One server in flight: started, waited for until it is healthy, its log kept, and ended whatever happens."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice.errors import CannotJudge

Say = Callable[[str], None]
HEALTH = "/health"
_PAUSE = 0.2
_TELL_AFTER = 15.0
_END_SECONDS = 20.0
_TAIL = 2000
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A server on this machine is asked directly, whatever proxy the environment names."""


@dataclass(frozen=True, slots=True)
class Start:
    """One server to start: its name here, the command, what the environment adds, and what stops and removes it.

    Stopping is asked of whoever runs it, before the command itself is ended; what is left of it is removed last.
    """

    name: str
    words: tuple[str, ...]
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    stopping: tuple[str, ...] = ()
    removing: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Where it will answer."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Running:
    """A healthy server."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def wait(self) -> int:
        """Wait until it ends by itself, and return its status."""
        return self.process.wait()


@contextlib.contextmanager
def started(start: Start, directory: Path, say: Say, patience: float) -> Iterator[Running]:
    """Start a server, wait until it is healthy, and end it afterwards, also where the start fails.

    Raises CannotJudge where it ends, or is not healthy within `patience` seconds, with the end of its log.
    """
    log = directory / f"{start.name}.log"
    with held(directory, start.name):
        _require_free(start.port)
        process: subprocess.Popen[bytes] | None = None
        try:
            with log.open("wb") as stream:
                process = _open(start, stream)
            _await_health(start, process, log, say, patience)
            yield Running(start.url, log, process)
        finally:
            _end(start, process)


def _open(start: Start, stream: Any) -> subprocess.Popen[bytes]:
    try:
        # A session of its own: Ctrl-C reaches Sluice alone, which then ends the server in order.
        return subprocess.Popen(
            start.words,
            env={**os.environ, **start.environment},
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise CannotJudge(f"{start.words[0]} cannot be run: {error.strerror}") from None


def _await_health(start: Start, process: subprocess.Popen[bytes], log: Path, say: Say, patience: float) -> None:
    began = time.monotonic()
    told = began
    while (reason := _unhealthy(start.url)) is not None:
        if (status := process.poll()) is not None:
            raise CannotJudge(f"{start.name} ended with status {status} before it served; {_tail(log)}")
        now = time.monotonic()
        if now - began > patience:
            raise CannotJudge(
                f"{start.name} was not healthy within {patience:g} seconds: {reason}; {_tail(log)}; "
                "--timeout gives it longer"
            )
        if now - told >= _TELL_AFTER:
            say(f"waiting for {start.name} since {now - began:.0f} s: {reason}; log: {log}")
            told = now
        time.sleep(_PAUSE)
    if process.poll() is not None:
        raise CannotJudge(f"{start.name} ended, and another server answers at its port {start.port}; {_tail(log)}")


def _unhealthy(url: str) -> str | None:
    """Return why a server does not serve yet, or None."""
    try:
        with _DIRECT.open(url + HEALTH, timeout=5):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"it says status {error.code}"
    except OSError as error:
        why = getattr(error, "reason", error)
        refused = isinstance(why, ConnectionError)
        return "it does not listen yet (it fetches its image, or loads)" if refused else f"no answer ({why})"


def _tail(log: Path) -> str:
    lines = log.read_bytes()[-_TAIL:].decode("utf-8", "replace").split("\n")
    last = " | ".join(line.strip() for line in lines[-6:] if line.strip())
    return f"its log {log} ends: {last}" if last else f"its log {log} is empty"


def _end(start: Start, process: subprocess.Popen[bytes] | None) -> None:
    """End a server in order, then by force; commands that find nothing to end are no error."""
    _run(start.stopping)
    if process is not None:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
    _run(start.removing)


def _run(words: tuple[str, ...]) -> None:
    if words:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(words, capture_output=True, timeout=_END_SECONDS, check=False)


@contextlib.contextmanager
def held(directory: Path, name: str) -> Iterator[None]:
    """Hold a server's name while it is ours; the lock goes with the process, however that ends."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _lock(descriptor):
            raise CannotJudge(f"another sluice serves {name} from this repository; stop that one, or use its endpoint")
        yield
    finally:
        os.close(descriptor)


def is_held(directory: Path, name: str) -> bool:
    """Tell whether a living process serves under a name."""
    try:
        descriptor = os.open(directory / f"{name}.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _require_free(port: int) -> None:
    """Raise CannotJudge where somebody listens already: its health would be taken for the server's own."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotJudge(f"port {port} cannot be used: {error.strerror}; name another, or none (--port)") from None


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
