"""A control plane for the tests of this directory, and a namespace with nodes of its own for each test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.cluster import building, equipment
from e2e.cluster.plane import Plane
from e2e.cluster.portal import Site
from outside_tools import REQUIRED, missing

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """The real thing: etcd, API server, controllers, scheduler, and KWOK for nodes and pods."""
    programs = building.built()
    if programs is None and os.environ.get(REQUIRED):
        programs = building.build()
    if programs is None:
        pytest.skip(f"the control plane for tests is not built here: {building.HOW_TO}")
    made = Plane(tmp_path_factory.mktemp("plane"), programs).start()
    yield made
    made.stop()


@pytest.fixture
def site(plane: Plane) -> Iterator[Callable[[int], Site]]:
    """Make a namespace, and one node with so many GPUs; both are gone after the test."""
    made: list[str] = []

    def make(gpus: int) -> Site:
        name = f"test-{next(_numbers)}"
        plane.add_node(name, gpus)
        made.append(name)
        return Site(plane, name)

    yield make
    for name in made:
        plane.ask("delete", "namespace", name, "--ignore-not-found", "--wait=false")
        plane.ask("delete", "node", name, "--wait=true")


@pytest.fixture
def equipped(plane: Plane) -> Iterator[Callable[..., Plane]]:
    """Give the plane what infra expects: definitions, rights, a node with GPUs, volumes; namespaces are gone after."""
    if not equipment.definitions():
        missing("the custom resources that infra names are not here; scripts/tools (with Go) brings them")
    made: list[str] = []

    def equip(*namespaces: str) -> Plane:
        made.extend(namespaces)
        equipment.equip(plane, namespaces)
        return plane

    yield equip
    equipment.clear(plane, made)


@pytest.fixture
def programs(plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the plane's kubectl and nothing else."""
    return equipment.programs(plane, tmp_path_factory.mktemp("programs"))
