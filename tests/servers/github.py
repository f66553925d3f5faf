"""A forge that speaks GitHub's REST API over real sockets, strictly: what departs from it is recorded in `violations`.

Unknown routes, methods, queries, headers and body keys are answered as GitHub would, and fail the test that made them.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from servers import github_settings  # noqa: F401 - registers its routes
from servers.github_routes import ROUTES, Answered, ApiError, Call, Page, Route
from servers.github_state import Forge, Token

WANTED_HEADERS = {
    "accept": "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
    "user-agent": "sluice",
}
KNOWN_HEADERS = {
    *WANTED_HEADERS,
    "authorization",
    "host",
    "connection",
    "accept-encoding",
    "content-type",
    "content-length",
}


@dataclass(frozen=True)
class Fault:
    """What one request gets instead of its answer; with `after`, once its effect has taken place.

    `drop` breaks the connection without an answer, or after `sent` bytes of one.
    """

    status: int = 500
    message: str = "Server Error"
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False
    drop: bool = False
    sent: int = 0
    delay: float = 0.0
    raw: bytes | None = None


def failed(status: int = 502, *, after: bool = False) -> Fault:
    return Fault(status, "Bad Gateway", after=after)


def dropped(*, after: bool = False, sent: int = 0) -> Fault:
    return Fault(drop=True, after=after, sent=sent)


def secondary(retry_after: str | None = None, status: int = 403) -> Fault:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Fault(status, "You have exceeded a secondary rate limit. Please wait a few minutes.", headers)


def exhausted(reset: int, status: int = 403) -> Fault:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset), "X-RateLimit-Limit": "1000"}
    return Fault(status, "API rate limit exceeded for installation.", headers)


def error(status: int, message: str) -> Fault:
    return Fault(status, message)


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class GitHubServer:
    """The forge and its store of artifacts, each on a port of its own. Use as a context manager, or start and stop."""

    def __init__(self, forge: Forge, port: int = 0) -> None:
        self.forge = forge
        self.violations: list[str] = []
        self.requests: list[Request] = []
        self._faults: list[tuple[str, re.Pattern[str], Fault]] = []
        self._lock = threading.RLock()
        self._api = ThreadingHTTPServer(("127.0.0.1", port), _handler(self, _ApiHandler))
        self._store = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, _StoreHandler))
        self._threads = [threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True) for one in self._servers]

    @property
    def _servers(self) -> tuple[ThreadingHTTPServer, ThreadingHTTPServer]:
        return self._api, self._store

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._api.server_address[1]}"

    @property
    def store_url(self) -> str:
        return f"http://127.0.0.1:{self._store.server_address[1]}"

    def fault(self, method: str, path: str, *faults: Fault) -> None:
        """Let the next requests of a method, whose path ends in this pattern, meet these faults: one each, in order."""
        pattern = re.compile(f".*{path}")
        with self._lock:
            self._faults += [(method, pattern, fault) for fault in faults]

    def calls(self, method: str, path: str = ".*") -> list[Request]:
        """The requests of a method whose path ends in this pattern."""
        return [one for one in self.requests if one.method == method and re.fullmatch(f".*{path}", one.path)]

    def violation(self, text: str) -> None:
        with self._lock:
            self.violations.append(text)

    def next_fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for index, (wanted, pattern, fault) in enumerate(self._faults):
                if wanted == method and pattern.fullmatch(path):
                    del self._faults[index]
                    return fault
        return None

    def unused_faults(self) -> list[str]:
        return [f"{method} {pattern.pattern}: {fault}" for method, pattern, fault in self._faults]

    def start(self) -> GitHubServer:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> GitHubServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _handler(server: GitHubServer, kind: type[_Handler]) -> type[_Handler]:
    return type(kind.__name__, (kind,), {"server_of_test": server})


class _Handler(BaseHTTPRequestHandler):
    server_of_test: GitHubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        """Be quiet."""

    def answer(self, status: int, body: bytes, headers: Mapping[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        self.wfile.flush()

    def abort(self) -> None:
        """Break the connection so that the client sees a reset, not an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class _StoreHandler(_Handler):
    """Serves archives by signed addresses; like the real store it wants no token."""

    def do_GET(self) -> None:
        if "Authorization" in self.headers:
            self.server_of_test.violation("a token was sent to the store of artifacts")
        path, _, query = self.path.partition("?")
        found = [one for one in self.server_of_test.forge.artifacts if f"/{one.id}" == path]
        fault = self.server_of_test.next_fault("STORE", path)
        if fault is not None:
            self.abort() if fault.drop else self.answer(fault.status, b"<Error/>", {})
        elif not found or query != "sig=secret-signature":
            self.answer(403, b"<Error>AuthenticationFailed</Error>", {})
        else:
            self.answer(200, found[0].data, {"Content-Type": "application/zip"})


class _ApiHandler(_Handler):
    """Checks a request against the contract, carries it out, or plays a fault."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        test = self.server_of_test
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(data, headers)
        request = Request(method, parts.path, query, headers, body)
        with test._lock:
            test.requests.append(request)
        fault = test.next_fault(method, parts.path)
        if fault is None or fault.after:
            with test._lock:
                status, answer, extra = self._carry_out(request)
        if fault is None:
            self._send(status, answer, extra)
        else:
            self._play(fault)

    def _play(self, fault: Fault) -> None:
        time.sleep(fault.delay)
        body = json.dumps({"message": fault.message}).encode() if fault.raw is None else fault.raw
        if not fault.drop:
            self.answer(fault.status, body, {"Content-Type": "application/json", **fault.headers})
        elif fault.sent:
            self.answer(200, body.ljust(1000), {"Content-Type": "application/json"}, cut=fault.sent)
            self.abort()
        else:
            self.abort()

    def _send(self, status: int, answer: Any, extra: Mapping[str, str]) -> None:
        body = b"" if answer is None else json.dumps(answer).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "X-RateLimit-Remaining": "900", **extra}
        self.answer(status, body, headers)

    def _body(self, data: bytes, headers: Mapping[str, str]) -> Any:
        if not data:
            return None
        if headers.get("content-type") != "application/json":
            self.server_of_test.violation(f"{self.path}: content type {headers.get('content-type')!r}")
        try:
            return json.loads(data)
        except ValueError:
            self.server_of_test.violation(f"{self.path}: a body that is no JSON")
            return None

    def _carry_out(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        """Return status, body and further headers of an honest answer."""
        try:
            token = self._token(request)
            route, parts = self._route(request)
            unmet = route.unmet(token)
            if unmet:
                refused = ApiError(403, "Resource not accessible by integration")
                return 403, refused.body, {"X-Accepted-GitHub-Permissions": unmet.replace(" , ", "; ")}
            self._hold_to_contract(route, request)
            store = self.server_of_test.store_url
            call = Call(self.server_of_test.forge, token, parts, request.query, request.body, store)
            return self._rendered(request, route.handle(call), call)
        except ApiError as error:
            return error.status, error.body, {}

    def _token(self, request: Request) -> Token:
        for name, value in WANTED_HEADERS.items():
            if request.headers.get(name) != value:
                self.server_of_test.violation(f"{request.path}: header {name} is {request.headers.get(name)!r}")
        for name in request.headers.keys() - KNOWN_HEADERS:
            self.server_of_test.violation(f"{request.path}: unknown header {name}")
        given = request.headers.get("authorization", "")
        token = self.server_of_test.forge.tokens.get(given.removeprefix("Bearer "))
        if not given.startswith("Bearer ") or token is None:
            raise ApiError(401, "Bad credentials")
        return token

    def _route(self, request: Request) -> tuple[Route, dict[str, str]]:
        on_path = [(one, found) for one in ROUTES if (found := one.pattern.fullmatch(request.path))]
        for one, found in on_path:
            if one.method == request.method:
                parts = {name: urllib.parse.unquote(value) for name, value in found.groupdict().items()}
                here = self.server_of_test.forge.full_name
                if "repo" in parts and f"{parts['owner']}/{parts['repo']}" != here:
                    raise ApiError(404, "Not Found")
                return one, parts
        problem = "no method" if on_path else "no route"
        self.server_of_test.violation(f"{request.method} {request.path}: {problem} of the contract")
        raise ApiError(404, "Not Found")

    def _hold_to_contract(self, route: Route, request: Request) -> None:
        where = f"{request.method} {request.path}"
        for name in request.query.keys() - route.query:
            self.server_of_test.violation(f"{where}: unknown query {name}")
        if route.body is None:
            if request.body is not None:
                self.server_of_test.violation(f"{where}: takes no body")
            return
        checks = {name.rstrip("!"): check for name, check in route.body.items()}
        required = {name.rstrip("!") for name in route.body if name.endswith("!")}
        body = request.body if isinstance(request.body, dict) else {}
        wrong = [f"unknown key {name}" for name in body.keys() - checks.keys()]
        wrong += [f"missing key {name}" for name in required - body.keys()]
        wrong += [f"bad value of {name}" for name in body.keys() & checks.keys() if not checks[name](body[name])]
        for problem in wrong:
            self.server_of_test.violation(f"{where}: {problem}")
        if wrong:
            raise ApiError(422, "Invalid request.", wrong)

    def _rendered(self, request: Request, result: Any, call: Call) -> tuple[int, Any, dict[str, str]]:
        if isinstance(result, Answered):
            return result.status, result.body, call.headers
        if not isinstance(result, Page):
            return 200, result, call.headers
        size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
        if not 1 <= size <= 100:
            self.server_of_test.violation(f"{request.path}: per_page={size}")
        items = result.items[(page - 1) * size : page * size]
        if len(result.items) > page * size:
            query = urllib.parse.urlencode({**request.query, "page": page + 1})
            following = f"{self.server_of_test.url}{request.path}?{query}"
            call.headers["Link"] = f'<{following}>; rel="next", <{following}>; rel="last"'
        body = items if result.key is None else {"total_count": len(result.items), result.key: items}
        return 200, body, call.headers
