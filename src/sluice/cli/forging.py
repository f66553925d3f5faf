"""The forge's client for commands that a person runs: token, address and repository from options and environment."""

from __future__ import annotations

import os
from pathlib import Path

from sluice.adoption import git
from sluice.errors import UsageError
from sluice.forge.client import GitHub

API = "https://api.github.com"


def client(root: Path, named: str | None) -> GitHub:
    """Return the client of the repository named, or of the remote `origin`; raise UsageError without a token."""
    repository = named or git.slug(root)
    if not repository:
        raise UsageError("the remote origin names no repository at a forge; say --repository OWNER/NAME")
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or ""
    if not token:
        raise UsageError("set GITHUB_TOKEN to a token for this repository; docs/adopting.md says which permissions")
    return GitHub(os.environ.get("GITHUB_API_URL") or API, repository, token)
