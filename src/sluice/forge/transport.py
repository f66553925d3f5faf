"""One HTTP exchange: sizes and times are bounded, redirects are followed by hand, and a token stays with its host."""

from __future__ import annotations

import http.client
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sluice.errors import UsageError
from sluice.forge.failures import ForgeError

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 3
MOST_BYTES = 32 * 2**20
"""The largest answer that is read where nothing else is said."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PIECE = 2**16


@dataclass(frozen=True, slots=True)
class Message:
    """A request: an absolute URL, headers and a body."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Unreachable(Exception):
    """No whole answer came back; `sent` tells whether the request may have arrived."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class Transport(Protocol):
    """Carries one message."""

    def exchange(self, message: Message, limit: int) -> Reply:
        """Return the answer; raise Unreachable, or ForgeError for an answer of more than `limit` bytes."""
        ...


class _EveryStatus(urllib.request.HTTPErrorProcessor):
    """Answers are answers, whatever their status; nothing is raised and no redirect is followed."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        return response

    https_response = http_response


class HttpTransport:
    """The standard library's client; it honours the proxies that the environment names. `timeout` is in seconds."""

    def __init__(self, timeout: float = 30.0, longest: float = 120.0) -> None:
        self._timeout = timeout
        self._longest = longest
        self._opener = urllib.request.build_opener(_EveryStatus)

    def exchange(self, message: Message, limit: int = MOST_BYTES) -> Reply:
        """Send once; a connection that breaks, stalls or ends early is Unreachable."""
        request = urllib.request.Request(  # noqa: S310 (`checked_url` allows https, and http to this machine)
            checked_url(message.url), message.body, dict(message.headers), method=message.method
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, headers, self._read(response, headers, limit))
        except urllib.error.URLError as error:
            raise Unreachable(_reason(error.reason), sent=not _never_left(error.reason)) from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(_reason(error), sent=True) from None

    def _read(self, response: Any, headers: Mapping[str, str], limit: int) -> bytes:
        until = time.monotonic() + self._longest
        pieces: list[bytes] = []
        size = 0
        while piece := response.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise ForgeError(f"the forge's answer is larger than {limit:,} bytes; it was not read")
            if time.monotonic() > until:
                raise TimeoutError(f"the answer took longer than {self._longest:.0f} s")
        announced = headers.get("content-length", "")
        if announced.isdigit() and size < int(announced):
            raise ConnectionResetError(f"the answer ended after {size:,} of {int(announced):,} bytes")
        return b"".join(pieces)


def follow(transport: Transport, message: Message, limit: int = MOST_BYTES) -> Reply:
    """Exchange, and follow the redirects of a GET; the token never goes to another host."""
    for _ in range(MOST_REDIRECTS):
        reply = transport.exchange(message, limit)
        target = reply.headers.get("location")
        if reply.status not in REDIRECTS or not target:
            return reply
        url = urllib.parse.urljoin(message.url, target)
        if message.method != "GET":
            raise ForgeError("the repository was moved or renamed; run the workflow again under its new name")
        message = Message("GET", _next_url(message.url, url), _headers_for(message, url))
    raise ForgeError(f"the forge redirected more than {MOST_REDIRECTS} times; nothing was read")


def _next_url(here: str, there: str) -> str:
    if urllib.parse.urlsplit(here).scheme == "https" and urllib.parse.urlsplit(there).scheme != "https":
        raise ForgeError("the forge redirected to an address without encryption; nothing was read")
    return there


def _headers_for(message: Message, url: str) -> dict[str, str]:
    if origin(message.url) == origin(url):
        return dict(message.headers)
    return {name: value for name, value in message.headers.items() if name.lower() in {"user-agent", "accept"}}


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port: what must be equal for a token to be sent."""
    parts = urllib.parse.urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port


def checked_url(url: str) -> str:
    """Return a URL of https, or of http to this machine (tests); raise UsageError for any other."""
    try:
        scheme, host, _ = origin(url)
    except ValueError:
        scheme, host = "", ""
    if host and (scheme == "https" or (scheme == "http" and host in _LOOPBACK)):
        return url
    raise UsageError("the forge's API must be an https address: a token is not sent without encryption")


def _never_left(reason: object) -> bool:
    return isinstance(reason, ConnectionRefusedError | socket.gaierror)


def _reason(error: object) -> str:
    """Say what happened without addresses: a signed one is as good as a key."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, socket.gaierror):
        return "the host's name is not known here"
    return f"the connection broke ({type(error).__name__})"
