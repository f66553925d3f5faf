"""The forge's client for commands that a person runs: token, address and repository from options and environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sluice.adoption import git
from sluice.errors import UsageError
from sluice.forge.client import REPOSITORY_PATTERN, GitHub

API = "https://api.github.com"


class Rehearsal(GitHub):
    """A client that reads, and sends nothing that would change anything."""

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send nothing."""
        return None


def client(root: Path, named: str | None) -> GitHub:
    """Return the client of the repository named, or of the remote `origin`; raise UsageError without a token."""
    return _client(GitHub, root, named)


def rehearsal(root: Path, named: str | None) -> GitHub:
    """Return the same client for a dry run."""
    return _client(Rehearsal, root, named)


def _client(kind: type[GitHub], root: Path, named: str | None) -> GitHub:
    repository = repository_name(root, named)
    if not repository:
        raise UsageError("the remote origin names no repository at a forge; say --repository OWNER/NAME")
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or ""
    if not token:
        raise UsageError("set GITHUB_TOKEN to a token for this repository; docs/adopting.md says which permissions")
    return kind(os.environ.get("GITHUB_API_URL") or API, repository, token)


def repository_name(root: Path, named: str | None) -> str | None:
    """Return `owner/name` as named, else that of the remote `origin`; raise UsageError for a name that is none."""
    if named and not re.fullmatch(REPOSITORY_PATTERN, named):
        raise UsageError(f"--repository {named!r} names no repository; say --repository OWNER/NAME")
    return named or git.slug(root)
