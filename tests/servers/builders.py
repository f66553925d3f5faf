"""Short ways to the values that tests of providers need: requests, model files, an impatient provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from servers.tgi import TgiServer
from servers.tgi_contract import Settings
from sluice.providers.base import Message, Outcome, Request
from sluice.providers.openai import OpenAIProvider
from sluice.providers.retry import RetryPolicy, Timeouts
from sluice.schema.model import HubSource, Model, PathSource, Serving
from sluice.schema.prompt import Parameters

IMPATIENT = RetryPolicy(attempts=4, base=0.002, cap=0.01, retry_after_cap=0.3)
GENEROUS = Timeouts(connect=30.0, attempt=60.0, case=120.0)


def request(text: str, *, schema: dict[str, Any] | None = None, repeat: int = 0, **parameters: Any) -> Request:
    """A request of one user message, greedy unless the parameters say otherwise."""
    parameters.setdefault("max_tokens", 64)
    return Request((Message("user", text),), Parameters(**parameters), schema, repeat)


def hub_model(
    hub: str = Settings.model_id,
    revision: str = str(Settings.model_sha),
    *,
    engine: Any = "tgi",
    image: str | None = None,
    context: int = 2048,
    **arguments: int | str,
) -> Model:
    """A model file for what the contract server says it serves."""
    return Model(
        description="A model for tests.",
        license="apache-2.0",
        source=HubSource(hub=hub, revision=revision),
        context=context,
        serving=Serving(engine=engine, image=image, arguments=dict(arguments)),
    )


def embedded_model(context: int = 512) -> Model:
    """A model file whose weights the repository carries."""
    return Model(
        description="A model for tests.",
        license="apache-2.0",
        source=PathSource(path="weights/small", files={"model.safetensors": "sha256:" + "0" * 64}),
        context=context,
        serving=Serving(engine="local"),
    )


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition, however busy the machine is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not come to pass"
        time.sleep(0.005)


@contextmanager
def provider_for(server: TgiServer | str, model: Model | None = None, **given: Any) -> Iterator[OpenAIProvider]:
    """A provider with little patience between attempts, closed at the end."""
    given.setdefault("retries", IMPATIENT)
    given.setdefault("timeouts", GENEROUS)
    endpoint = server if isinstance(server, str) else server.url
    provider = OpenAIProvider(model or hub_model(), "contract", endpoint, **given)
    try:
        yield provider
    finally:
        provider.close()


def outcomes(provider: OpenAIProvider, *requests: Request) -> list[Outcome]:
    """Run each request as a batch of its own; return the outcomes in the requests' order."""
    results = dict(chain.from_iterable(provider.run([[one] for one in requests])))
    return [results[index][0] for index in range(len(requests))]
