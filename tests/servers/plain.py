"""A bare OpenAI-compatible server, as cheap as Python allows: for benchmarks, where its own work must not show.

`python tests/servers/plain.py [--latency SECONDS]` prints its address and serves until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys

MODEL = "plain"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_JSON = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
_NUMBER = re.compile(rb"case (\d+)")


class Plain(asyncio.Protocol):
    """One connection: whole requests in, answers out in the order of their requests."""

    def __init__(self, latency: float, wrong: int) -> None:
        self._latency, self._wrong, self._data = latency, wrong, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end]
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if len(self._data) < end + 4 + length:
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            self._answer(head.partition(b"\r\n")[0], body)

    def _answer(self, line: bytes, body: bytes) -> None:
        if not line.startswith(b"POST /v1/chat/completions"):
            known = line.startswith(b"GET /v1/models")
            listed = {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "plain"}]}
            self._send(b"200 OK" if known else b"404 Not Found", json.dumps(listed if known else {}).encode())
            return
        answer = completion(body, self._wrong)
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._send, b"200 OK", answer)
        else:
            self._send(b"200 OK", answer)

    def _send(self, status: bytes, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(_JSON % (status, len(body), body))


def completion(body: bytes, wrong: int) -> bytes:
    """Answer a case by its number; one in `wrong` is answered wrongly."""
    found = _NUMBER.findall(body)
    number = int(found[-1]) if found else 0
    text = json.dumps({"answer": "nothing" if wrong and number % wrong == 0 else f"word{number}"})
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 50, "completion_tokens": 12, "total_tokens": 62}
    return json.dumps(
        {"id": "x", "object": "chat.completion", "model": MODEL, "choices": [choice], "usage": usage}
    ).encode()


async def serve(latency: float, wrong: int) -> None:
    """Serve on a free port until the process is ended; the first line of output is the address."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Plain(latency, wrong), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--wrong", type=int, default=20, metavar="N", help="answer one case in N wrongly; 0: none")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.latency, arguments.wrong))


if __name__ == "__main__":
    main()
