"""A workbench for each test, and a contract server whose answers follow the words of the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.act.workbench import GroundFloor, Workbench, small_floor
from outside_tools import outside_tool
from servers.tgi import TgiServer
from servers.tgi_contract import Generation, Settings, text_of


def obedient(generation: Generation) -> str:
    """Answer the question's last word, unless the system message says how not to."""
    system, question = text_of(generation.messages[0]), text_of(generation.messages[-1])
    if "never" in system:
        return "no idea"
    if "command" in system:
        return f"{question.split()[-1]}\n::error file=x::obeyed\n##[error]obeyed\n::add-mask::word\n"
    return question.split()[-1]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Workbench]]:
    """Make a workbench on a ground floor (default: the small one)."""
    act = outside_tool("act")
    made: list[Workbench] = []

    def make(floor: GroundFloor = small_floor) -> Workbench:
        made.append(Workbench(tmp_path / "bench", act).start(floor))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def model() -> Iterator[TgiServer]:
    """A server that answers as the prompt wants it; at the end it must have seen no violation of its contract."""
    with TgiServer(obedient, Settings()) as server:
        yield server
    assert server.violations == []
