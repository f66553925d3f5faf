"""Plans the next release of an environment: what it would hold, why it is allowed or refused, and its commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sluice.adoption import placeholders
from sluice.catalog import MAINS, Catalog, GitTree, load
from sluice.errors import UsageError
from sluice.evidence.branch import Branch
from sluice.evidence.git import tell
from sluice.evidence.keys import Keys, SigningKey
from sluice.evidence.statement import Where, time_text
from sluice.evidence.unverified import Unverified
from sluice.evidence.verifying import find_run
from sluice.release.admission import Admission, Asked, Refusal, admit, may_name
from sluice.release.bundle import Bundle, make_bundle
from sluice.release.comparing import Reference
from sluice.release.differences import differences
from sluice.release.lock import Lock, make_lock
from sluice.release.message import evidence_paths, message
from sluice.release.proof import Trust
from sluice.release.record import Anchor, Record
from sluice.release.statement import release_statement, signed_release
from sluice.rollout import branch as deploy
from sluice.rollout.branch import Deployed
from sluice.rollout.capacity import demands, shortages
from sluice.rollout.verifying import forged
from sluice.schema import Environment

MOST_COMMITS = 30
"""How far back a judged commit is looked for."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Name -> text of the manifests in the order in which they are applied, and what is wrong with them."""

    manifests: Mapping[str, bytes]
    problems: tuple[str, ...] = ()


Renderer = Callable[[str, Lock, Mapping[str, bytes]], Rendered]
"""Renders a lock and its bundle with the files of a commit."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a release is made with: the repository, its evidence, whose keys, when and where, and who signs."""

    root: Path
    evidence: Branch
    keys: Keys
    now: datetime
    where: Where
    render: Renderer
    key: SigningKey | None = None
    vouched: bool = False
    """Whether what lies on the branch has to verify: where we sign, or say what signing would say."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for."""

    environment: str
    commit: str | None = None
    """The commit to release; by default main's newest that was judged."""
    first_by: str | None = None
    anchor_by: str | None = None
    expect: str | None = None
    """The digest that was approved: anything else is refused."""
    again: bool = False
    """Whether what was turned back may be released once more."""
    over_unverified: bool = False
    """Whether to build on a newest release that does not verify."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The next release. `unchanged`: what would be released runs already."""

    catalog: Catalog
    lock: Lock
    parent: Deployed | None
    admission: Admission
    changes: tuple[str, ...]
    rendered: Rendered
    bundle: Bundle
    notes: tuple[str, ...] = ()
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class _Draft:
    """A commit's lock and what the evidence says of it, before anything is rendered."""

    catalog: Catalog
    lock: Lock
    bundle: Bundle
    admission: Admission
    notes: tuple[str, ...]


def plan(wish: Wish, desk: Desk) -> Plan:
    """Return what would be released now, with every reason against it; nothing is written.

    Without a commit it is main's newest that was judged, well or badly; where none was, the reasons are the newest's.
    """
    parent = deploy.read(desk.root, wish.environment)
    drafts: list[_Draft] = []
    for commit in _commits(wish, desk.root, parent):
        catalog = load(GitTree(desk.root, commit))
        if drafts and not _is_candidate(catalog, wish.environment):
            break
        drafts.append(_draft(wish, desk, parent, catalog.require_valid()))
        if drafts[-1].admission.complete:
            return _completed(drafts[-1], tuple(_unjudged(drafts[:-1])), wish, desk, parent)
    return _completed(drafts[0], (), wish, desk, parent)


def _manifests_alone(parent: Deployed | None, rendered: Rendered) -> Iterator[str]:
    """Say which manifests differ where the lock is what runs already: nothing else tells what would be released."""
    if parent is None or not rendered.manifests:
        return
    old, new = parent.manifests, rendered.manifests
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    if names:
        yield f"the lock is what release {parent.number} has; other manifests: {', '.join(names)}"


def _is_candidate(catalog: Catalog, environment: str) -> bool:
    """Whether an older commit could be released at all; of the newest one it is said what is wrong."""
    return environment in catalog.environments and not any(one.severity == "error" for one in catalog.findings)


def _unjudged(newer: list[_Draft]) -> Iterator[str]:
    if newer:
        names = ", ".join((one.catalog.commit or "")[:12] for one in newer)
        yield f"newer on main, without evidence yet: {names}"


def _draft(wish: Wish, desk: Desk, parent: Deployed | None, catalog: Catalog) -> _Draft:
    bundle = make_bundle(catalog, wish.environment)
    lock = make_lock(catalog, wish.environment, bundle)
    admission, notes = _admission(wish, desk, parent, catalog, lock)
    return _Draft(catalog, lock, bundle, admission, notes)


def _completed(one: _Draft, notes: tuple[str, ...], wish: Wish, desk: Desk, parent: Deployed | None) -> Plan:
    """Render what the evidence allows, and add what else stands against it."""
    here = one.catalog.environment(wish.environment).value
    before = parent.record.lock if parent else None
    allowed = one.admission.allowed
    rendered = desk.render(one.catalog.commit or "", one.lock, one.bundle.files) if allowed else Rendered({})
    same = parent is not None and parent.release == one.lock.digest and parent.manifests == dict(rendered.manifests)
    doubts = forged(desk.root, parent, desk.evidence, desk.keys) if parent is not None and desk.vouched else ()
    # With a key, the same is released anew where what lies there does not verify.
    same = same and not (desk.key and doubts)
    lacking = shortages(demands(before) if before else (), demands(one.lock), here.capacity)
    refusals = [
        *one.admission.refusals,
        *(Refusal(problem, no=True) for problem in rendered.problems),
        *(Refusal(str(shortage), no=True) for shortage in lacking if not same),
        *_unfilled(one.catalog, wish.environment),
        *_approval(wish, here, one.lock),
        *_turned_back(wish, desk.root, parent, one.lock),
        *_unverified(wish, parent, doubts),
    ]
    admission = replace(one.admission, refusals=tuple(refusals))
    changes = differences(before, one.lock)
    told = (*notes, *one.notes, *(_manifests_alone(parent, rendered) if before == one.lock else ()))
    return Plan(one.catalog, one.lock, parent, admission, changes, rendered, one.bundle, told, same)


def _commits(wish: Wish, root: Path, parent: Deployed | None) -> Iterator[str]:
    """Yield main's commits that are newer than what runs, the newest first; what runs itself at last."""
    if wish.commit is not None:
        yield GitTree(root, wish.commit).commit or wish.commit
        return
    main = _main(root)
    last = parent.record.source_commit if parent else None
    for commit in tell(root, "rev-list", "--first-parent", f"--max-count={MOST_COMMITS}", main).split():
        yield commit
        if commit == last:
            return


def _main(root: Path) -> str:
    for name in MAINS:
        try:
            return GitTree(root, name).commit or name
        except UsageError:
            continue
    raise UsageError("neither origin/main nor main is known here, and only what is on main is released")


def _unfilled(catalog: Catalog, environment: str) -> Iterator[Refusal]:
    """What the template leaves open must be written before anything is rendered for a cluster."""
    with closing(catalog.tree) as tree:
        found = placeholders.left_in(tree, environment)
    yield from (Refusal(str(finding)) for finding in found)


def _approval(wish: Wish, here: Environment, lock: Lock) -> Iterator[Refusal]:
    if wish.expect is not None and not lock.digest.removeprefix("sha256:").startswith(_hex(wish.expect)):
        yield Refusal(
            f"{wish.expect} was approved, and what would be released now is {lock.digest}: the approval is superseded, "
            "so ask for one of what is newest",
            no=True,
        )
    if wish.anchor_by is not None and not may_name(here, wish.anchor_by):
        known = " or ".join(here.approvers)
        yield Refusal(f"{wish.anchor_by} may not name a reference release; {known} may", no=True)


def _turned_back(wish: Wish, root: Path, parent: Deployed | None, lock: Lock) -> Iterator[Refusal]:
    """Refuse what the last rollback was from: the next run of a workflow must not undo what a person did."""
    if parent is None or parent.record.restores is None or wish.again or lock.digest == parent.release:
        return
    for one in _history(root, parent):
        if parent.record.restores < one.number < parent.number and one.release == lock.digest:
            reason = f"this is release {one.number}, which release {parent.number} turned back from"
            yield Refusal(f"{reason}; merge a change, or say --again", no=True)
            return


def _unverified(wish: Wish, parent: Deployed | None, doubts: Sequence[str]) -> Iterator[Refusal]:
    """Refuse to build on what nobody signed: its number, its reference and its closures would become ours."""
    if parent is not None and doubts and not wish.over_unverified:
        yield Refusal(
            f"the newest commit of deploy/{parent.environment}, {parent.commit[:12]}, does not verify ({doubts[0]}): "
            f"somebody wrote it past Sluice, or without a key. `sluice rollback {parent.environment}` goes back to "
            "what verifies; --over-unverified builds on it nevertheless"
        )


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _admission(
    wish: Wish, desk: Desk, parent: Deployed | None, catalog: Catalog, lock: Lock
) -> tuple[Admission, tuple[str, ...]]:
    """Ask the evidence; what was admitted here before stays admitted (TRUST)."""
    earlier = next(
        (one for one in _history(desk.root, parent) if one.release == lock.digest and _counts(one, desk)), None
    )
    if earlier is not None:
        note = f"the same was admitted before, as release {earlier.number}"
        lost = tuple(_lost(earlier, desk))
        return Admission(earlier.record.evidence, lost, complete=not lost), (note,)
    trust = Trust(desk.evidence, desk.keys, desk.now)
    question = Asked(catalog, wish.environment, _current(desk.root, parent), _anchor(desk.root, parent), wish.first_by)
    return admit(question, trust), ()


def _counts(one: Deployed, desk: Desk) -> bool:
    """Whether a release speaks for its digest: where we sign, only what was signed does."""
    return not desk.vouched or not forged(desk.root, one, desk.evidence, desk.keys)


def _history(root: Path, parent: Deployed | None) -> Iterator[Deployed]:
    return deploy.history(root, parent.environment, parent.commit) if parent else iter(())


def _lost(earlier: Deployed, desk: Desk) -> Iterator[Refusal]:
    for name, one in earlier.record.evidence.items():
        try:
            if find_run(desk.evidence, one.closure, desk.keys) is None:
                yield Refusal(f"{name}: the run that admitted it is not on the branch any more")
        except Unverified as problem:
            yield Refusal(f"{name}: {problem}")


def _current(root: Path, parent: Deployed | None) -> Reference | None:
    if parent is None:
        return None
    label = f"release {parent.number}, which {parent.environment} runs now"
    return Reference(label, load(GitTree(root, parent.record.source_commit)), parent.record.closures)


def _anchor(root: Path, parent: Deployed | None) -> Reference | None:
    """Return the anchor; None where it is what runs now."""
    if parent is None or parent.record.anchor.release == parent.release:
        return None
    anchor = parent.record.anchor
    label = f"release {anchor.number}, the reference that {anchor.by} named"
    return Reference(label, load(GitTree(root, anchor.commit)), anchor.closures)


def record_of(made: Plan, wish: Wish, now: datetime) -> Record:
    """Return the record of a release that is allowed."""
    number = made.parent.number + 1 if made.parent else 1
    commit = made.catalog.commit or ""
    closures = {name: one.closure for name, one in made.admission.evidence.items()}
    by = wish.anchor_by or (None if made.parent else wish.first_by)
    named = Anchor(number=number, release=made.lock.digest, commit=commit, by=by, closures=closures) if by else None
    kept = made.parent.record.anchor if made.parent else None
    anchor = named or kept
    assert anchor is not None, "a first release that nobody named is refused"
    return Record(
        number=number,
        lock=made.lock,
        source_commit=commit,
        released_at=time_text(now),
        evidence=dict(made.admission.evidence),
        anchor=anchor,
        changes=made.changes,
    )


def committed(
    record: Record, parent: Deployed | None, bundle: Mapping[str, bytes], manifests: Mapping[str, bytes], desk: Desk
) -> str:
    """Write the commit of a release, signed where a key is there; return it. No branch moves."""
    statement = None
    if desk.key is not None:
        inputs = {path: data for path in evidence_paths(record) if (data := desk.evidence.read(path)) is not None}
        statement = signed_release(release_statement(record, manifests, inputs, desk.where), desk.key)
    files = deploy.contents(record, bundle, manifests, statement)
    return deploy.commit_release(
        desk.root, parent.commit if parent else None, files, record.released_at, message(record)
    )


def restored(target: Deployed, parent: Deployed, now: datetime, anchor: Anchor) -> Record:
    """Return the record that brings an earlier release back; its evidence is that of then, its number a new one."""
    return target.record.model_copy(
        update={
            "number": parent.number + 1,
            "released_at": time_text(now),
            "anchor": anchor,
            "changes": differences(parent.record.lock, target.record.lock),
            "restores": target.number,
        }
    )
