"""The pair of keys that signs evidence: the public half is committed, the secret one stays outside the repository."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sluice.catalog import KEYS_DIRECTORY
from sluice.evidence.key_files import write_pair
from sluice.evidence.keys import SUFFIX, public_pem, secret_key

NAME = "evidence"


def has_key(root: Path) -> bool:
    """Return whether the working tree has a public key."""
    return any((root / KEYS_DIRECTORY).glob(f"*{SUFFIX}"))


def default_directory(root: Path) -> Path:
    """Return where the secret key goes that nobody placed elsewhere: one directory for each repository."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "sluice" / _plain(root.resolve().name)


def make_key(root: Path, directory: Path) -> Path:
    """Write a new pair, or the public half of a secret that an interrupted run left; return the secret's file.

    Raises UsageError where the directory lies inside the repository.
    """
    place = directory.expanduser()
    secret = place / f"{NAME}.pem"
    if secret.exists():
        target = root / KEYS_DIRECTORY / f"{NAME}{SUFFIX}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(public_pem(secret_key(secret.read_bytes()).key.public_key()))
        return secret
    if not place.resolve().is_relative_to(root.resolve()):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_pair(root, place, NAME)
    return secret


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "repository"
