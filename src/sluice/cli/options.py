"""Options that several verbs share, and how they become catalogs and paths."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from sluice.catalog import (
    FETCH_MAIN,
    Catalog,
    GitTree,
    WorkingTree,
    base_caveat,
    default_base,
    find_root,
    has_commits,
    load,
)
from sluice.errors import UsageError

STATE_DIRECTORY = ".sluice"


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository that a command works on."""

    root: Path

    @property
    def state(self) -> Path:
        """Where journals, caches and stored judgements live; ignored by Git."""
        return self.root / STATE_DIRECTORY

    @property
    def last_judgement(self) -> Path:
        """The judgement that `sluice eval` wrote last."""
        return self.state / "last-judgement.json"

    def working(self) -> Catalog:
        """Return the catalog of the working tree, problems and all."""
        return load(WorkingTree(self.root))

    def at(self, revision: str) -> Catalog:
        """Return the catalog of a Git revision."""
        return load(GitTree(self.root, revision))


def repository(arguments: argparse.Namespace) -> Repository:
    """Return the repository named by `--root`, or the one around the current directory."""
    start = Path(arguments.root) if arguments.root else Path.cwd()
    if not start.is_dir():
        raise UsageError(f"--root {start} is not a directory")
    return Repository(find_root(start))


def count(text: str) -> int:
    """Read a whole number from 1 on; anything else is a usage error."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def add_suites(parser: argparse.ArgumentParser, everything: str) -> None:
    """Add the suites that are meant; a shard of `sluice plan` is one word, so commas separate too."""
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help=f"only these suites, A B or A,B (default: {everything})"
    )


def suite_names(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return the names that `add_suites` took; an empty one (a variable that nobody set) must not mean all suites."""
    names = tuple(name for word in arguments.suites for name in word.split(","))
    if not all(names):
        raise UsageError("one of the suites has no name; name each suite, or none to mean all of them")
    return names


def add_root(parser: argparse.ArgumentParser) -> None:
    """Add `--root`."""
    parser.add_argument("--root", metavar="DIR", help="the repository (default: the one around this directory)")


def add_format(parser: argparse.ArgumentParser, *more: str) -> None:
    """Add `--format`, with the formats of every verb and `more`."""
    choices = ("text", "markdown", "json", *more)
    parser.add_argument("--format", choices=choices, default="text", help="how to print (default: text)")


def add_sides(parser: argparse.ArgumentParser) -> None:
    """Add `--base` and `--head`."""
    parser.add_argument(
        "--base", metavar="REV", help="compare with this revision (default: where origin/main, or main, was left)"
    )
    parser.add_argument("--head", metavar="REV", help="judge this revision (default: the working tree)")


def sides(repo: Repository, arguments: argparse.Namespace) -> tuple[Catalog | None, Catalog]:
    """Return (base, head) catalogs; base is None in a repository that has no commit yet."""
    head = repo.at(arguments.head) if arguments.head else repo.working()
    if getattr(arguments, "environment", None) is not None:
        head.environment(arguments.environment)
    tree = GitTree(repo.root, arguments.base) if arguments.base else default_base(repo.root)
    if tree is None and has_commits(repo.root):
        raise UsageError(
            f"neither origin/main nor main is known here, so there is no base: {FETCH_MAIN}, or name it with --base REV"
        )
    caveat = base_caveat(repo.root) if tree is not None and not arguments.base else None
    if caveat:
        print(f"sluice: {caveat}", file=sys.stderr)
    return served_in(load(tree), arguments) if tree else None, served_in(head, arguments)


def add_environment(parser: argparse.ArgumentParser) -> None:
    """Add `--environment`."""
    parser.add_argument(
        "--environment",
        metavar="ENV",
        help="with models served as this environment serves them (default: as models say)",
    )


def served_in(catalog: Catalog, arguments: argparse.Namespace) -> Catalog:
    """Return the catalog with its models as `--environment` serves them, where that is asked for."""
    name = getattr(arguments, "environment", None)
    if name is None:
        return catalog
    from sluice.release.candidates import as_served

    return as_served(catalog, name)


def quiet() -> bool:
    """Whether progress should be short: in CI, or where nobody looks at a terminal."""
    return bool(os.environ.get("CI"))
