"""The manifest of a model's weights: where each file is fetched from, and the SHA-256 that it must have."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sluice.digest import digest_bytes
from sluice.errors import CannotJudge
from sluice.release.lock import ModelLock
from sluice.schema import HubSource, PathSource


def weights_manifest(root: Path, model: str, lock: ModelLock) -> dict[str, Any]:
    """Return what the Job that fetches the weights, and every pod that checks them, are told."""
    manifest: dict[str, Any] = {"directory": lock.weights.removeprefix("sha256:")}
    if isinstance(lock.source, HubSource):
        return {**manifest, "hub": lock.source.hub, "revision": lock.source.revision, "files": {}}
    return {**manifest, "files": _files(root, model, lock.source)}


def _files(root: Path, model: str, source: PathSource) -> dict[str, dict[str, str]]:
    found = {}
    for name, wanted in sorted(source.files.items()):
        path = root / source.path / name
        data = path.read_bytes() if path.is_file() else b""
        if digest_bytes(data) != wanted:
            raise CannotJudge(f"{source.path}/{name} of {model} is not the file that the release names by digest")
        found[name] = {"sha256": wanted.removeprefix("sha256:"), "blob": _blob(data)}
    return found


def _blob(data: bytes) -> str:
    """Return Git's id of a file's content, by which a forge hands it out; SHA-1 is Git's choice."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
