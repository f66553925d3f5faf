"""Writes a new pair of keys: the secret one where only its owner can read it, the public one into the repository."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from sluice.catalog import KEYS_DIRECTORY
from sluice.errors import UsageError
from sluice.evidence.keys import SUFFIX, new_pair, public_key


@dataclass(frozen=True, slots=True)
class Pair:
    """Where both keys are; `secret` is None where the text itself is to be printed."""

    secret: Path | None
    public: Path
    keyid: str
    secret_text: str = field(default="", repr=False)


def write_pair(root: Path, directory: Path | None, name: str) -> Pair:
    """Make a pair; without a directory the secret is returned as text and written nowhere.

    A directory that is missing is made, for its owner alone. Raises UsageError where it is part of the repository or
    cannot hold the file, or where either file exists already.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
        raise UsageError(f"{name!r} is no name for a key: lower case letters, digits, dots and dashes")
    public_path = root / KEYS_DIRECTORY / f"{name}{SUFFIX}"
    secret_path = place_for_secrets(root, directory) / f"{name}.pem" if directory is not None else None
    for path in (public_path, secret_path):
        if path is not None and path.exists():
            raise UsageError(f"{path} exists already; a key is never overwritten: choose another --name")
    secret, public = new_pair()
    if secret_path is not None:
        _write_secret(secret_path, secret)
    public_path.parent.mkdir(parents=True, exist_ok=True)
    public_path.write_bytes(public)
    text = "" if secret_path is not None else secret.decode()
    return Pair(secret_path, public_path, public_key(name, public).keyid, text)


def place_for_secrets(root: Path, directory: Path) -> Path:
    """Return where a directory lies; nothing is made. Raises UsageError where no secret key can or may lie in it."""
    place = directory.expanduser().resolve()
    if place.is_relative_to(root.resolve()):
        raise UsageError(f"{directory} is part of the repository, where a secret key may be committed; name another")
    nearest = next(parent for parent in (place, *place.parents) if os.path.lexists(parent))
    if not nearest.is_dir():
        raise UsageError(f"{directory} cannot hold the secret key: {nearest} is no directory; name another")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"{directory} cannot hold the secret key: {nearest} may not be written; name another")
    return place


def _write_secret(path: Path, secret: bytes) -> None:
    """Nobody else may read it, not even for a moment."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}; name another directory") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
