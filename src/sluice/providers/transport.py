"""HTTP to one server: each attempt ends as a complete reply or as a trouble, and no message shows the key."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp

from sluice.providers.base import ErrorKind
from sluice.providers.pacing import parse_retry_after, seconds_of, tells_limits, wanted_pause
from sluice.providers.retry import Timeouts
from sluice.providers.stream import Assembly, StreamBroken
from sluice.providers.wire import AnswerInvalid

MAX_ANSWER_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer, whatever its status; times in seconds, `elapsed` is that of its attempt."""

    status: int
    content_type: str
    data: bytes
    elapsed: float
    retry_after: float | None = None
    pause: float | None = None
    """How long the server asks everybody to wait, because a limit is used up."""
    queued: float = 0.0
    computed: float = 0.0
    first_token: float | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """An attempt without a complete answer."""

    kind: ErrorKind
    message: str
    retry: bool


class Transport:
    """The connections to one server; `opened` counts them, so that a caller can tell that one is new."""

    def __init__(self, root: str, key: str | None, timeouts: Timeouts) -> None:
        self.opened = 0
        self._root = root
        self._key = key
        self._timeouts = timeouts
        self._usual = aiohttp.ClientTimeout(total=timeouts.attempt, sock_connect=timeouts.connect)
        self._session: aiohttp.ClientSession | None = None
        self._tells_limits: bool | None = None

    @property
    def keyed(self) -> bool:
        """Whether a key is presented."""
        return self._key is not None

    async def attempt(
        self, method: str, path: str, body: bytes | None, limit: float, *, stream: bool = False
    ) -> Reply | Trouble:
        """Make one attempt within `limit` seconds; an answer that is streamed is timed to its first token."""
        return await self._attempt(self._session or self._open(), method, path, body, limit, stream)

    async def fetch(self, path: str) -> Reply | Trouble:
        """Make a GET on a connection of its own, so that whoever listens now answers."""
        async with self._new_session(aiohttp.TCPConnector(limit=0, force_close=True)) as session:
            return await self._attempt(session, "GET", path, None, self._timeouts.attempt, stream=False)

    async def close(self) -> None:
        """Close the connections; the next attempt opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _attempt(
        self, session: aiohttp.ClientSession, method: str, path: str, body: bytes | None, limit: float, stream: bool
    ) -> Reply | Trouble:
        started = time.perf_counter()
        timeout = self._usual
        if limit < self._timeouts.attempt:
            timeout = aiohttp.ClientTimeout(total=max(limit, 0.001), sock_connect=self._timeouts.connect)
        try:
            async with session.request(
                method, self._root + path, data=body, timeout=timeout, allow_redirects=False
            ) as response:
                if stream and response.status == 200 and response.content_type == "text/event-stream":
                    return await _read_stream(response, started)
                data = await _read(response)
                return self._reply(response, data, time.perf_counter() - started)
        except (TimeoutError, aiohttp.ClientError, OSError, AnswerInvalid, StreamBroken) as error:
            trouble = _trouble(error)
            return replace(trouble, message=self.redacted(trouble.message))

    def _reply(self, response: aiohttp.ClientResponse, data: bytes, elapsed: float) -> Reply:
        headers = response.headers
        if self._tells_limits is None:
            self._tells_limits = tells_limits(headers)
        good = response.status == 200
        now = None if good and not self._tells_limits else datetime.now(UTC)
        return Reply(
            response.status,
            response.content_type,
            data,
            elapsed,
            None if good or now is None else parse_retry_after(headers.get("Retry-After"), now),
            None if now is None else wanted_pause(headers, now),
            *(_queue_times(headers) if good else (0.0, 0.0)),
        )

    def _open(self) -> aiohttp.ClientSession:
        self._session = self._new_session(_Counting(self))
        return self._session

    def _new_session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        # Cookies would tie cases to one another.
        return aiohttp.ClientSession(headers=headers, connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    def redacted(self, text: str) -> str:
        """Return a text without the key."""
        return text.replace(self._key, "***") if self._key else text

    def redacted_bytes(self, data: bytes) -> bytes:
        """Return a body without the key."""
        return data.replace(self._key.encode(), b"***") if self._key else data


class _Counting(aiohttp.TCPConnector):
    """As many connections as there are attempts in flight, each counted when it stands."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(limit=0)
        self._transport = transport

    async def _create_connection(self, *arguments: Any, **named: Any) -> Any:
        connection = await super()._create_connection(*arguments, **named)
        self._transport.opened += 1
        return connection

    async def _get(self, *arguments: Any, **named: Any) -> Any:
        """Return an idle connection; one on which bytes came that nobody asked for would answer the wrong question."""
        while (connection := await super()._get(*arguments, **named)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        return None


def _queue_times(headers: Mapping[str, str]) -> tuple[float, float]:
    queued = headers.get("x-queue-time")
    return (0.0, 0.0) if queued is None else (seconds_of(queued), seconds_of(headers.get("x-inference-time")))


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body; raises AnswerInvalid for one without end."""
    chunks = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise AnswerInvalid(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _read_stream(response: aiohttp.ClientResponse, started: float) -> Reply:
    """Return a streamed answer as if it had come whole, with the time until its first token."""
    assembly = Assembly()
    first: float | None = None
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise AnswerInvalid(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        assembly.feed(chunk)
        if first is None and assembly.begun:
            first = time.perf_counter() - started
    status, data = assembly.whole()
    return Reply(status, "application/json", data, time.perf_counter() - started, first_token=first)


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, TimeoutError):
        reached = "connect" if isinstance(error, aiohttp.ConnectionTimeoutError) else "answer in time"
        return Trouble("timeout", f"the server did not {reached}", retry=True)
    if isinstance(error, AnswerInvalid):
        return Trouble("provider", str(error), retry=False)
    if isinstance(error, StreamBroken):
        return Trouble("provider", str(error), retry=True)
    # A certificate or a URL that is wrong stays wrong.
    lasting = isinstance(error, aiohttp.ClientSSLError | aiohttp.InvalidURL)
    return Trouble("provider", f"{type(error).__name__}: {error}", retry=not lasting)
