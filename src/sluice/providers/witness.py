"""Who answers: asks a server what it is, and notices when it becomes another one."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from typing import Any

from sluice.errors import CannotJudge
from sluice.providers.endpoint import KEY_VARIABLE
from sluice.providers.retry import RetryPolicy, retryable
from sluice.providers.served import Served, ServerChanged, changes, from_info, from_models, require_match
from sluice.providers.transport import Reply, Transport, Trouble
from sluice.providers.wire import Answer
from sluice.schema.model import Model

AUTHORISATION_ERRORS = frozenset({401, 403})
ASKING = 4
"""Attempts to learn what a server is before anything was asked of it, at most."""


class Witness:
    """What answered first, and whether it still does.

    A process that serves cannot be exchanged behind an open connection. So an answer counts when the server, asked
    on a fresh connection after the answer's own was opened, was still the one that the model file names; and when
    the answer itself names no other model and no other build.
    """

    def __init__(self, transport: Transport, root: str, name: str, model: Model, retries: RetryPolicy) -> None:
        self._transport = transport
        self._root = root
        self._name = name
        self._model = model
        self._retries = retries
        self._asking = asyncio.Lock()
        self._served: Served | None = None
        self._confirmed = 0
        self._named: str | None = None

    async def know(self) -> Served:
        """Return what answers here. Raises CannotJudge where it is not what the model file names."""
        async with self._asking:
            if self._served is None:
                served = await self._ask(replace(self._retries, attempts=min(ASKING, self._retries.attempts)))
                require_match(served.identity, self._name, self._model, self._root)
                self._served = served
            return self._served

    async def confirm(self, *, anyway: bool = False) -> None:
        """Ask again where a connection was opened since the last time. Raises ServerChanged."""
        async with self._asking:
            opened = self._transport.opened
            if self._served is None or (opened == self._confirmed and not anyway):
                return
            found = changes(self._served.identity, (await self._ask(self._retries)).identity)
            if found and (found := changes(self._served.identity, (await self._ask(self._retries)).identity)):
                raise self._changed("; ".join(found))
            self._confirmed = opened

    async def check(self, answer: Answer) -> None:
        """Hold an answer to what is known of the server. Raises ServerChanged."""
        served = self._served
        if served is None:
            return
        if answer.model is not None and answer.model != self._named:
            if self._named is not None or not served.names(answer.model):
                raise self._changed(f"an answer names the model {answer.model!r}, not {self._named or served.model!r}")
            self._named = answer.model
        if served.build is not None and answer.build is not None and answer.build != served.build:
            raise self._changed(f"an answer names the build {answer.build!r}, not {served.build!r}")
        if self._transport.opened != self._confirmed:
            await self.confirm()

    def _changed(self, how: str) -> ServerChanged:
        doubted = self._served is None or self._served.build is None
        return ServerChanged(
            f"the server at {self._root} is no longer the one that was asked first: {how}. What it answered since is "
            f"not counted; serve what models/{self._name}.yaml names, and run the same command again",
            doubted=doubted,
        )

    def forget_loop(self) -> None:
        """Be usable in another event loop."""
        self._asking = asyncio.Lock()

    async def _ask(self, patience: RetryPolicy) -> Served:
        info = await self._fetch("/info", patience)
        if isinstance(info, dict) and isinstance(info.get("model_id"), str):
            return from_info(info, self._model.serving.adapter)
        models = await self._fetch("/v1/models", patience)
        version = await self._fetch("/version", patience)
        said = version.get("version") if isinstance(version, dict) else None
        return from_models(
            models if isinstance(models, dict) else {},
            said if isinstance(said, str) else None,
            self._name,
            self._model,
        )

    async def _fetch(self, path: str, patience: RetryPolicy) -> Any:
        """Return the JSON of a GET, None where the server offers none; CannotJudge where it does not answer."""
        result, attempts = await self._patiently(path, patience)
        if isinstance(result, Trouble):
            raise CannotJudge(
                f"the server at {self._root} could not be asked what it serves "
                f"(GET {path}, {attempts} attempts): {result.message}"
            )
        if result.status in AUTHORISATION_ERRORS and path == "/v1/models":
            raise CannotJudge(refused(self._root, result.status, self._transport.keyed))
        if retryable(result.status) and path != "/version":
            raise CannotJudge(f"the server at {self._root} does not serve: GET {path} answers {result.status}")
        if result.status != 200 or result.content_type != "application/json":
            return None
        try:
            return json.loads(result.data)
        except (ValueError, RecursionError):
            return None

    async def _patiently(self, path: str, patience: RetryPolicy) -> tuple[Reply | Trouble, int]:
        for attempt in range(1, patience.attempts + 1):
            result = await self._transport.fetch(path)
            again = result.retry if isinstance(result, Trouble) else retryable(result.status)
            if not again or attempt == patience.attempts:
                break
            wanted = result.retry_after if isinstance(result, Reply) else None
            await asyncio.sleep(patience.delay(attempt, wanted, random.random()))
        return result, attempt


def refused(root: str, status: int, keyed: bool) -> str:
    """Return the message for a key that is refused."""
    state = "the key was refused" if keyed else "no key was given"
    return f"the server at {root} answers {status}: {state}; set {KEY_VARIABLE} to a valid one"
