from pathlib import Path

import pytest

from sluice.training import language

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def words():
    return language.load(ROOT / "models" / "portal-small" / "language.yaml")
