"""The branch `evidence` as this clone knows it: read through Git, without checking it out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sluice.catalog import GitTree, is_shallow
from sluice.errors import UsageError
from sluice.evidence.git import BRANCH, LOCAL, REMOTE, TRACKED, ask, lost, shown, tip
from sluice.evidence.statement import Kind

DIRECTORIES: dict[Kind, str] = {"run": "runs", "verdict": "verdicts", "acceptance": "acceptances"}
RUN_SUFFIX = ".run.gz"
_REMEMBERED = 5
"""How many former tips of the branch are compared with the present one."""
_FETCH = f"git fetch {REMOTE} {BRANCH}:{TRACKED}"
_NAME = re.compile(r"(runs|verdicts|acceptances)/([0-9a-f]{2})/(\2[0-9a-f]{62})(?:\.([2-9]|[1-9][0-9]+))?\.json")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one envelope lies: its kind and digest (hex), and which attempt it is (from 1) where the first failed."""

    kind: Kind
    hex: str
    attempt: int = 1

    @property
    def path(self) -> str:
        """The path of the envelope."""
        return f"{self._stem}.json"

    @property
    def run_path(self) -> str:
        """The path of the stored run beside it."""
        return f"{self._stem}{RUN_SUFFIX}"

    @property
    def _stem(self) -> str:
        number = "" if self.attempt == 1 else f".{self.attempt}"
        return f"{DIRECTORIES[self.kind]}/{self.hex[:2]}/{self.hex}{number}"


def place_of(path: str) -> Place | None:
    """Return the place that a path of the branch is, or None where it is no envelope's."""
    found = _NAME.fullmatch(path)
    if found is None:
        return None
    kind: Kind = next(kind for kind, directory in DIRECTORIES.items() if directory == found[1])
    return Place(kind, found[3], int(found[4] or 1))


class Branch:
    """The files of the branch: those of the remote, then those that were recorded here and not pushed yet."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.trees = tuple(_trees(root))
        self._places: dict[str, list[Place]] | None = None

    @property
    def known(self) -> bool:
        """Whether there is such a branch here at all."""
        return bool(self.trees)

    def absence(self) -> str:
        """Say why nothing is known, and what would change that."""
        cut = " This clone is shallow, and has only the branches that were asked for." if is_shallow(self.root) else ""
        if ask(self.root, "remote", "get-url", REMOTE).returncode:
            return f"there is no branch {BRANCH} here, and no remote {REMOTE} that could have one"
        return (
            f"no branch {BRANCH} is known here.{cut} `{_FETCH}` brings it, where {REMOTE} has one; "
            "where there is none yet, the first `sluice evidence record --push` on main makes it"
        )

    def rewritten(self) -> tuple[str, ...]:
        """Say which files this clone has seen on the branch before, and that are gone or altered now."""
        now = tip(self.root, TRACKED)
        gone: dict[str, None] = {}
        for older in _former_tips(self.root) if now else []:
            gone.update(dict.fromkeys(lost(self.root, older, now or "")))
        if not gone:
            return ()
        return (f"the branch {BRANCH} was rewritten: {len(gone)} files that it had are gone or altered, {_some(gone)}",)

    def problems(self) -> tuple[str, ...]:
        """Say what is wrong with the branch as a whole: files gone or altered, now or in its history, and strays."""
        strays = self.strays()
        odd = (f"{len(strays)} files on the branch are no evidence, first {shown(strays[0])}",) if strays else ()
        return (*self.rewritten(), *_history(self.root), *odd)

    def places(self) -> tuple[Place, ...]:
        """Return where every envelope lies, sorted."""
        return tuple(place for several in self._by_hex().values() for place in several)

    def attempts(self, kind: Kind, hex_digest: str) -> tuple[Place, ...]:
        """Return the envelopes of one digest, in the order in which they were written."""
        return tuple(place for place in self._by_hex().get(hex_digest, ()) if place.kind == kind)

    def strays(self) -> tuple[str, ...]:
        """Return the files that are neither an envelope nor the run of one."""
        known = {path for place in self.places() for path in (place.path, place.run_path)}
        return tuple(sorted({path for tree in self.trees for path in _all(tree)} - known))

    def _by_hex(self) -> dict[str, list[Place]]:
        if self._places is None:
            paths = {path for tree in self.trees for path in _all(tree)}
            found = sorted((place for path in paths if (place := place_of(path))), key=lambda one: one.path)
            self._places = {}
            for place in sorted(found, key=lambda one: (one.kind, one.hex, one.attempt)):
                self._places.setdefault(place.hex, []).append(place)
        return self._places

    def read(self, path: str) -> bytes | None:
        """Return a file of the branch, or None where there is none."""
        for tree in self.trees:
            try:
                return tree.read(path)
            except FileNotFoundError:
                continue
        return None

    def __enter__(self) -> Branch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what reading has started; reading again starts it anew."""
        for tree in self.trees:
            tree.close()


def _trees(root: Path) -> Iterator[GitTree]:
    for ref, label in ((TRACKED, f"{REMOTE}/{BRANCH}"), (LOCAL, BRANCH)):
        try:
            yield GitTree(root, ref, label)
        except UsageError:
            continue


def _all(tree: GitTree) -> Iterator[str]:
    for directory in DIRECTORIES.values():
        yield from tree.paths(directory)


def _former_tips(root: Path) -> list[str]:
    done = ask(root, "reflog", "show", "--format=%H", f"--max-count={_REMEMBERED + 1}", TRACKED, "--")
    return done.stdout.decode().split()[1:] if done.returncode == 0 else []


def _history(root: Path) -> tuple[str, ...]:
    """Say which commits of the branch alter or delete files; of a shallow clone, only what it holds can be told."""
    ref = TRACKED if tip(root, TRACKED) else LOCAL
    told = ask(root, "log", "--format=%H", "--no-renames", "--diff-filter=MDT", ref, "--", *DIRECTORIES.values())
    commits = told.stdout.decode().split()
    if told.returncode or not commits:
        return ()
    return (f"{len(commits)} commits of the branch {BRANCH} alter or delete evidence, last {commits[0][:12]}",)


def _some(paths: dict[str, None]) -> str:
    first = ", ".join(map(shown, list(paths)[:3]))
    return f"first {first}" if len(paths) > 3 else first
