"""Makes releases and rollbacks: fetch, plan, write, push; again on top of what another writer released meanwhile."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sluice.catalog import MAINS, Catalog, Entry, GitTree, load
from sluice.cli import release_text
from sluice.errors import CannotJudge, ExitCode, UsageError
from sluice.evidence.branch import Branch
from sluice.evidence.git import REMOTE, ask, complaint
from sluice.evidence.keys import SECRET_VARIABLE, SigningKey, keys_of, signing_key
from sluice.evidence.pushing import fetch_quietly
from sluice.evidence.recording import require_key, require_main, require_main_run, where_am_i
from sluice.rollout import branch as deploy
from sluice.rollout.kustomize import find
from sluice.rollout.planning import Desk, Plan, Renderer, Wish, committed, plan, record_of, restored
from sluice.rollout.rendered import render_commit
from sluice.rollout.verifying import forged
from sluice.schema import Environment

TRIES = 5
_UNSIGNED = (
    "it will not verify, and `sluice rollout` refuses what does not; run it again with the key and --over-unverified "
    "to sign it"
)
_LONGEST_WAIT = 2.0
"""Seconds before the second try; each further one may wait as much longer."""


def released(root: Path, wish: Wish, *, push: bool, dry_run: bool, style: str, unsigned: bool = False) -> ExitCode:
    """Release, and say what was released or why nothing was.

    Raises UsageError before a release is pushed that nobody could verify, unless that is meant.
    """
    if not dry_run:
        require_main_run(os.environ)
    if push and not (dry_run or unsigned or _key_text()):
        raise UsageError(
            f"{SECRET_VARIABLE} is not set, and an unsigned release never verifies: set it to the secret half "
            "of a key of main, or say --unsigned"
        )
    return _until_won(partial(_release, root, wish, push=push, dry_run=dry_run, style=style))


def _release(root: Path, wish: Wish, *, push: bool, dry_run: bool, style: str) -> ExitCode:
    if push:
        learn(root, wish.environment)
    with _desk(root, sign=not dry_run) as desk:
        made = plan(wish, desk)
        if not made.admission.allowed or made.unchanged or dry_run:
            print(release_text.shown(made, None, style), end="")
            return _refused(made)
        require_main(root, made.catalog.commit, os.environ)
        record = record_of(made, wish, desk.now)
        commit = committed(record, made.parent, made.bundle.files, made.rendered.manifests, desk)
        _publish(root, wish.environment, commit, made.parent.commit if made.parent else None, push=push)
        print(release_text.shown(made, record, style), end="")
    return ExitCode.OK


def _refused(made: Plan) -> ExitCode:
    """The gate's no is 1; what nobody knows is 4."""
    if made.admission.allowed:
        return ExitCode.OK
    return ExitCode.GATE_NO if made.admission.judged_no else ExitCode.CANNOT_JUDGE


def rolled_back(root: Path, environment: str, to: str | None, *, push: bool) -> ExitCode:
    """Bring an earlier release back by a commit of its own."""
    require_main_run(os.environ)
    return _until_won(partial(_roll_back, root, environment, to, push=push))


def _roll_back(root: Path, environment: str, to: str | None, *, push: bool) -> ExitCode:
    if push:
        learn(root, environment)
    parent = deploy.read(root, environment)
    if parent is None:
        raise UsageError(f"nothing was released to {environment} yet, so there is nothing to go back to")
    with _desk(root, sign=True) as desk:
        target = _target(desk, parent, to)
        anchor = (target if desk.key and _forged(desk, parent) else parent).record.anchor
        record = restored(target, parent, desk.now, anchor)
        commit = committed(record, parent, target.bundle, target.manifests, desk)
    _publish(root, environment, commit, parent.commit, push=push)
    print(release_text.restored(record), end="")
    return ExitCode.OK


def _target(desk: Desk, parent: deploy.Deployed, to: str | None) -> deploy.Deployed:
    """Return the release that is meant; by default the last one that held something else.

    Where we sign, only what verifies is brought back: else a signature would turn somebody's edit into a release.
    """
    doubtful: deploy.Deployed | None = None
    found: deploy.Deployed | None = None
    for one in filter(_meant(parent, to), deploy.history(desk.root, parent.environment, parent.commit)):
        if not (desk.key and _forged(desk, one)):
            found = one
            break
        doubtful = doubtful or one
    if found is None and doubtful is not None:
        raise CannotJudge(
            f"release {doubtful.number} of {parent.environment} ({doubtful.commit[:12]}) does not verify "
            f"({_forged(desk, doubtful)[0]}), so it is not signed anew; `sluice verify --all` shows what does"
        )
    if found is None:
        wanted = f"release {to!r}" if to is not None else "earlier release that held something else"
        raise UsageError(f"this clone knows no {wanted} of {parent.environment}; `sluice verify --all` lists them")
    if _content(found) == _content(parent):
        raise UsageError(f"release {found.number} is what {parent.environment} runs now, as release {parent.number}")
    return found


def _meant(parent: deploy.Deployed, to: str | None) -> Callable[[deploy.Deployed], bool]:
    return lambda one: deploy.is_named(one, to) if to is not None else _content(one) != _content(parent)


def _content(one: deploy.Deployed) -> tuple[object, ...]:
    return one.record.lock, one.bundle, one.manifests


def _forged(desk: Desk, one: deploy.Deployed) -> tuple[str, ...]:
    return forged(desk.root, one, desk.evidence, desk.keys)


@contextmanager
def _desk(root: Path, *, sign: bool) -> Iterator[Desk]:
    """Give what a release is made with; the key is optional, a key that nobody knows is refused."""
    keys = keys_of(root)
    key: SigningKey | None = None
    if sign and _key_text():
        key = signing_key()
        require_key(key, keys)
    elif sign:
        print(f"sluice: {SECRET_VARIABLE} is not set, so the release is not signed: {_UNSIGNED}", file=sys.stderr)
    with Branch(root) as evidence:
        if not evidence.known:
            print(f"sluice: {evidence.absence()}", file=sys.stderr)
        vouched = key is not None or (not sign and bool(keys))
        yield Desk(root, evidence, keys, datetime.now(UTC), where_am_i(), _renderer(root), key, vouched)


def _key_text() -> str:
    return os.environ.get(SECRET_VARIABLE, "").strip()


def _renderer(root: Path) -> Renderer:
    """Look for Kustomize when it is needed: what is refused needs none."""
    return lambda commit, lock, bundle: render_commit(root, find(root), commit, lock, bundle)


def learn(root: Path, environment: str) -> None:
    """Learn what main, the evidence and the environment are now."""
    done = ask(root, "fetch", "--quiet", "--no-tags", REMOTE, f"+refs/heads/main:refs/remotes/{REMOTE}/main")
    if done.returncode:
        raise CannotJudge(f"main could not be fetched from {REMOTE}: {complaint(done)}")
    fetch_quietly(root)
    deploy.fetch(root, environment)


def _publish(root: Path, environment: str, commit: str, parent: str | None, *, push: bool) -> None:
    if push:
        deploy.push(root, environment, commit)
    else:
        deploy.keep(root, environment, commit, parent)


def _until_won(attempt: Callable[[], ExitCode]) -> ExitCode:
    """Plan again after every lost race: what was planned before is not about what runs now."""
    for number in range(TRIES):
        try:
            return attempt()
        except deploy.LostRace as lost:
            print(f"sluice: {lost}; planning again", file=sys.stderr)
            time.sleep(random.uniform(0, _LONGEST_WAIT * (number + 1)))
    raise CannotJudge(f"others were faster {TRIES} times; run the command again")


def main_catalog(root: Path) -> Catalog | None:
    """Return what main declares; None where this clone knows no main."""
    for name in MAINS:
        try:
            return load(GitTree(root, name))
        except UsageError:
            continue
    return None


def environments(root: Path) -> Mapping[str, Entry[Environment]]:
    """Return name -> file of the environments that main declares, sorted."""
    main = main_catalog(root)
    return dict(sorted(main.environments.items())) if main else {}
