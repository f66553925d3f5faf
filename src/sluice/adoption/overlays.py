"""What a copy's environments have below `infra/`: a directory for each that was asked for, with the first prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from sluice.adoption.answers import Adoption
from sluice.adoption.placeholders import listed
from sluice.catalog import ENVIRONMENT_FILE, ENVIRONMENTS_DIRECTORY
from sluice.scaffold import page

GITOPS_DIRECTORIES = ("infra/gitops/flux", "infra/gitops/argocd")
DIRECTORIES = (ENVIRONMENTS_DIRECTORY, *GITOPS_DIRECTORIES)
SHARED = "base"
PATTERN = "staging"
"""The environment whose directories others are made like."""


def stale(present: Iterable[str], adoption: Adoption) -> list[str]:
    """Return the files of the template's environments that nobody asked for."""
    kept = {SHARED, *adoption.environments}
    return [path for path in present if (name := _environment(path)) is not None and name not in kept]


def written(root: Path, present: Iterable[str], adoption: Adoption, engine: str) -> Mapping[str, str]:
    """Return path -> text of each environment's own files; none where the copy has no overlays at all."""
    there = list(present)
    made: dict[str, str] = {}
    for name in adoption.environments:
        made |= dict(_made_alike(root, there, name))
        path = f"{ENVIRONMENTS_DIRECTORY}/{name}/{ENVIRONMENT_FILE}"
        if not adoption.sample and any(_environment(one) == name for one in (*there, *made)):
            made[path] = _starter(name, adoption, engine)
    return made


def _environment(path: str) -> str | None:
    """Return the environment that a file belongs to, where it belongs to one."""
    for directory in DIRECTORIES:
        if path.startswith(f"{directory}/"):
            parts = PurePosixPath(path).relative_to(directory).parts
            return parts[0] if len(parts) > 1 else None
    return None


def _made_alike(root: Path, present: Iterable[str], name: str) -> Iterator[tuple[str, str]]:
    """Yield the files of an environment that the template does not have, made like one that it has."""
    if any(path.startswith(f"{ENVIRONMENTS_DIRECTORY}/{name}/") for path in present):
        return
    for path in present:
        if _environment(path) == PATTERN:
            text = (root / path).read_text(encoding="utf-8")
            yield path.replace(f"/{PATTERN}/", f"/{name}/"), re.sub(rf"\b{PATTERN}\b", name, text)


def _starter(name: str, adoption: Adoption, engine: str) -> str:
    return page(
        ENVIRONMENT_FILE,
        name=name, application=adoption.application, model=adoption.model, engine=engine,
        approvers=listed(adoption.approving),
    )  # fmt: skip
