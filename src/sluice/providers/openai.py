"""The provider for servers that speak the OpenAI chat protocol: TGI, vLLM and compatible ones."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp

from sluice.errors import CannotJudge
from sluice.providers.background import BackgroundLoop
from sluice.providers.base import Answered, Completion, ErrorKind, Failure, Identity, Outcome, Request
from sluice.providers.endpoint import KEY_VARIABLE, server_root, usable_key
from sluice.providers.retry import RetryPolicy, Throttle, Timeouts, parse_retry_after, retryable
from sluice.providers.served import Served, from_info, from_models, require_match
from sluice.providers.wire import AnswerInvalid, decode_answer, describe_error, encode_request
from sluice.providers.workers import Workers
from sluice.schema.model import Model

MAX_ANSWER_BYTES = 32 * 2**20
AUTHORISATION_ERRORS = frozenset({401, 403})
KINDS: dict[int, ErrorKind] = {408: "timeout", 429: "rate_limit"}


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer, whatever its status; `elapsed` is the time of its attempt in seconds."""

    status: int
    content_type: str
    data: bytes
    retry_after: float | None
    elapsed: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """An attempt without a complete answer."""

    kind: ErrorKind
    message: str
    retry: bool


class OpenAIProvider:
    """Calls one endpoint with bounded concurrency, retries what may succeed later, and says what answered.

    `endpoint` is the server's root, with or without `/v1`. After `consecutive_refusals` cases in a row that
    were refused (401, 403), or as many in a row as are in flight that could not reach the server, the run is
    broken with CannotJudge. No message or repr shows the key.
    """

    batch_size: int = 1

    def __init__(
        self,
        model: Model,
        name: str,
        endpoint: str,
        api_key: str | None = None,
        concurrency: int = 32,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 (frozen)
        retries: RetryPolicy = RetryPolicy(),  # noqa: B008 (frozen)
        consecutive_refusals: int = 3,
    ) -> None:
        self._model = model
        self._name = name
        self._root = server_root(endpoint)
        self._key = None if api_key is None else usable_key(api_key)
        self._concurrency = concurrency
        self._timeouts = timeouts
        self._retries = retries
        self._refusals = consecutive_refusals
        self._served: Served | None = None
        self._session: aiohttp.ClientSession | None = None
        self._background = BackgroundLoop()

    def __repr__(self) -> str:
        return f"OpenAIProvider({self._name!r}, {self._root!r})"

    def identity(self) -> Identity:
        """Return what answers here, read once. Raises CannotJudge where it is not what the model file names."""
        return self._know().identity

    def lengths(self, requests: Sequence[Request]) -> list[int]:
        """Return an estimate of each prompt's tokens: a quarter of its characters."""
        return [sum(len(message.content) for message in request.messages) // 4 for request in requests]

    def run(self, batches: Sequence[Sequence[Request]]) -> Iterator[Answered]:
        """Yield what has completed since the last time; closing cancels the rest.

        Raises CannotJudge where the server is not the one named, refuses the key or cannot be reached.
        """
        served = self._know()
        allowed = served.identity.limits.get("max_concurrent_requests", self._concurrency)
        concurrency = max(1, min(self._concurrency, allowed))
        throttle = Throttle(concurrency)
        breaker = _Breaker(self._refusals, max(3, concurrency))

        async def complete(request: Request) -> tuple[Outcome, CannotJudge | None]:
            outcome, last = await self._complete(request, served, throttle)
            return outcome, breaker.note(self, last)

        workers = Workers(batches, concurrency, complete)
        self._background.call(workers.start())
        try:
            yield from workers.results()
        finally:
            self._background.call(workers.stop())

    def close(self) -> None:
        """Close the connections. The provider opens new ones when it is used again."""
        session, self._session = self._session, None
        if session is not None:
            self._background.call(session.close())
        self._background.close()

    def refused(self, status: int) -> str:
        """Return the message for a key that is refused."""
        state = "the key was refused" if self._key else "no key was given"
        return f"the server at {self._root} answers {status}: {state}; set {KEY_VARIABLE} to a valid one"

    def unreached(self, cases: int, message: str) -> str:
        """Return the message for a server that no longer answers."""
        return (
            f"the server at {self._root} gave no answer to {cases} cases in a row, retries included; "
            f"the last reason: {message}"
        )

    def _know(self) -> Served:
        if self._served is None:
            served = self._background.call(self._ask())
            require_match(served.identity, self._name, self._model, self._root)
            self._served = served
        return self._served

    async def _ask(self) -> Served:
        info = await self._fetch("/info")
        if isinstance(info, dict) and isinstance(info.get("model_id"), str):
            return from_info(info)
        models = await self._fetch("/v1/models")
        version = await self._fetch("/version")
        said = version.get("version") if isinstance(version, dict) else None
        return from_models(
            models if isinstance(models, dict) else {},
            said if isinstance(said, str) else None,
            self._name,
            self._model,
        )

    async def _fetch(self, path: str) -> Any:
        """Return the JSON of a GET, None where the server offers none; CannotJudge where it does not answer."""
        patience = replace(self._retries, attempts=min(4, self._retries.attempts))
        result, attempts = await self._exchange("GET", path, None, patience)
        if isinstance(result, Trouble):
            raise CannotJudge(
                f"the server at {self._root} could not be asked what it serves "
                f"(GET {path}, {attempts} attempts): {result.message}"
            )
        if result.status in AUTHORISATION_ERRORS and path == "/v1/models":
            raise CannotJudge(self.refused(result.status))
        if retryable(result.status) and path != "/version":
            raise CannotJudge(f"the server at {self._root} does not serve: GET {path} answers {result.status}")
        if result.status != 200 or result.content_type != "application/json":
            return None
        try:
            return json.loads(result.data)
        except (ValueError, RecursionError):
            return None

    async def _complete(
        self, request: Request, served: Served, throttle: Throttle
    ) -> tuple[Outcome, Reply | Trouble | None]:
        """Return the outcome of one request, and the last exchange behind it (None where none was made)."""
        try:
            body = encode_request(request, served.served_as, served.dialect)
        except ValueError as error:
            return Failure("data", f"the request cannot be written as JSON: {error}", attempts=0), None
        result, attempts = await self._exchange("POST", "/v1/chat/completions", body, self._retries, throttle)
        return self._outcome(request, result, attempts), result

    def _outcome(self, request: Request, result: Reply | Trouble, attempts: int) -> Outcome:
        if isinstance(result, Trouble):
            return Failure(result.kind, result.message, attempts)
        if result.status != 200:
            # Redacted before the text is cut to length, so that no part of a key is left at the cut.
            said = describe_error(self._redacted_bytes(result.data), result.content_type)
            message = f"status {result.status}" + (f": {self._redacted(said)}" if said else "")
            return Failure(KINDS.get(result.status, "provider"), message, attempts)
        try:
            answer = decode_answer(result.data, result.content_type, request.parameters.stop)
        except AnswerInvalid as error:
            return Failure("provider", self._redacted(str(error)), attempts)
        return Completion(
            text=answer.text,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            latency=result.elapsed,
            attempts=attempts,
        )

    async def _exchange(
        self, method: str, path: str, body: bytes | None, retries: RetryPolicy, throttle: Throttle | None = None
    ) -> tuple[Reply | Trouble, int]:
        """Return the answer to a request, or the last trouble, and the number of attempts made."""
        deadline = time.monotonic() + self._timeouts.case
        for attempt in itertools.count(1):
            deadline += await _wait_for_place(throttle)
            left = deadline - time.monotonic()
            result = await self._send(method, path, body, min(self._timeouts.attempt, left), throttle)
            if not _again(result) or attempt >= retries.attempts:
                break
            wanted = result.retry_after if isinstance(result, Reply) else None
            delay = retries.delay(attempt, wanted, random.random())
            if time.monotonic() + delay >= deadline:
                break
            await asyncio.sleep(delay)
        return result, attempt

    async def _send(
        self, method: str, path: str, body: bytes | None, limit: float, throttle: Throttle | None
    ) -> Reply | Trouble:
        """Make one attempt, from a place of the throttle that is given back with what the attempt showed."""
        if throttle is None:
            return await self._attempt(method, path, body, limit)
        started = time.monotonic()
        try:
            result = await self._attempt(method, path, body, limit)
            _steer(throttle, result, started)
        finally:
            throttle.leave()
        return result

    async def _attempt(self, method: str, path: str, body: bytes | None, limit: float) -> Reply | Trouble:
        started = time.perf_counter()
        session = self._session or self._open()
        timeout = aiohttp.ClientTimeout(total=max(limit, 0.001), sock_connect=self._timeouts.connect)
        try:
            async with session.request(
                method, self._root + path, data=body, timeout=timeout, allow_redirects=False
            ) as response:
                data = await _read(response)
                return Reply(
                    status=response.status,
                    content_type=response.content_type,
                    data=data,
                    retry_after=parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC)),
                    elapsed=time.perf_counter() - started,
                )
        except (TimeoutError, aiohttp.ClientError, OSError, AnswerInvalid) as error:
            trouble = _trouble(error)
            return replace(trouble, message=self._redacted(trouble.message))

    def _open(self) -> aiohttp.ClientSession:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        # The number of workers bounds the connections; cookies would tie cases to one another.
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session

    def _redacted(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text

    def _redacted_bytes(self, data: bytes) -> bytes:
        return data.replace(self._key.encode(), b"***") if self._key else data


class _Breaker:
    """Counts cases in a row that say that going on cannot help: a refused key, a server out of reach."""

    def __init__(self, refusals: int, unreached: int) -> None:
        self._most_refusals = refusals
        self._most_unreached = unreached
        self._refusals = 0
        self._unreached = 0

    def note(self, provider: OpenAIProvider, last: Reply | Trouble | None) -> CannotJudge | None:
        """Return the reason to break the run, if this case completes one."""
        if isinstance(last, Reply):
            self._unreached = 0
            self._refusals = self._refusals + 1 if last.status in AUTHORISATION_ERRORS else 0
            if self._refusals >= self._most_refusals:
                return CannotJudge(provider.refused(last.status))
        elif last is not None:
            self._unreached += 1
            if self._unreached >= self._most_unreached:
                return CannotJudge(provider.unreached(self._unreached, last.message))
        return None


def _again(result: Reply | Trouble) -> bool:
    return result.retry if isinstance(result, Trouble) else retryable(result.status)


async def _wait_for_place(throttle: Throttle | None) -> float:
    """Take a place; return the seconds that this took, which are no fault of the case."""
    if throttle is None:
        return 0.0
    started = time.monotonic()
    await throttle.enter()
    return time.monotonic() - started


def _steer(throttle: Throttle, result: Reply | Trouble, started: float) -> None:
    if isinstance(result, Trouble):
        return
    if result.status == 200:
        throttle.succeeded()
    elif result.status == 429:
        throttle.overloaded(started, time.monotonic())


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body; raises AnswerInvalid for one without end."""
    chunks = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise AnswerInvalid(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, TimeoutError):
        reached = "connect" if isinstance(error, aiohttp.ConnectionTimeoutError) else "answer in time"
        return Trouble("timeout", f"the server did not {reached}", retry=True)
    if isinstance(error, AnswerInvalid):
        return Trouble("provider", str(error), retry=False)
    # A certificate or a URL that is wrong stays wrong.
    lasting = isinstance(error, aiohttp.ClientSSLError | aiohttp.InvalidURL)
    return Trouble("provider", f"{type(error).__name__}: {error}", retry=not lasting)
