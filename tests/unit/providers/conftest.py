"""Fixtures and builders for the tests of providers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from servers.fixtures import tgi  # noqa: F401
