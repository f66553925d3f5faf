"""Kustomize and a copy of `infra/` for this room's tests; skipped in words where Kustomize is not installed."""

from pathlib import Path

import pytest
from outside_tools import outside_tool
from unit.rollout.released import copied

from sluice.rollout.kustomize import Kustomize


@pytest.fixture(scope="session")
def kustomize() -> Kustomize:
    return Kustomize((str(outside_tool("kustomize")), "build"), "of the tests")


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("rendered"))
