"""A fresh copy of a miniature template, answers, and the fake forge."""

from __future__ import annotations

from pathlib import Path

import pytest
from copies import template
from servers.github_fixtures import start_forge  # noqa: F401 - a fixture that is used by name

from sluice.adoption import settings
from sluice.adoption.template import TEMPLATE


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A fresh copy of the miniature template."""
    return template(tmp_path / "copy")


@pytest.fixture
def adoption():
    """Answers of somebody who keeps the embedded model."""
    return TEMPLATE.model_copy(update={"owner": "@acme/llm", "registry": "ghcr.io/acme", "sample": False})


@pytest.fixture
def wanted(adoption):
    """The settings that the forge should have."""
    return settings.desired(adoption.model_copy(update={"app_id": 77}))
