"""Records judgements and acceptances as evidence, and brings the branch to the remote."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sluice.catalog import Catalog
from sluice.cli.options import repository, served_in, sides
from sluice.cli.stored import read_judgement
from sluice.errors import CannotJudge, ExitCode, UsageError
from sluice.evidence.accepting import Change, Wish, acceptance
from sluice.evidence.branch import Branch
from sluice.evidence.committing import store
from sluice.evidence.git import authors
from sluice.evidence.keys import Keys, keys_of, signing_key
from sluice.evidence.pushing import fetch_quietly, push
from sluice.evidence.recording import Sides, desk, require_key, require_main_run, where_am_i
from sluice.evidence.recording import record as recorded
from sluice.evidence.runs import Making
from sluice.gate.changes import model_of
from sluice.runner.engine import Engine, choose_engine


def record(arguments: argparse.Namespace) -> ExitCode:
    """Sign and store what a judgement shows; exit 4 where any of it was refused."""
    repo = repository(arguments)
    judgement = read_judgement(repo, arguments.judgement)
    if judgement.head_commit is None:
        raise CannotJudge("this judgement is about a working tree; evidence is about commits: judge with --head REV")
    key = signing_key()
    if arguments.push:
        fetch_quietly(repo.root)
    base = served_in(repo.at(judgement.base_commit), arguments) if judgement.base_commit is not None else None
    change = Change(base, served_in(repo.at(judgement.head_commit), arguments))
    renew = timedelta(days=arguments.renew) if arguments.renew else None
    at = desk(repo.root, change.head, key, Making(where_am_i(), _now()), renew)
    found = recorded(Sides(judgement, change, arguments.heads), at)
    for path in found.known:
        print(f"known already: {path}")
    _store(repo.root, found.files, push_too=arguments.push)
    for reason in found.refused:
        print(f"sluice: not recorded: {reason}", file=sys.stderr)
    if not judgement.suites:
        print("nothing was run, so there is nothing to record")
    return ExitCode.CANNOT_JUDGE if found.refused else ExitCode.OK


def _now() -> datetime:
    return datetime.now(UTC)


def _store(root: Path, files: Mapping[str, bytes], *, push_too: bool) -> None:
    written = store(root, files) if files else None
    for path in written.added if written else ():
        print(f"recorded: {path}")
    if push_too:
        pushed = push(root)
        for line in pushed.words:
            print(f"sluice: {line}", file=sys.stderr)
        for path in pushed.added:
            if path not in files:
                print(f"pushed too, recorded here earlier: {path}")
        print(f"pushed {len(pushed.added)} files" if pushed.added else "origin has everything already")


def accept(arguments: argparse.Namespace) -> ExitCode:
    """Sign and store an acceptance for the change between two revisions."""
    repo = repository(arguments)
    base, head = sides(repo, arguments)
    wish = Wish(
        suite=arguments.suite,
        reason=arguments.reason,
        by=arguments.by,
        days=arguments.days,
        cases=tuple(arguments.cases),
        metric=arguments.metric,
        removal=arguments.removal,
        author=arguments.author,
        command=arguments.command,
    )
    _refuse_author(repo.root, base, head, wish)
    engine = None if arguments.removal else _engine(head, arguments)
    print(accept_wish(repo.root, Change(base, head), wish, engine, push_too=arguments.push))
    return ExitCode.OK


def _refuse_author(root: Path, base: Catalog | None, head: Catalog, wish: Wish) -> None:
    """Whoever wrote the commits may not accept them, whatever `--author` says."""
    if head.commit is None:
        return  # refused anyway, with better words
    wrote = authors(root, base.commit if base else None, head.commit)
    if not wrote and wish.author is None:
        raise UsageError("no commit tells who wrote the change: say --author LOGIN")
    if wish.by.casefold() in wrote:
        raise UsageError(f"{wish.by} wrote the change; somebody else must accept it")


def _engine(head: Catalog, arguments: argparse.Namespace) -> Engine:
    model = model_of(head, arguments.suite)
    return Engine(arguments.engine, model) if arguments.engine else choose_engine(head, model)


def accept_wish(
    root: Path, change: Change, wish: Wish, engine: Engine | None, *, push_too: bool, moment: datetime | None = None
) -> str:
    """Sign and store what a person accepts; return its digest. Only main's own run may (the caller is main's code).

    `moment` is when the person said so (default: now): the same said at the same time is stored once.
    """
    require_main_run(os.environ)
    key = signing_key()
    keys: Keys = keys_of(root)
    require_key(key, keys)
    if push_too:
        fetch_quietly(root)
    place, data = acceptance(change, wish, engine, key, Making(where_am_i(), moment or _now()))
    known = Branch(root).attempts(place.kind, place.hex)  # asks no file, so nothing is left open
    if push_too or not known:
        _store(root, {} if known else {place.path: data}, push_too=push_too)
    return f"sha256:{place.hex}"
