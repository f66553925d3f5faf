"""A server that speaks TGI 3.3's contract over real sockets, strictly; `python tests/servers/tgi.py --port 8080`.

It has no model: answers come from a function of the request. Whatever departs from the contract (an unknown
route or field, a wrong type) is answered as TGI would answer it, and recorded in `violations`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web

if __package__ in {None, ""}:  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers.faults import Fault
from servers.fields import CHAT_FIELDS, COMPAT_FIELDS, GENERATE_FIELDS, PARAMETER_FIELDS, read_fields
from servers.metrics import Metrics
from servers.responses import Result, error_response, json_response, stream_events
from servers.tgi_contract import (
    INCOMPLETE,
    OVERLOADED,
    UNHEALTHY,
    ContractError,
    Generation,
    Settings,
    apply_template,
    chat_generation,
    invalid,
    plain_generation,
    text_of,
    validate,
)
from servers.tokens import finish, logprobs_of, tokens_of

Answer = Callable[[Generation], str | ContractError]


def echo(generation: Generation) -> str:
    """Answer the words of the last message; sampling puts them in an order that only the seed decides."""
    words = text_of(generation.messages[-1]).split()
    if generation.do_sample:
        random.Random(generation.seed).shuffle(words)
    return " ".join(words)


@dataclass(frozen=True)
class Call:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class TgiServer:
    """The server, in a thread of its own. Use as a context manager, or `start` and `stop`."""

    def __init__(self, answer: Answer = echo, settings: Settings | None = None, port: int = 0) -> None:
        self.answer = answer
        self.settings = settings or Settings()
        self.violations: list[str] = []
        self.calls: list[Call] = []
        self.healthy = True
        self.held = False
        self.peak = 0
        self.metrics = Metrics(self.settings.max_input_tokens, self.settings.max_total_tokens)
        self._port = port
        self._active = 0
        self._script: deque[Fault] = deque()
        self.misbehave: Callable[[str], Fault | None] = lambda body: None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="tgi-contract", daemon=True)
        self._ready = threading.Event()
        self._ended: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def active(self) -> int:
        """The generations in flight; `held` keeps them there."""
        return self._active

    @property
    def generations(self) -> list[Call]:
        """The generation requests that arrived."""
        return [call for call in self.calls if call.method == "POST"]

    def script(self, *faults: Fault) -> None:
        """Let the next generation requests get these, one each, in this order."""
        self._script.extend(faults)

    def start(self) -> TgiServer:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the contract server did not start")
        return self

    def stop(self) -> None:
        if self._ended is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def wait(self) -> None:
        """Serve until the thread ends."""
        self._thread.join()

    def __enter__(self) -> TgiServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        self._ended = asyncio.Event()
        runner = web.AppRunner(self._app(), handle_signals=False, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port, backlog=1024)
        await site.start()
        self._port = runner.addresses[0][1]
        self._ready.set()
        try:
            await self._ended.wait()
        finally:
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=self.settings.payload_limit, middlewares=[self._guard])
        for path, handler in {
            "/": self._compat,
            "/generate": self._generate,
            "/generate_stream": self._generate_stream,
            "/v1/chat/completions": self._chat,
            "/tokenize": self._tokenize,
        }.items():
            app.router.add_post(path, self._guarded(handler))
        app.router.add_post("/chat_tokenize", self._chat_tokenize)
        for path in ("/", "/health", "/ping"):
            app.router.add_get(path, self._health, allow_head=False)
        app.router.add_get("/info", self._info, allow_head=False)
        app.router.add_get("/metrics", self._metrics, allow_head=False)
        app.router.add_get("/v1/models", self._models, allow_head=False)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[..., Any]) -> web.StreamResponse:
        """Turn errors into TGI's answers and record what departs from the contract."""
        try:
            return await handler(request)
        except ContractError as error:
            return error_response(error)
        except web.HTTPException as error:
            if error.status in {404, 405}:
                self.violations.append(f"{error.status}: {request.method} {request.path} is no route of the contract")
            return web.Response(status=error.status)

    def _guarded(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Ask for the key, as TGI does on generation routes only, and play the script."""

        async def check(request: web.Request) -> web.StreamResponse:
            expected = f"Bearer {self.settings.api_key}"
            if self.settings.api_key and request.headers.get("Authorization", "").lower() != expected.lower():
                self.calls.append(Call(request.method, request.path, dict(request.headers), None))
                return web.Response(status=401)
            fault = self._script.popleft() if self._script else self.misbehave(await request.text())
            if fault is not None:
                self.calls.append(Call(request.method, request.path, dict(request.headers), await request.text()))
                response = await fault.play(request)
                if response is not None:
                    return response
                self.calls.pop()
            return await handler(request)

        return check

    async def _body(self, request: web.Request) -> Any:
        """Return the JSON body; errors as the web framework under TGI words them."""
        if request.content_type != "application/json":
            self.violations.append(f"{request.path}: content type {request.content_type!r}")
            raise ContractError(415, "Expected request with `Content-Type: application/json`", None)
        try:
            text = (await request.read()).decode()
            body = json.loads(text)
        except web.HTTPRequestEntityTooLarge:
            raise ContractError(413, "Failed to buffer the request body: length limit exceeded", None) from None
        except ValueError as error:
            self.violations.append(f"{request.path}: a body that is no JSON: {error}")
            raise ContractError(400, f"Failed to parse the request body as JSON: {error}", None) from None
        self.calls.append(Call(request.method, request.path, dict(request.headers), body))
        return body

    def _fields(self, body: Any, fields: dict[str, str], required: set[str], where: str) -> dict[str, Any]:
        try:
            known, unknown = read_fields(body, fields, required, where)
        except ContractError as error:
            self.violations.append(f"{where}: {error.error}")
            raise
        self.violations.extend(unknown)
        return known

    async def _read_generation(
        self, request: web.Request, fields: dict[str, str]
    ) -> tuple[Generation, dict[str, Any], dict[str, Any]]:
        body = self._fields(await self._body(request), fields, {"inputs"}, request.path)
        parameters = body.get("parameters")
        if parameters is not None:
            parameters = self._fields(parameters, PARAMETER_FIELDS, set(), f"{request.path}.parameters")
        return plain_generation(body["inputs"], parameters), parameters or {}, body

    async def _infer(self, generation: Generation) -> Result:
        """Generate, as the router does: refuse above the limit, then validate, then run the model."""
        started = time.monotonic()
        self.metrics.count("tgi_request_count")
        if self._active >= self.settings.max_concurrent_requests:
            self.metrics.failure("overloaded")
            raise OVERLOADED
        self._active += 1
        self.peak = max(self.peak, self._active)
        try:
            return await self._run_model(generation, started)
        finally:
            self._active -= 1

    async def _run_model(self, generation: Generation, started: float) -> Result:
        try:
            new_tokens = validate(generation, self.settings)
        except ContractError:
            self.metrics.failure("validation")
            raise
        if generation.do_sample and generation.seed is None:
            generation.seed = random.getrandbits(63)
        if self.settings.latency:
            await asyncio.sleep(self.settings.latency)
        while self.held:
            await asyncio.sleep(0.005)
        answer = self.answer(generation)
        if isinstance(answer, ContractError):
            self.metrics.failure("incomplete" if answer is INCOMPLETE else "generation")
            raise answer
        tokens, reason = finish(answer, generation.stop, new_tokens)
        input_length = len(tokens_of(generation.inputs))
        seconds = time.monotonic() - started
        self.metrics.served(seconds, input_length, len(tokens), new_tokens)
        seed = generation.seed if generation.do_sample else None
        return Result(generation, tokens, reason, input_length, seed, seconds)

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        generation, parameters, _ = await self._read_generation(request, GENERATE_FIELDS)
        body, headers = await self._generated(generation, parameters)
        return json_response(body, headers)

    async def _compat(self, request: web.Request) -> web.StreamResponse:
        generation, parameters, body = await self._read_generation(request, COMPAT_FIELDS)
        if body.get("stream"):
            return await stream_events(request, self._stream_tokens(generation, parameters))
        generated, headers = await self._generated(generation, parameters)
        return json_response([generated], headers)

    async def _generated(
        self, generation: Generation, parameters: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        result = await self._infer(generation)
        prefix = generation.inputs if parameters.get("return_full_text") else ""
        body: dict[str, Any] = {"generated_text": prefix + result.text}
        if parameters.get("details") or parameters.get("decoder_input_details"):
            inputs = tokens_of(generation.inputs) if parameters.get("decoder_input_details") else []
            prefill = [{"id": token.id, "text": token.text, "logprob": -0.5} for token in inputs]
            tokens = [token.as_generated() for token in result.tokens]
            body["details"] = {**result.details(), "prefill": prefill, "tokens": tokens}
        return body, result.headers()

    async def _generate_stream(self, request: web.Request) -> web.StreamResponse:
        generation, parameters, _ = await self._read_generation(request, GENERATE_FIELDS)
        return await stream_events(request, self._stream_tokens(generation, parameters))

    async def _stream_tokens(self, generation: Generation, parameters: dict[str, Any]) -> AsyncIterator[Any]:
        if (parameters.get("best_of") or 1) != 1:
            raise invalid("`best_of` != 1 is not supported when streaming tokens")
        if parameters.get("decoder_input_details"):
            raise invalid("`decoder_input_details` == true is not supported when streaming tokens")
        result = await self._infer(generation)
        for index, token in enumerate(result.tokens, start=1):
            last = index == len(result.tokens)
            details = {**result.details(), "input_length": result.input_length}
            yield {
                "index": index,
                "token": token.as_generated(),
                "generated_text": result.text if last else None,
                "details": details if last and parameters.get("details") else None,
            }

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        chat = self._fields(await self._body(request), CHAT_FIELDS, {"messages"}, request.path)
        if chat.get("response_format") and chat.get("tools"):
            raise ContractError(422, "Tool error: Grammar and tools are mutually exclusive", "tool_error")
        generation = chat_generation(chat)
        if chat.get("stream"):
            options = chat.get("stream_options") or {}
            return await stream_events(
                request, self._chat_chunks(generation, chat, options.get("include_usage", False)), done=True
            )
        result = await self._infer(generation)
        message = {"role": "assistant", "content": result.text}
        choice = {
            "index": 0,
            "message": message,
            "logprobs": logprobs_of(chat, result.tokens),
            "finish_reason": result.chat_finish_reason,
        }
        body = {**self._frame("chat.completion"), "choices": [choice], "usage": result.usage()}
        return json_response(body, result.headers())

    async def _chat_chunks(
        self, generation: Generation, chat: dict[str, Any], include_usage: bool
    ) -> AsyncIterator[Any]:
        result = await self._infer(generation)
        frame = self._frame("chat.completion.chunk")
        for index, token in enumerate(result.tokens, start=1):
            reason = result.chat_finish_reason if index == len(result.tokens) else None
            delta = {"role": "assistant", "content": token.text}
            choice = {"index": 0, "delta": delta, "logprobs": logprobs_of(chat, [token]), "finish_reason": reason}
            yield {**frame, "choices": [choice]}
        if include_usage:
            yield {**frame, "choices": [], "usage": result.usage()}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {
            "object": kind,
            "id": "",
            "created": int(time.time()),
            "model": self.settings.model_id,
            "system_fingerprint": self.settings.fingerprint,
        }

    async def _tokenize(self, request: web.Request) -> web.StreamResponse:
        generation, _, _ = await self._read_generation(request, GENERATE_FIELDS)
        return json_response([token.as_simple() for token in tokens_of(generation.inputs)])

    async def _chat_tokenize(self, request: web.Request) -> web.StreamResponse:
        chat = self._fields(await self._body(request), CHAT_FIELDS, {"messages"}, request.path)
        text = apply_template(chat["messages"])
        return json_response(
            {"tokenize_response": [token.as_simple() for token in tokens_of(text)], "templated_text": text}
        )

    async def _health(self, request: web.Request) -> web.StreamResponse:
        if not self.healthy:
            raise UNHEALTHY
        return web.Response()

    async def _info(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(Call("GET", request.path, dict(request.headers), None))
        return json_response(self.settings.info())

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=self.metrics.render())

    async def _models(self, request: web.Request) -> web.StreamResponse:
        model = self.settings.model_id
        entry = {"id": model, "object": "model", "created": 0, "owned_by": model}
        return json_response({"object": "list", "data": [entry]})


def main(arguments: Iterable[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--model-id", default=Settings.model_id)
    parser.add_argument("--api-key")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that every generation takes")
    parser.add_argument("--max-concurrent-requests", type=int, default=Settings.max_concurrent_requests)
    given = vars(parser.parse_args(None if arguments is None else list(arguments)))
    port = given.pop("port")
    server = TgiServer(settings=Settings(**given), port=port).start()
    sys.stdout.write(f"serving TGI's contract at {server.url}\n")
    sys.stdout.flush()
    try:
        server.wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
