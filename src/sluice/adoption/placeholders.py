"""What the template leaves open below `infra/`: the one list of example texts, where they stand, and how they go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from sluice.catalog import ENVIRONMENTS_DIRECTORY, Tree
from sluice.errors import Finding

ROOM = PurePosixPath(ENVIRONMENTS_DIRECTORY).parts[0]
FORGE = "github.com"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """An example text, what belongs in its place, and how it comes there."""

    text: str
    expected: str
    fix: str


REPOSITORY = Placeholder(
    "your-org/your-repository",
    "OWNER/NAME of your repository",
    "sluice init --repository OWNER/NAME writes it everywhere",
)
APPROVER = Placeholder(
    "@your-login",
    "logins of those who may name a first release",
    "sluice init --approvers @one,@other writes them; workflows know logins, and no teams",
)
ORGANISATION = Placeholder("your-org", "your organisation", "write its name")
PLACEHOLDERS = (REPOSITORY, APPROVER, ORGANISATION)
"""The longer one first, where one is part of another."""

_ANY = re.compile("|".join(rf"(?<![\w-]){re.escape(one.text)}(?![\w-])" for one in PLACEHOLDERS))
_BY_TEXT = {one.text: one for one in PLACEHOLDERS}


def left(path: str, text: str) -> Iterator[Finding]:
    """Yield a finding for each placeholder in a text; a line that is a comment as a whole is none."""
    for number, line in enumerate(text.splitlines(), 1):
        for found in () if line.lstrip().startswith("#") else _ANY.finditer(line):
            one = _BY_TEXT[found[0]]
            told = f"the template's example {one.text!r}"
            yield Finding(path, number, found.start() + 1, "placeholder-left", told, one.expected, one.fix)


def left_in(tree: Tree, environment: str | None = None) -> list[Finding]:
    """Return every placeholder below `infra/`, or in the files that releases of one environment are rendered from."""
    paths = [path for path in tree.paths(ROOM) if environment is None or _renders(path, environment)]
    return [one for path in paths for one in left(path, tree.read(path).decode("utf-8", "replace"))]


def _renders(path: str, environment: str) -> bool:
    kinds = (f"{ROOM}/base", f"{ROOM}/components", f"{ENVIRONMENTS_DIRECTORY}/{environment}")
    return path.startswith(tuple(f"{kind}/" for kind in kinds))


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a copy: its repository, the forge's host, and who may name a first release."""

    repository: str | None
    approvers: tuple[str, ...] = ()
    host: str = FORGE

    def filled(self, texts: Mapping[str, str]) -> dict[str, str]:
        """Return path -> text of those texts in which something could be filled in."""
        made = {path: self._filled(text) for path, text in texts.items()}
        return {path: text for path, text in made.items() if text != texts[path]}

    def _filled(self, text: str) -> str:
        if self.approvers:
            text = text.replace(f'"{APPROVER.text}"', listed(self.approvers))
        if self.repository and REPOSITORY.text in text:
            text = "".join(self._addressed(line, self.repository) for line in text.splitlines(keepends=True))
        return text

    def _addressed(self, line: str, repository: str) -> str:
        """Put the repository into an address; a forge of one's own has its API below /api/v3."""
        if REPOSITORY.text not in line:
            return line
        if self.host != FORGE:
            line = line.replace(f"api.{FORGE}", f"{self.host}/api/v3").replace(FORGE, self.host)
        return line.replace(REPOSITORY.text, repository)


def listed(logins: Iterable[str]) -> str:
    """Return logins as entries of a list in YAML; the placeholder where there are none."""
    return ", ".join(f'"{one}"' for one in logins) or f'"{APPROVER.text}"'
