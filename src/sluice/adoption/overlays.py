"""What a copy's environments have below `infra/`: a directory for each that was asked for, with the first prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from sluice.adoption.answers import RESERVED_ENVIRONMENTS, Adoption
from sluice.adoption.placeholders import listed
from sluice.adoption.sample import EMBEDDED
from sluice.catalog import ENVIRONMENT_FILE, ENVIRONMENTS_DIRECTORY, WorkingTree
from sluice.errors import UsageError, nearest
from sluice.scaffold import page

GITOPS_DIRECTORIES = ("infra/gitops/flux", "infra/gitops/argocd")
DIRECTORIES = (ENVIRONMENTS_DIRECTORY, *GITOPS_DIRECTORIES)
SHARED = "base"
PATTERN = "staging"
"""The environment whose directories others are made like."""

LOCAL = "local"
"""The engine that answers without a server, by the embedded model."""

_EARLY = "Where a merge is rolled out first. Say who relies on it."
_LATE = "Say what this environment is for, and who relies on it."
_LABEL = r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"


def stale(present: Iterable[str], adoption: Adoption) -> list[str]:
    """Return the files of the template's environments that nobody asked for."""
    kept = {SHARED, *adoption.environments}
    return [path for path in present if (name := _environment(path)) is not None and name not in kept]


def written(root: Path, present: Iterable[str], adoption: Adoption, engine: str) -> Mapping[str, str]:
    """Return path -> text of each environment's own files; none where the copy has no overlays at all."""
    there = list(present)
    made: dict[str, str] = {}
    for name in adoption.environments:
        if not _has(there, name):
            made |= dict(_made_alike(root, there, name, PATTERN))
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


def alike(root: Path, name: str, like: str | None = None) -> Mapping[str, str]:
    """Return path -> text of a new environment's files, made like another one, or like the first.

    Raises UsageError for a name that no namespace may have, or that is taken, and where there is nothing to be like.
    """
    if not re.fullmatch(_LABEL, name) or name in (SHARED, *RESERVED_ENVIRONMENTS):
        raise UsageError(f"{name!r} cannot name an environment: use lower case letters, digits and dashes, 40 at most")
    there = [path for directory in DIRECTORIES for path in WorkingTree(root).paths(directory)]
    known = sorted({path.split("/")[2] for path in there if PurePosixPath(path).name == ENVIRONMENT_FILE})
    if name in known:
        raise UsageError(f"there is an environment {name} already: {ENVIRONMENTS_DIRECTORY}/{name}")
    if not known:
        raise UsageError(f"{ENVIRONMENTS_DIRECTORY} has no environment yet that {name} could be made like")
    pattern = like or (PATTERN if PATTERN in known else known[0])
    if pattern not in known:
        raise UsageError(f"--like {pattern}: there is no such environment; {nearest(pattern, known)}")
    return dict(_made_alike(root, there, name, pattern))


def _has(present: Iterable[str], name: str) -> bool:
    return any(path.startswith(f"{ENVIRONMENTS_DIRECTORY}/{name}/") for path in present)


def _made_alike(root: Path, present: Iterable[str], name: str, pattern: str) -> Iterator[tuple[str, str]]:
    """Yield the files of another environment, with this one's name in the place of its own."""
    own = re.compile(rf"(?:(?<![\w.-])|(?<=sluice-)){re.escape(pattern)}(?![\w-]|\.\w)")
    for path in present:
        if _environment(path) == pattern:
            text = (root / path).read_text(encoding="utf-8")
            yield path.replace(f"/{pattern}/", f"/{name}/"), own.sub(name, text)


def _starter(name: str, adoption: Adoption, engine: str) -> str:
    """The first of several takes evidence from any machine that this copy has; later ones ask for that of servers."""
    early = len(adoption.environments) > 1 and name == adoption.environments[0]
    lent = early and adoption.embedded
    return page(
        ENVIRONMENT_FILE,
        description=_EARLY if early else _LATE,
        name=name,
        application=adoption.application,
        model=adoption.model,
        engines=", ".join(dict.fromkeys((engine, *((LOCAL,) if lent else ())))),
        stand_ins=str(lent and adoption.model != EMBEDDED).lower(),
        verdicts="pass, pass (accepted)" if early else "pass",
        approvers=listed(adoption.approving),
    )
