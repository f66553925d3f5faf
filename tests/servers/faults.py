"""Scripted misbehaviour of a server: what one generation request gets instead of its answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Fault:
    """Wait, then answer `body` with `status`, or break the connection before or after `sent` bytes of it."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pieces: int = 1
    sent: int | None = None
    honest: bool = False

    async def play(self, request: web.Request) -> web.StreamResponse | None:
        """Answer the request; None (after the delay) where it is to be answered honestly."""
        if self.delay and self.pieces == 1:
            await asyncio.sleep(self.delay)
        if self.honest:
            return None
        if self.sent is not None:
            return await self._break(request)
        if self.pieces > 1:
            return await self._trickle(request)
        headers = {**self.headers, "Content-Type": self.content_type}
        return web.Response(status=self.status, body=self.body, headers=headers)

    async def _break(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=self.status, headers={"Content-Type": self.content_type})
        if self.sent:
            response.content_length = len(self.body)
            await response.prepare(request)
            await response.write(self.body[: self.sent])
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _trickle(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=self.status, headers={"Content-Type": self.content_type})
        await response.prepare(request)
        size = -(-len(self.body) // self.pieces)
        with contextlib.suppress(ConnectionError):  # who was to be bored has gone away
            for start in range(0, len(self.body), size):
                await asyncio.sleep(self.delay)
                await response.write(self.body[start : start + size])
        return response


def error(status: int, message: str = "broken", kind: str = "unknown", **headers: str) -> Fault:
    """An error body as TGI writes it; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status, json.dumps({"error": message, "error_type": kind}).encode(), headers=named)


def overloaded(retry_after: str | None = None) -> Fault:
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    return error(429, "Model is overloaded", "overloaded", **headers)


def generation_failed() -> Fault:
    return error(424, "Request failed during generation: CUDA out of memory", "generation")


def incomplete() -> Fault:
    return error(500, "Incomplete generation", "incomplete_generation")


def delay(seconds: float) -> Fault:
    """Late, but honest."""
    return Fault(delay=seconds, honest=True)


def reset() -> Fault:
    """The connection breaks before any byte of an answer."""
    return Fault(sent=0)


def reset_mid_body() -> Fault:
    return Fault(body=chat_body({"content": "half an answer"}), sent=40)


def truncated_json() -> Fault:
    """A body that is complete as HTTP, but not as JSON."""
    return Fault(body=chat_body({"content": "half an answer"})[:40])


def slow_loris(seconds: float, pieces: int = 20) -> Fault:
    """A piece at a time, with a wait before each."""
    return Fault(body=chat_body({"content": "at last"}), delay=seconds, pieces=pieces)


def wrong_content_type() -> Fault:
    return Fault(body=b"<html>502 Bad Gateway</html>", content_type="text/html")


def empty_choices() -> Fault:
    return Fault(body=b'{"object":"chat.completion","choices":[],"usage":null}')


def message(content: object, usage: object = None) -> Fault:
    """An answer with any content at all, such as null."""
    return Fault(body=chat_body({"content": content}, usage))


def raw(body: bytes, status: int = 200, content_type: str = "application/json") -> Fault:
    return Fault(status, body, content_type)


def chat_body(message_fields: dict[str, object], usage: object = None) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message_fields}, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode()
