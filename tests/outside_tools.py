"""What tests use and scripts/setup does not bring: found, or skipped in words; where CI says so, missing is failing."""

from __future__ import annotations

import importlib
import os
import shutil
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[1]
REQUIRED = "SLUICE_REQUIRE_TOOLS"
"""Set where nothing may be skipped for a missing tool (.ci/run)."""
INTERCHANGE = "SLUICE_TEST_INTERCHANGE"
"""Set by scripts/test-interchange, whose environment has every package that these tests can use."""


def interchange_package(name: str) -> ModuleType:
    """Return a package that `interchange` can use; skip where it is not installed, except where it must be."""
    try:
        return importlib.import_module(name)
    except ImportError:
        if os.environ.get(INTERCHANGE):
            raise
    pytest.skip(f"{name} is not installed here: scripts/test-interchange brings it", allow_module_level=True)


def outside_tool(name: str) -> Path:
    """Return a program from .cache/tools, the environment of the tests or PATH; else skip, or fail where required."""
    found = find_tool(name)
    if found is None:
        missing(absent(name))
    return found


def find_tool(name: str) -> Path | None:
    """Return a program, as `outside_tool` looks for it; None where it is not there."""
    places = [str(ROOT / ".cache/tools"), sysconfig.get_path("scripts"), os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(places))
    return Path(found) if found else None


def absent(name: str) -> str:
    """Say that a program is not there, and how to get it."""
    return f"{name} is not installed here; scripts/tools (with Go) brings it, or scripts/setup"


def missing(told: str) -> NoReturn:
    """Skip a test in words, or fail it where nothing may be missing."""
    if os.environ.get(REQUIRED):
        pytest.fail(told)
    pytest.skip(told)
