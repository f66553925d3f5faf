"""Kustomize for this room's tests; skipped in words where it is not installed."""

import pytest
from outside_tools import outside_tool

from sluice.rollout.kustomize import Kustomize


@pytest.fixture(scope="session")
def kustomize() -> Kustomize:
    return Kustomize((str(outside_tool("kustomize")), "build"), "of the tests")
