"""Gives acceptances, and lets those that hold decide: bound to what two commits hold, not to what a report claims."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sluice.catalog import Catalog
from sluice.errors import CannotJudge, UsageError, nearest
from sluice.evidence.acceptances import Holding, Said, acceptance_statement, bound_to, holding
from sluice.evidence.branch import Branch, Place
from sluice.evidence.keys import Keys, SigningKey
from sluice.evidence.runs import Making
from sluice.evidence.signing import signed
from sluice.evidence.statement import AcceptanceFacts
from sluice.evidence.subjects import acceptance_digest
from sluice.gate.acceptance import Accepted, accept, policy_digest, removal_candidate
from sluice.gate.changes import model_of, named_engine, problems_about, removals
from sluice.gate.judgement import Judgement
from sluice.results import RunHeader
from sluice.runner.closure import closure
from sluice.runner.engine import Engine
from sluice.schema import Suite

MOST_DAYS = 90
"""The longest that an acceptance may hold; what is still needed then deserves another look."""
MOST_CHARACTERS = 500
"""The longest reason: it stands in every release that carries it."""
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:\[bot\])?")
_ADDRESS = re.compile(r"https?://[!-~]{1,1000}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants accepted: cases, a metric, or the removal of a suite; why, and for how long."""

    suite: str
    reason: str
    by: str
    days: int
    cases: tuple[str, ...] = ()
    metric: str | None = None
    removal: bool = False
    author: str | None = None
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The two revisions of a change, as catalogs; head may be data that was never checked out."""

    base: Catalog | None
    head: Catalog

    def policy(self, suite: str) -> str:
        """Return the digest of the policy that judges a suite: the base's, where it existed there."""
        return policy_digest(next(iter(self.suites(suite)), None))

    def suites(self, name: str) -> list[Suite]:
        """Return the files of a suite: base's first, then head's."""
        catalogs = [catalog for catalog in (self.base, self.head) if catalog is not None]
        return [catalog.suites[name].value for catalog in catalogs if name in catalog.suites]

    def candidate(self, suite: str, engine: Engine) -> str:
        """Return the closure of a suite's head under the engine that answers for it."""
        return closure(self.head, suite, engine).digest

    def removed(self, name: str) -> str:
        """Return what the acceptance of a removal is bound to; engines are those that the files name."""
        engines = {suite: named_engine(self.head, model_of(self.head, suite)) for suite in self.head.suites}
        return removal_candidate(name, {suite: self.candidate(suite, engine) for suite, engine in engines.items()})


def acceptance(
    change: Change, wish: Wish, engine: Engine | None, key: SigningKey, making: Making
) -> tuple[Place, bytes]:
    """Return a signed acceptance and where it belongs.

    `engine` answers for the suite's head; None where a removal is accepted. Raises UsageError for what may not be
    accepted, CannotJudge for what is not there.
    """
    _check(wish)
    _check_change(change, wish, engine)
    candidate = change.removed(wish.suite) if wish.removal else _candidate(change, wish, engine)
    said = Said(
        suite=wish.suite,
        candidate=candidate,
        policy=change.policy(wish.suite),
        reason=" ".join(wish.reason.split()),
        by=wish.by,
        expires=making.moment + timedelta(days=wish.days),
        cases=wish.cases,
        metric=wish.metric,
        removal=wish.removal,
        command=wish.command,
    )
    statement = acceptance_statement(said, making)
    facts = statement.facts
    assert isinstance(facts, AcceptanceFacts)
    hex_digest = acceptance_digest(said.candidate, said.policy, facts).removeprefix("sha256:")
    return Place("acceptance", hex_digest), signed(statement, key)


def _check(wish: Wish) -> None:
    if sum((bool(wish.cases), wish.metric is not None, wish.removal)) != 1:
        raise UsageError("accept either cases, or a metric, or a removal")
    _check_words(wish)
    if not 1 <= wish.days <= MOST_DAYS:
        raise UsageError(f"an acceptance holds for 1 to {MOST_DAYS} days, not {wish.days}")
    if wish.author is not None and wish.author.casefold() == wish.by.casefold():
        raise UsageError(f"{wish.by} wrote the change; somebody else must accept it")


def _check_words(wish: Wish) -> None:
    """What is signed is shown to others, on screens too, and a name in it must be one that can be looked up."""
    reason = " ".join(wish.reason.split())
    if not reason:
        raise UsageError("an acceptance needs a reason")
    if len(reason) > MOST_CHARACTERS or not reason.isprintable():
        raise UsageError(f"a reason has at most {MOST_CHARACTERS} characters, and none that cannot be seen")
    for name in filter(None, (wish.by, wish.author)):
        if not _LOGIN.fullmatch(name):
            raise UsageError(f"{name!r} is no login: letters, digits and dashes, as the forge shows it")
    if not wish.by:
        raise UsageError("somebody accepts: name who, by their login")
    if wish.command is not None and not _ADDRESS.fullmatch(wish.command):
        raise UsageError(f"{wish.command!r} is no address of a comment: https://...")


def _check_change(change: Change, wish: Wish, engine: Engine | None) -> None:
    """An acceptance is of a candidate: something committed, that differs from what is there."""
    if change.head.tree.commit is None:
        raise UsageError("an acceptance is of a commit, and a working tree is none: name the commit with --head REV")
    if wish.removal:
        gone = set(removals(change.base, change.head)) if change.base is not None else set()
        if not gone & set(problems_about(wish.suite)):
            raise UsageError(f"nothing gated named {wish.suite!r} is gone: there is no removal to accept")
    elif engine is not None and change.base is not None and _is_same(change.base, change.head, wish.suite, engine):
        raise UsageError(f"{wish.suite} is the same in {change.base.tree.label}: there is nothing to accept")


def _is_same(base: Catalog, head: Catalog, name: str, engine: Engine) -> bool:
    if name not in base.suites or base.suites[name].value != head.suite(name).value:
        return False
    if model_of(base, name) != model_of(head, name):
        return False
    return closure(base, name, engine).digest == closure(head, name, engine).digest


def _candidate(change: Change, wish: Wish, engine: Engine | None) -> str:
    suite = change.head.suite(wish.suite).value
    dataset = change.head.datasets[suite.dataset]
    unknown = sorted(set(wish.cases) - {dataset.case_id(row) for row in dataset.rows})
    if unknown:
        raise UsageError(f"{wish.suite} has no case {unknown[0]!r}")
    gates = {metric for one in change.suites(wish.suite) for metric in one.gates}
    if wish.metric is not None and wish.metric not in gates:
        raise UsageError(f"{wish.suite} has no gated metric {wish.metric!r}; {nearest(wish.metric, gates)}")
    if engine is None:
        raise CannotJudge(f"nobody says which engine answers for {wish.suite}")
    return change.candidate(wish.suite, engine)


def with_acceptances(
    judgement: Judgement, change: Change, root: Path, keys: Keys, now: datetime
) -> tuple[Judgement, tuple[str, ...]]:
    """Return the judgement as the acceptances on the branch leave it, and words about those that do not verify.

    An acceptance counts for the closure that is computed from head itself, and only where the judgement is about it.
    """
    with Branch(root) as branch:
        held, words = holding(branch, keys, now) if branch.known and keys else ((), ())
    if not held:
        return judgement, words
    problems = removals(change.base, change.head) if change.base is not None else []
    problems = [problem for problem in problems if problem in judgement.verdict.reasons]
    accepted = {**_for_suites(judgement, change, held), **_for_removals(change, held)}
    return accept(judgement, problems, accepted), words


def _for_suites(judgement: Judgement, change: Change, held: Sequence[Holding]) -> Mapping[str, list[Accepted]]:
    found: dict[str, list[Accepted]] = {}
    for suite in judgement.suites:
        if suite.name not in change.head.suites:
            continue
        candidate = change.candidate(suite.name, engine_of(suite.comparison.head))
        if candidate == suite.comparison.head.closure:
            bound = bound_to(held, candidate, change.policy(suite.name))
            found[suite.name] = [one.accepted for one in bound if one.suite == suite.name]
    return found


def _for_removals(change: Change, held: Sequence[Holding]) -> Mapping[str, list[Accepted]]:
    names = {one.suite for one in held if one.accepted.removal is not None}
    bound = {name: bound_to(held, change.removed(name), change.policy(name)) for name in names}
    return {f"removal of {name}": [one.accepted for one in found] for name, found in bound.items()}


def engine_of(header: RunHeader) -> Engine:
    """Return the engine that a run names; a closure that is computed with it must be the one that the run names."""
    return Engine(str(header.engine.get("engine")), str(header.engine.get("model")))
