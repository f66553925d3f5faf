"""Server-sent events of a chat completion, put together again into the body that an unstreamed answer has."""

from __future__ import annotations

import json
from typing import Any

_STATUS = {"overloaded": 429, "validation": 422, "generation": 424, "incomplete_generation": 500}
"""TGI's error types -> the status that the same error has where nothing is streamed."""


class StreamBroken(Exception):
    """A stream that ended before its answer did, or that is none; asking again may help."""


class Assembly:
    """Takes the bytes of a stream as they come; `begun` once a first piece of text is there."""

    def __init__(self) -> None:
        self.begun = False
        self._rest = b""
        self._data: list[bytes] = []
        self._text: list[str] = []
        self._logprobs: list[Any] = []
        self._frame: dict[str, Any] = {}
        self._usage: Any = None
        self._reason: Any = None
        self._error: dict[str, Any] | None = None
        self._done = False

    def feed(self, chunk: bytes) -> None:
        """Read a piece of any length. Raises StreamBroken for what is no event of a chat completion."""
        # A line ends at LF, CRLF or CR; a CR at the end of a piece may be half of a CRLF.
        text = self._rest + chunk
        held = b"\r" if text.endswith(b"\r") else b""
        lines = text[: len(text) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop() + held
        for line in lines:
            self._line(line)

    def whole(self) -> tuple[int, bytes]:
        """Return status and body as an unstreamed answer has them. Raises StreamBroken where the end is missing."""
        if self._rest.strip():
            self._line(self._rest.strip(b"\r"))
        self._event()
        if self._error is not None:
            return _STATUS.get(str(self._error.get("error_type")), 500), json.dumps(self._error).encode()
        if self._reason is None:
            raise StreamBroken("the stream ended before the answer did")
        message = {"role": "assistant", "content": "".join(self._text)}
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": self._reason}
        if self._logprobs:
            choice["logprobs"] = {"content": self._logprobs}
        return 200, json.dumps({**self._frame, "choices": [choice], "usage": self._usage}).encode()

    def _line(self, line: bytes) -> None:
        if not line:
            self._event()
        elif line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))

    def _event(self) -> None:
        data, self._data = b"\n".join(self._data), []
        if not data or self._done:
            return
        if data.strip() == b"[DONE]":
            self._done = True
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise StreamBroken(f"the stream holds an event that is not JSON: {error}") from None
        if not isinstance(event, dict):
            raise StreamBroken("the stream holds an event that is not a JSON object")
        self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("error") and self._error is None:
            self._error = event
        self._frame.update((key, event[key]) for key in ("model", "system_fingerprint") if event.get(key))
        if isinstance(event.get("usage"), dict):
            self._usage = event["usage"]
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or choice.get("index", 0) != 0:
            return
        delta = choice.get("delta")
        content = delta.get("content") if isinstance(delta, dict) else None
        if isinstance(content, str) and content:
            self.begun = True
            self._text.append(content)
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
            self._logprobs += logprobs["content"]
        if choice.get("finish_reason"):
            self._reason = choice["finish_reason"]
