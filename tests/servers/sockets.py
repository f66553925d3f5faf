"""A server of raw sockets: routes give whole HTTP answers as bytes, so that it can answer against all rules too."""

from __future__ import annotations

import contextlib
import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from typing import Any

Route = Callable[[Any], bytes | list[bytes | float]]
"""Takes the JSON body (None where there is none); gives bytes, or bytes and waits in seconds in turn."""


def http(body: Any, status: int = 200, content_type: str = "application/json", **headers: str) -> bytes:
    """A whole HTTP/1.1 answer; header names are given with underscores."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": content_type, "Content-Length": str(len(data))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + data


def models(identifier: str = "acme/contract-1b", *more: dict[str, Any], **fields: Any) -> Route:
    """`/v1/models` as vLLM answers it."""
    entry = {"id": identifier, "object": "model", "owned_by": "vllm", "root": identifier, "max_model_len": 2048}
    return lambda _: http({"object": "list", "data": [{**entry, **fields}, *more]})


def chat(content: str | Callable[[str], str] = lambda text: text, **fields: Any) -> Route:
    """`/v1/chat/completions`: a text, or what a function makes of the question."""

    def answer(body: Any) -> bytes:
        text = content if isinstance(content, str) else content(body["messages"][-1]["content"])
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return http({"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}, **fields})

    return answer


class PlainServer:
    """Serves routes in threads, at a port of its own or at one that another server had. Use as a context manager."""

    def __init__(self, routes: dict[str, Route], port: int = 0, *, closes: bool = False) -> None:
        self.routes = dict(routes)
        self.closes = closes
        self.bodies: list[Any] = []
        self.connections: set[Any] = set()
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                server.connections.add(self.connection)
                try:
                    while server.serve(self.rfile, self.wfile):
                        pass
                except OSError:
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 512

        self._server = Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, reader: Any, writer: Any) -> bool:
        """Answer one request of a connection; whether it may be followed by another."""
        first = reader.readline()
        if not first:
            return False
        length = 0
        while (line := reader.readline().strip()) and line:
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        data = reader.read(length)
        body = json.loads(data) if data else None
        if body is not None:
            self.bodies.append(body)
        route = self.routes.get(first.split()[1].decode())
        said = http({}, 404) if route is None else route(body)
        for piece in said if isinstance(said, list) else [said]:
            if isinstance(piece, float):
                time.sleep(piece)
            else:
                writer.write(piece)
                writer.flush()
        return not (self.closes and body is not None)

    def stop(self) -> None:
        """Stop as a process does: nobody listens, and every connection is closed."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def __enter__(self) -> PlainServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.stop()
