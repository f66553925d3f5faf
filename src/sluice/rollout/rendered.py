"""Renders a release from a commit, not from the working tree, and says where lock and manifests disagree."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sluice.catalog import ENVIRONMENTS_DIRECTORY
from sluice.errors import CannotJudge
from sluice.evidence.git import ask, complaint
from sluice.release.lock import Lock
from sluice.rollout.branch import manifest_name
from sluice.rollout.kustomize import Kustomize
from sluice.rollout.manifests import Manifest
from sluice.rollout.parity import differences
from sluice.rollout.planning import Rendered
from sluice.rollout.rendering import render
from sluice.schema import PathSource


def render_commit(root: Path, kustomize: Kustomize, commit: str, lock: Lock, bundle: Mapping[str, bytes]) -> Rendered:
    """Return the manifests of a lock by the infrastructure files of a commit."""
    manifests = manifests_at(root, kustomize, commit, lock, bundle)
    texts = {manifest_name(index, one.kind, one.name): one.text.encode() for index, one in enumerate(manifests)}
    return Rendered(texts, tuple(map(str, differences(lock, manifests))))


def manifests_at(
    root: Path, kustomize: Kustomize, commit: str | None, lock: Lock, bundle: Mapping[str, bytes]
) -> tuple[Manifest, ...]:
    """Return the same as objects; without a commit by the files of the working tree."""
    if commit is None:
        return render(root, lock, bundle, kustomize)
    with tempfile.TemporaryDirectory(prefix="sluice-") as scratch:
        _export(root, commit, _paths(lock), Path(scratch))
        return render(Path(scratch), lock, bundle, kustomize)


def _paths(lock: Lock) -> list[str]:
    weights = {model.source.path for model in lock.models.values() if isinstance(model.source, PathSource)}
    return [Path(ENVIRONMENTS_DIRECTORY).parts[0], *sorted(weights)]


def _export(root: Path, commit: str, paths: list[str], directory: Path) -> None:
    done = ask(root, "archive", "--format=tar", commit, "--", *paths)
    if done.returncode:
        raise CannotJudge(f"{', '.join(paths)} cannot be read at {commit[:12]}: {complaint(done)}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(directory, filter="data")
