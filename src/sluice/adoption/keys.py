"""The pair of keys that signs evidence: the public half is committed, the secret one stays outside the repository."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sluice.adoption.git import slug
from sluice.catalog import KEYS_DIRECTORY
from sluice.errors import UsageError
from sluice.evidence.key_files import place_for_secrets, write_pair
from sluice.evidence.keys import SUFFIX, SigningKey, public_pem, secret_key

NAME = "evidence"


def has_key(root: Path) -> bool:
    """Return whether the working tree has a public key."""
    return any((root / KEYS_DIRECTORY).glob(f"*{SUFFIX}"))


def default_directory(root: Path) -> Path:
    """Return where the secret key goes that nobody placed elsewhere: one directory for each repository."""
    home = os.environ.get("XDG_CONFIG_HOME")
    name = (slug(root) or root.resolve().name).rpartition("/")[2]
    return (Path(home) if home else Path.home() / ".config") / "sluice" / _plain(name)


def secret_file(root: Path, directory: Path) -> Path:
    """Return where the secret key will lie; raise UsageError where it cannot, or where the file there is no key."""
    secret = place_for_secrets(root, directory) / f"{NAME}.pem"
    if os.path.lexists(secret):
        _read(secret)
    return secret


def _read(secret: Path) -> SigningKey:
    try:
        return secret_key(secret.read_bytes())
    except OSError as error:
        raise UsageError(f"{secret} cannot be read: {error.strerror}; name another directory") from None
    except UsageError:
        raise UsageError(f"{secret} holds no secret key of this kind; name another directory") from None


def kept_secret(root: Path) -> Path | None:
    """Return the secret key's file where it lies in the usual place and belongs to this repository's public key."""
    secret = default_directory(root) / f"{NAME}.pem"
    public = root / KEYS_DIRECTORY / f"{NAME}{SUFFIX}"
    if not (secret.is_file() and public.is_file()):
        return None
    same = public_pem(_read(secret).key.public_key()) == public.read_bytes()
    return secret if same else None


def make_key(root: Path, directory: Path) -> Path:
    """Write a new pair, or the public half of a secret that an interrupted run left; return the secret's file.

    Raises UsageError where `secret_file` does.
    """
    secret = secret_file(root, directory)
    if secret.exists():
        target = root / KEYS_DIRECTORY / f"{NAME}{SUFFIX}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(public_pem(_read(secret).key.public_key()))
        return secret
    write_pair(root, secret.parent, NAME)
    return secret


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "repository"
