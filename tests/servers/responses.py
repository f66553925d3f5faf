"""What the contract server sends: generations with their headers, JSON, errors, server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from servers.tgi_contract import ContractError, Generation
from servers.tokens import Token


@dataclass(frozen=True)
class Result:
    """A generation that ended: its tokens, why it ended, and what it took."""

    generation: Generation
    tokens: list[Token]
    finish_reason: str
    input_length: int
    seed: int | None
    seconds: float

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)

    @property
    def chat_finish_reason(self) -> str:
        return "stop" if self.finish_reason == "eos_token" else self.finish_reason

    def details(self) -> dict[str, Any]:
        return {"finish_reason": self.finish_reason, "generated_tokens": len(self.tokens), "seed": self.seed}

    def usage(self) -> dict[str, int]:
        return {
            "prompt_tokens": self.input_length,
            "completion_tokens": len(self.tokens),
            "total_tokens": self.input_length + len(self.tokens),
        }

    def headers(self) -> dict[str, str]:
        milliseconds = str(int(self.seconds * 1000))
        return {
            "x-compute-type": "contract",
            "x-compute-time": str(self.seconds),
            "x-compute-characters": str(len(self.generation.inputs)),
            "x-total-time": milliseconds,
            "x-validation-time": "0",
            "x-queue-time": "0",
            "x-inference-time": milliseconds,
            "x-time-per-token": str(int(self.seconds * 1000 / max(1, len(self.tokens)))),
            "x-prompt-tokens": str(self.input_length),
            "x-generated-tokens": str(len(self.tokens)),
        }


def json_response(body: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), content_type="application/json", headers=headers)


def error_response(error: ContractError) -> web.Response:
    if error.error_type is None:
        return web.Response(status=error.status, text=error.error)
    body = {"error": error.error, "error_type": error.error_type}
    return web.Response(status=error.status, body=json.dumps(body).encode(), content_type="application/json")


async def stream_events(request: web.Request, events: AsyncIterator[Any], done: bool = False) -> web.StreamResponse:
    """Send server-sent events; an error after the headers is an event, with status 200."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "x-accel-buffering": "no"})
    await response.prepare(request)
    try:
        async for event in events:
            await response.write(_event(event))
    except ContractError as error:
        await response.write(_event({"error": error.error, "error_type": error.error_type}))
    if done:
        await response.write(b"data: [DONE]\n\n")
    return response


def _event(body: Any) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"
