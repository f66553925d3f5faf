"""What `serve` and `eval --serve` share: the options that say how servers are started, and where they are."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.errors import UsageError
from sluice.gate.setting import Connect
from sluice.providers.endpoint import ENDPOINT_VARIABLE, ENGINE_VARIABLE, SERVE_VARIABLE
from sluice.runner.connect import connect
from sluice.schema.model import ENGINE_NAMES

if TYPE_CHECKING:
    from sluice.serving.servers import Wish


def add_serving_options(parser: argparse.ArgumentParser, *, flag: bool) -> None:
    """Add how a server is started; with `flag`, whether one is started at all."""
    if flag:
        parser.add_argument(
            "--serve",
            action="store_true",
            help="start the models' servers as a release would, where an answer is missing, and stop them afterwards "
            f"(or set {SERVE_VARIABLE}=1)",
        )
    parser.add_argument("--engine", choices=ENGINE_NAMES, help="serve with this engine (default: the model file's)")
    parser.add_argument("--timeout", type=_seconds, metavar="S", help="wait S seconds for health (default: 900)")


def wish_of(arguments: argparse.Namespace) -> Wish:
    """Return how servers are started, by the options."""
    from sluice.serving.servers import PATIENCE, Wish

    weights = getattr(arguments, "weights", None)
    return Wish(
        engine=arguments.engine,
        weights=Path(weights) if weights else None,
        port=getattr(arguments, "port", None),
        patience=arguments.timeout or PATIENCE,
    )


def servers_of(arguments: argparse.Namespace) -> AbstractContextManager[Connect]:
    """Return how an eval's providers are opened; servers that it starts are stopped when it ends."""
    if not (arguments.serve or os.environ.get(SERVE_VARIABLE, "").strip()):
        if arguments.engine or arguments.timeout:
            raise UsageError("--engine and --timeout are about servers that --serve starts; add it")
        return contextlib.nullcontext(connect)
    named = sorted(name for name in os.environ if name.startswith(ENDPOINT_VARIABLE) and os.environ[name].strip())
    if named:
        raise UsageError(f"--serve starts servers, and {named[0]} names one that runs already: choose")
    return _started(arguments)


@contextlib.contextmanager
def _started(arguments: argparse.Namespace) -> Iterator[Connect]:
    from sluice.serving.servers import Servers

    with _said_to_all(arguments.engine), Servers(wish_of(arguments), say, say) as servers:
        yield servers.connect


@contextlib.contextmanager
def _said_to_all(engine: str | None) -> Iterator[None]:
    """Say in the environment that servers are started: so is a judge's, and closures know which engine answers."""
    before = dict(os.environ)
    os.environ[SERVE_VARIABLE] = "1"
    if engine is not None:
        os.environ[ENGINE_VARIABLE] = engine
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def say(line: str) -> None:
    """Tell what happens to servers on standard error, at once."""
    print(f"sluice: {line}", file=sys.stderr, flush=True)


def _seconds(text: str) -> float:
    value = float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else 0.0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return value
