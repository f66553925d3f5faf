"""Servers around a command: each is started when it is first asked for, and all are ended with the command."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from sluice.catalog import Catalog
from sluice.providers.base import Provider
from sluice.providers.endpoint import Endpoint
from sluice.runner.connect import connect
from sluice.runner.engine import Engine
from sluice.schema.model import ENGINE_NAMES, EngineName
from sluice.serving.containers import container, find_runtime, installed_runtime, remove_left_behind
from sluice.serving.deployment import Deployment, deployment, locate_weights
from sluice.serving.start import Running, Say, Start, free_port, started
from sluice.serving.transformers import require_installed, transformers_serve

PATIENCE = 900.0
"""Seconds until a server must be healthy: as long as a pod of a release may take."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How servers are started here, where that is not the model files' own: engine, weights, port, patience."""

    engine: EngineName | None = None
    weights: Path | None = None
    port: int | None = None
    patience: float = PATIENCE


def prepared(catalog: Catalog, name: str, state: Path, wish: Wish, say: Say, *, dry: bool = False) -> Start:
    """Return how a model is started here. A dry one needs nothing installed.

    Raises CannotJudge where what it needs is missing: a runtime that answers, packages, an image by digest, weights.
    """
    served = deployment(catalog, name, wish.engine)
    port = wish.port or free_port()
    weights = locate_weights(catalog, name, state, wish.weights, needed=not dry)
    if served.engine == "local":
        if not dry:
            require_installed()
        return transformers_serve(served, weights, state, port)
    runtime = installed_runtime() if dry else find_runtime()
    if not dry:
        remove_left_behind(runtime, state, say)
    return container(runtime, served, weights, state, port)


@contextlib.contextmanager
def serving(start: Start, state: Path, say: Say, wish: Wish) -> Iterator[Running]:
    """Run a server that was prepared; its log lies below the state directory."""
    with started(start, state / "serve", say, wish.patience) as running:
        yield running


@dataclass
class Servers:
    """The servers that an eval needs: by what they are told, so that equal ones are one."""

    wish: Wish
    say: Say
    show: Say
    stack: ExitStack = field(default_factory=ExitStack)
    urls: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def connect(self, catalog: Catalog, engine: Engine, state: Path) -> Provider:
        """Return a provider of a model, once its server is healthy."""
        served = deployment(catalog, engine.model, next(one for one in ENGINE_NAMES if one == engine.name))
        url = self.urls.get(served.digest) or self._start(catalog, served, state)
        return connect(catalog, replace(engine, endpoint=Endpoint(url)), state)

    def _start(self, catalog: Catalog, served: Deployment, state: Path) -> str:
        start = prepared(catalog, served.model, state, replace(self.wish, engine=served.engine), self.say)
        self.show(shown(start))
        running = self.stack.enter_context(serving(start, state, self.say, self.wish))
        self.say(f"{served.model} on {served.engine} is healthy at {running.url}; log: {running.log}")
        self.urls[served.digest] = running.url
        return running.url


def shown(start: Start) -> str:
    """Return a command as it can be typed into a shell."""
    variables = (f"{name}={value}" for name, value in start.environment.items())
    return shlex.join([*(("env", *variables) if start.environment else ()), *start.words])
