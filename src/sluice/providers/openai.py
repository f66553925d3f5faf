"""The provider for servers that speak the OpenAI chat protocol: TGI, vLLM and compatible ones."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterator, Sequence

from sluice.errors import CannotJudge
from sluice.providers.background import BackgroundLoop
from sluice.providers.base import Answered, Completion, ErrorKind, Failure, Identity, Outcome, Request
from sluice.providers.endpoint import server_root, usable_key
from sluice.providers.retry import RetryPolicy, Timeouts, retryable
from sluice.providers.served import Served
from sluice.providers.throttle import Throttle
from sluice.providers.transport import Reply, Transport, Trouble
from sluice.providers.wire import AnswerInvalid, decode_answer, describe_error, encode_request
from sluice.providers.witness import AUTHORISATION_ERRORS, Witness, refused
from sluice.providers.workers import Workers
from sluice.schema.model import Model

CHAT = "/v1/chat/completions"
KINDS: dict[int, ErrorKind] = {408: "timeout", 429: "rate_limit"}
OVERLOADED = frozenset({429, 503})


class OpenAIProvider:
    """Calls one endpoint with bounded concurrency, retries what may succeed later, and knows what answers.

    `endpoint` is the server's root, with or without `/v1`. After `consecutive_refusals` cases in a row that
    were refused (401, 403), or as many in a row as are in flight that could not reach the server, the run is
    broken with CannotJudge; so it is where the server becomes another one. No message or repr shows the key.
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
        self._name = name
        self._root = server_root(endpoint)
        self._concurrency = concurrency
        self._timeouts = timeouts
        self._retries = retries
        self._refusals = consecutive_refusals
        self._transport = Transport(self._root, None if api_key is None else usable_key(api_key), timeouts)
        self._witness = Witness(self._transport, self._root, name, model, retries)
        self._served: Served | None = None
        self._throttle: Throttle | None = None
        self._background = BackgroundLoop()

    def __repr__(self) -> str:
        return f"OpenAIProvider({self._name!r}, {self._root!r})"

    def identity(self) -> Identity:
        """Return what answers here, as it was first. Raises CannotJudge where it is not what the model file names."""
        return self._know().identity

    def lengths(self, requests: Sequence[Request]) -> list[int]:
        """Return an estimate of each prompt's tokens: a quarter of its characters."""
        return [sum(len(message.content) for message in request.messages) // 4 for request in requests]

    def run(self, batches: Sequence[Sequence[Request]]) -> Iterator[Answered]:
        """Yield what has completed since the last time; closing cancels the rest.

        Raises CannotJudge where the server is not the one named, refuses the key or cannot be reached, and
        ServerChanged where it became another one, at the latest when all is answered.
        """
        served = self._know()
        concurrency = max(1, min(self._concurrency, served.identity.limits.get("max_concurrent_requests", 2**31)))
        throttle = self._throttle = self._throttle or Throttle(concurrency)
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
        if batches:
            self._background.call(self._witness.confirm(anyway=True))

    def close(self) -> None:
        """Close the connections. The provider opens new ones when it is used again."""
        if self._background.running:
            self._background.call(self._close())
        self._background.close()

    async def _close(self) -> None:
        if self._throttle is not None:
            self._throttle.close()
        self._throttle = None
        self._witness.forget_loop()
        await self._transport.close()

    def refused(self, status: int) -> str:
        """Return the message for a key that is refused."""
        return refused(self._root, status, self._transport.keyed)

    def unreached(self, cases: int, message: str) -> str:
        """Return the message for a server that no longer answers."""
        return (
            f"the server at {self._root} gave no answer to {cases} cases in a row, retries included; "
            f"the last reason: {message}"
        )

    def _know(self) -> Served:
        if self._served is None:
            self._served = self._background.call(self._witness.know())
        return self._served

    async def _complete(
        self, request: Request, served: Served, throttle: Throttle
    ) -> tuple[Outcome, Reply | Trouble | None]:
        """Return the outcome of one request, and the last exchange behind it (None where none was made)."""
        try:
            body = encode_request(request, served.served_as, served.dialect)
        except ValueError as error:
            return Failure("data", f"the request cannot be written as JSON: {error}", attempts=0), None
        result, attempts = await self._exchange(body, "first_token" in request.wants, throttle)
        return await self._outcome(request, result, attempts), result

    async def _outcome(self, request: Request, result: Reply | Trouble, attempts: int) -> Outcome:
        if isinstance(result, Trouble):
            return Failure(result.kind, result.message, attempts)
        if result.status != 200:
            # Redacted before the text is cut to length, so that no part of a key is left at the cut.
            said = describe_error(self._transport.redacted_bytes(result.data), result.content_type)
            message = f"status {result.status}" + (f": {self._transport.redacted(said)}" if said else "")
            return Failure(KINDS.get(result.status, "provider"), message, attempts)
        try:
            answer = decode_answer(result.data, result.content_type, request.parameters.stop)
        except AnswerInvalid as error:
            return Failure("provider", self._transport.redacted(str(error)), attempts)
        await self._witness.check(answer)
        return Completion(
            answer.text,
            answer.finish_reason,
            answer.prompt_tokens,
            answer.completion_tokens,
            result.elapsed,
            attempts,
            result.first_token,
            answer.logprobs,
        )

    async def _exchange(self, body: bytes, stream: bool, throttle: Throttle) -> tuple[Reply | Trouble, int]:
        """Return the answer to a request, or the last trouble, and the number of attempts made."""
        clock = time.monotonic
        deadline = clock() + self._timeouts.case
        for attempt in itertools.count(1):
            waiting = clock()
            await throttle.enter()
            started = clock()
            deadline += started - waiting  # Waiting for a place is no fault of the case.
            try:
                limit = min(self._timeouts.attempt, deadline - started)
                result = await self._transport.attempt("POST", CHAT, body, limit, stream=stream)
                self._steer(throttle, result, started, clock())
            finally:
                throttle.leave()
            if not _again(result) or attempt >= self._retries.attempts:
                break
            wanted = result.retry_after if isinstance(result, Reply) else None
            delay = self._retries.delay(attempt, wanted, random.random())
            if clock() + delay >= deadline:
                break
            await asyncio.sleep(delay)
        return result, attempt

    def _steer(self, throttle: Throttle, result: Reply | Trouble, started: float, now: float) -> None:
        if isinstance(result, Trouble):
            return
        if result.status == 200:
            throttle.answered(started, now, result.queued, result.computed)
        elif result.status in OVERLOADED:
            throttle.overloaded(started, now)
        wait = max(result.pause or 0.0, result.retry_after or 0.0 if result.status in OVERLOADED else 0.0)
        if wait > 0.0:
            throttle.pause(min(wait, self._retries.retry_after_cap))


class _Breaker:
    """Counts cases in a row that say that going on cannot help: a refused key, a server out of reach."""

    def __init__(self, refusals: int, unreached: int) -> None:
        self._most_refusals = refusals
        self._most_unreached = unreached
        self._refusals = 0
        self._unreached = 0

    def note(self, provider: OpenAIProvider, last: Reply | Trouble | None) -> CannotJudge | None:
        """Return the reason to break the run, if this case completes one."""
        if last is None:
            return None
        status = last.status if isinstance(last, Reply) else None
        self._refusals = self._refusals + 1 if status in AUTHORISATION_ERRORS else 0
        self._unreached = self._unreached + 1 if status is None or status in OVERLOADED else 0
        if self._refusals >= self._most_refusals:
            return CannotJudge(provider.refused(status or 0))
        if self._unreached >= self._most_unreached:
            said = last.message if isinstance(last, Trouble) else _asks_to_wait(last)
            return CannotJudge(provider.unreached(self._unreached, said))
        return None


def _asks_to_wait(reply: Reply) -> str:
    wait = "" if reply.retry_after is None else f", and asks to wait {reply.retry_after:g} s"
    return f"status {reply.status}{wait}"


def _again(result: Reply | Trouble) -> bool:
    return result.retry if isinstance(result, Trouble) else retryable(result.status)
