"""Kustomize as a program: finding one that is new enough, and running it on a directory without network or Git."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import CannotJudge

OLDEST = (5, 8)
TOOLS = ".cache/tools"
"""Where `scripts/tools` puts programs, from the repository's root."""

_SECONDS = 60
_PROGRAMS = ("kustomize", "kubectl")
_NUMBERS = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Kustomize:
    """A program that builds kustomizations: its words before the directory, and its version."""

    words: tuple[str, ...]
    version: str

    def build(self, directory: Path) -> str:
        """Return what a directory renders to, as YAML documents.

        Nothing is fetched: with an empty PATH there is no Git to follow an address with. Raises CannotJudge with
        Kustomize's own words where it refuses.
        """
        return _run((*self.words, directory.name), directory.parent)


def find(root: Path, path: str | None = None) -> Kustomize:
    """Return the first program that is new enough: the repository's own tools first, then PATH (or `path`).

    Raises CannotJudge, naming what was found and how to get a newer one.
    """
    seen: list[str] = []
    for program in _candidates(root, path):
        version = _version(program)
        numbers = _NUMBERS.match(version)
        if numbers and (int(numbers[1]), int(numbers[2])) >= OLDEST:
            return Kustomize(_building(program), version)
        seen.append(f"{program} has {version or 'no version that it tells'}")
    found = "; ".join(seen) or "neither kustomize nor kubectl is installed"
    wanted = ".".join(map(str, OLDEST))
    raise CannotJudge(
        f"manifests are rendered by Kustomize {wanted} or newer, and {found}. "
        "Run scripts/tools kustomize (it needs Go), or install kustomize from your package manager"
    )


def _candidates(root: Path, path: str | None) -> list[Path]:
    own = [shutil.which("kustomize", path=str(root / TOOLS))]
    return [Path(one) for one in [*own, *(shutil.which(name, path=path) for name in _PROGRAMS)] if one]


def _building(program: Path) -> tuple[str, ...]:
    return (str(program), "build" if program.name == "kustomize" else "kustomize")


def _version(program: Path) -> str:
    """Return the version of Kustomize that a program is or carries; empty where it does not tell one."""
    try:
        if program.name == "kustomize":
            return _run((str(program), "version"), Path.cwd()).strip()
        told = json.loads(_run((str(program), "version", "--client", "--output=json"), Path.cwd()))
        return str(told.get("kustomizeVersion", ""))
    except (CannotJudge, ValueError, AttributeError):
        return ""


def _run(words: tuple[str, ...], directory: Path) -> str:
    name = Path(words[0]).name
    try:
        done = subprocess.run(
            words, cwd=directory, capture_output=True, text=True, check=False, timeout=_SECONDS, env={"PATH": ""},
            encoding="utf-8", stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CannotJudge(f"{name} did not end within {_SECONDS} s; run it by hand to see what it waits for") from None
    except OSError as error:
        raise CannotJudge(f"{name} cannot be run: {error.strerror}") from None
    if done.returncode:
        raise CannotJudge(f"{name} {words[1]} failed: {' '.join((done.stderr or done.stdout).split())[:1000]}")
    return done.stdout
