"""The pytest fixture around the contract server; a conftest imports it by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from servers.tgi import Answer, TgiServer, echo
from servers.tgi_contract import Settings

StartTgi = Callable[..., TgiServer]


@pytest.fixture
def tgi() -> Iterator[StartTgi]:
    """Start contract servers, as many as a test needs; at its end none may have seen a violation."""
    servers: list[TgiServer] = []

    def start(answer: Answer = echo, **settings: Any) -> TgiServer:
        servers.append(TgiServer(answer, Settings(**settings)).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
    assert [violation for server in servers for violation in server.violations] == []
