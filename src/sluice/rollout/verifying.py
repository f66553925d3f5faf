"""Verifies a release offline: signature, lock, bundle, evidence, and that its source gives exactly this lock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sluice.catalog import MAINS, GitTree, is_shallow, load
from sluice.digest import digest_bytes
from sluice.errors import SluiceError
from sluice.evidence.branch import Branch, place_of
from sluice.evidence.git import ask, is_ancestor, tell, tip
from sluice.evidence.keys import Keys
from sluice.evidence.unverified import Unverified
from sluice.evidence.verifying import find_run, verify
from sluice.release.bundle import make_bundle, verify_bundle
from sluice.release.lock import make_lock
from sluice.release.message import evidence_paths
from sluice.release.statement import ReleaseStatement, verify_statement
from sluice.rollout.branch import Deployed, history, read

_TRAILERS = {"Release": "release", "Release-Number": "number", "Source-Commit": "source_commit"}


def problems(root: Path, one: Deployed, evidence: Branch, keys: Keys) -> tuple[str, ...]:
    """Return everything about a release that is not what it must be, the gravest first; empty where it verifies."""
    return (
        *forged(root, one, evidence, keys),
        *_trailers(root, one),
        *_order(root, one),
        *_source(root, one),
        *_evidence(one, evidence, keys),
    )


def forged(root: Path, one: Deployed, evidence: Branch, keys: Keys) -> tuple[str, ...]:
    """Return why a release is not what a key of main signed; its source and its age play no part here."""
    return (*_contents(one), *_signature(root, one, evidence, keys))


def _trailers(root: Path, one: Deployed) -> Iterator[str]:
    for trailer, field in _TRAILERS.items():
        said = tell(root, "log", "-1", f"--format=%(trailers:key={trailer},valueonly)", one.commit).strip()
        held = str(getattr(one.record, field))
        if said != held:
            yield f"the trailer {trailer} of the commit says {said or 'nothing'}, the record {held}"


def _order(root: Path, one: Deployed) -> Iterator[str]:
    """Numbers go up by one; of a shallow clone, only what it holds can be told."""
    parents = tell(root, "rev-list", "--parents", "-1", one.commit).split()[1:]
    if len(parents) > 1:
        yield "the commit is a merge: releases follow one another"
    before = read(root, one.environment, parents[0]).number if parents else 0  # type: ignore[union-attr]
    if one.number != before + 1 and not (is_shallow(root) and not parents):
        yield f"its number is {one.number}, after {before}"


def _contents(one: Deployed) -> Iterator[str]:
    yield from verify_bundle(one.bundle)
    manifest = one.bundle.get("manifest.json", b"")
    if digest_bytes(manifest) != one.record.lock.bundle:
        yield "the bundle is not the one that the lock names"


def _signature(root: Path, one: Deployed, evidence: Branch, keys: Keys) -> Iterator[str]:
    """Without a signature of its own, a rollback is as good as the signed release that it brings back."""
    if one.statement is None:
        target = _restored(root, one)
        if target is None:
            yield "it is not signed"
        elif target.statement is None:
            yield f"neither it nor release {target.number}, which it restores, is signed"
        elif (target.record.lock, target.bundle, target.manifests) != (one.record.lock, one.bundle, one.manifests):
            yield f"it says that it restores release {target.number}, and holds something else"
        else:
            yield from _signature(root, target, evidence, keys)
        return
    try:
        statement, _ = verify_statement(one.statement, one.record, one.manifests, keys)
    except Unverified as problem:
        yield f"its statement does not verify: {problem}"
    else:
        yield from _inputs(one, statement, evidence)


def _restored(root: Path, one: Deployed) -> Deployed | None:
    wanted = one.record.restores
    return next((each for each in history(root, one.environment, one.commit) if each.number == wanted), None)


def _inputs(one: Deployed, statement: ReleaseStatement, evidence: Branch) -> Iterator[str]:
    signed = {one.uri: f"sha256:{one.digest.sha256}" for one in statement.predicate.input_attestations}
    for path in sorted({*signed, *evidence_paths(one.record)}):
        data = evidence.read(path)
        if data is None:
            yield f"{path}, which it rests on, is not on the branch evidence"
        elif signed.get(path) != digest_bytes(data):
            yield f"{path} is not what it was when the release was signed"


def _source(root: Path, one: Deployed) -> Iterator[str]:
    """Make lock and bundle anew from the commit that they came from."""
    commit = one.record.source_commit
    if ask(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        yield f"its source {commit[:12]} is not in this clone, so nobody can tell what it was made of; fetch main"
        return
    mains = [found for name in MAINS if (found := tip(root, name))]
    if not any(is_ancestor(root, commit, main) for main in mains):
        yield f"its source {commit[:12]} is not on main"
    try:
        catalog = load(GitTree(root, commit)).require_valid()
        bundle = make_bundle(catalog, one.environment)
        lock = make_lock(catalog, one.environment, bundle)
    except SluiceError as problem:
        yield f"its source {commit[:12]} gives no release: {problem}"
        return
    if lock.digest != one.release:
        yield f"its source {commit[:12]} gives the release {lock.digest}, not {one.release}"
    elif dict(bundle.files) != one.bundle:
        yield f"its source {commit[:12]} gives another bundle"


def _evidence(one: Deployed, evidence: Branch, keys: Keys) -> Iterator[str]:
    for name, suite in one.record.evidence.items():
        try:
            if find_run(evidence, suite.closure, keys) is None:
                yield f"{name}: the run that it was judged on is not on the branch evidence"
        except Unverified as problem:
            yield f"{name}: {problem}"
    for path in evidence_paths(one.record):
        place = place_of(path)
        if place is None or place.kind == "run":
            continue
        try:
            verify(evidence, place, keys)
        except Unverified as problem:
            yield f"{path}: {problem}"
