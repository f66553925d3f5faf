"""Turns a judgement of commits on main into signed files: runs of complete heads, and the suites' verdicts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sluice.catalog import Catalog
from sluice.digest import short
from sluice.errors import CannotJudge, UsageError
from sluice.evidence.acceptances import Holding, bound_to, holding
from sluice.evidence.accepting import Change, engine_of
from sluice.evidence.branch import Branch, Place
from sluice.evidence.git import REMOTE, is_ancestor, tip
from sluice.evidence.keys import Keys, SigningKey, read_keys
from sluice.evidence.runs import Making, complete_head, run_statement
from sluice.evidence.signing import signed
from sluice.evidence.statement import Statement, Where, time_of
from sluice.evidence.subjects import verdict_digest
from sluice.evidence.verdicts import Compared, verdict_statement
from sluice.evidence.verifying import check_places
from sluice.gate.acceptance import covered
from sluice.gate.changes import mixed
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.gate.verdict import SuiteVerdict
from sluice.runner.closure import closure

MAIN = "refs/heads/main"
_MAINS = (f"refs/remotes/{REMOTE}/main", MAIN)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a recording works with: the repository, its branch, the key that signs, and when and where."""

    root: Path
    branch: Branch
    key: SigningKey
    keys: Keys
    making: Making
    renew: timedelta | None = None
    """How old evidence may be before the same is recorded again; None where it holds for ever."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The files to store, what is known already, and why anything was refused."""

    files: Mapping[str, bytes]
    known: tuple[str, ...]
    refused: tuple[str, ...]


def desk(root: Path, head: Catalog, key: SigningKey, making: Making, renew: timedelta | None = None) -> Desk:
    """Return what a recording works with.

    Raises CannotJudge where evidence may not be made here, UsageError where nobody could verify the signature.
    """
    require_main(root, head.commit, os.environ)
    keys = read_keys(head.tree)
    require_key(key, keys)
    return Desk(root, Branch(root), key, keys, making, renew)


def require_key(key: SigningKey, keys: Keys) -> None:
    """Raise UsageError where nobody could verify what a key signs."""
    if not keys.known:
        raise UsageError(f"nobody could verify what the secret key signs: {keys.place}")
    if key.keyid not in keys.by_id:
        raise UsageError(
            f"the secret key belongs to no public key in {keys.place} (its id is {key.keyid[:12]}), so nobody could "
            "verify what it signs; commit the public half to main first"
        )


def require_main_run(environment: Mapping[str, str]) -> None:
    """Raise CannotJudge where a workflow runs on anything but main; a person at a machine is trusted with the key."""
    ref = environment.get("GITHUB_REF", MAIN)
    if ref != MAIN:
        raise CannotJudge(f"this runs on {ref}, and only runs on main make evidence")


def require_main(root: Path, commit: str | None, environment: Mapping[str, str]) -> None:
    """Raise CannotJudge unless this is main's own run, about a commit of main: nothing else becomes evidence."""
    require_main_run(environment)
    if commit is None:
        raise CannotJudge(
            "evidence is about commits, and this judgement is about a working tree; judge with --head REV"
        )
    mains = [found for name in _MAINS if (found := tip(root, name))]
    if not any(found == commit or is_ancestor(root, commit, found) for found in mains):
        raise CannotJudge(f"commit {commit[:12]} is not on main, and only what is on main becomes evidence")


def where_am_i(environment: Mapping[str, str] = os.environ) -> Where:
    """Return what the forge's environment says of this run; nothing of the machine itself."""
    server, repository, run = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return Where(
        url=f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None,
        repository=repository,
        ref=environment.get("GITHUB_REF"),
        workflow=environment.get("GITHUB_WORKFLOW_REF"),
        runner=environment.get("RUNNER_ENVIRONMENT"),
    )


@dataclass(frozen=True, slots=True)
class Sides:
    """What was judged: the judgement, its two commits, and how many heads the change has had."""

    judgement: Judgement
    change: Change
    heads_judged: int | None = None

    def verdict(self, name: str) -> SuiteVerdict | None:
        """Return the verdict of a suite."""
        return next((one for one in self.judgement.verdict.suites if one.suite == name), None)


def record(sides: Sides, desk: Desk) -> Recording:
    """Return the files of every complete head and every verdict that is not known yet.

    A suite is refused, with the reason, where its run is partial, or where it is not what its commit holds.
    """
    with desk.branch:
        return _record(sides, desk)


def _record(sides: Sides, desk: Desk) -> Recording:
    held, _ = holding(desk.branch, desk.keys, desk.making.moment)
    files: dict[str, bytes] = {}
    known: list[str] = []
    refused: list[str] = []
    for suite in sides.judgement.suites:
        try:
            made = list(_suite(suite, sides, desk.making, held))
        except (CannotJudge, UsageError) as reason:
            refused.append(str(reason))
            continue
        for place, statement, beside in made:
            found = _known(desk, place)
            known += [found] if found else []
            files.update({} if found else _files(place, statement, beside, desk))
    return Recording(files, tuple(known), tuple(refused))


def _files(place: Place, statement: Statement, beside: bytes | None, desk: Desk) -> dict[str, bytes]:
    free = replace(place, attempt=len(desk.branch.attempts(place.kind, place.hex)) + 1)
    files = {free.path: signed(statement, desk.key)}
    return files if beside is None else {**files, free.run_path: beside}


def _known(desk: Desk, place: Place) -> str | None:
    """Return the path of what verifies already and is new enough; anything else leaves the next place free."""
    places = desk.branch.attempts(place.kind, place.hex)
    found = (one.evidence for one in check_places(desk.branch, places, desk.keys) if one.evidence)
    return next((one.place.path for one in found if not _wants_renewal(one.statement, desk)), None)


def _wants_renewal(statement: Statement, desk: Desk) -> bool:
    if desk.renew is None:
        return False
    return time_of(statement.facts.evaluated_at) < desk.making.moment - desk.renew


def _suite(
    suite: SuiteJudgement, sides: Sides, making: Making, held: Sequence[Holding]
) -> Iterator[tuple[Place, Statement, bytes | None]]:
    compared = _compared(suite, sides, held)
    files = sides.change.head.suite(suite.name).value
    dataset = sides.change.head.datasets[files.dataset]
    whole = complete_head(suite, [dataset.case_id(row) for row in dataset.rows], files.relative)
    statement, file = run_statement(whole, compared.head, sides.change.suites(suite.name)[0].must_pass, making)
    yield Place("run", _hex(compared.head.digest)), statement, file
    verdict = sides.verdict(suite.name)
    if verdict is not None:
        told = verdict_statement(sides.judgement, verdict, compared, making, sides.heads_judged)
        baseline = compared.base.digest if compared.base else None
        subject = verdict_digest(baseline, compared.head.digest, compared.judged_policy)
        yield Place("verdict", _hex(subject)), told, None


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _compared(suite: SuiteJudgement, sides: Sides, held: Sequence[Holding]) -> Compared:
    """Compute both closures anew from the commits; raise CannotJudge where the judgement is about something else."""
    name, comparison = suite.name, suite.comparison
    if comparison.head.foreign or comparison.base.foreign:
        raise CannotJudge(f"{name}: another harness ran it, and only runs of Sluice are evidence")
    after = closure(sides.change.head, name, engine_of(comparison.head))
    before = None
    if sides.change.base is not None and name in sides.change.base.suites:
        before = mixed(sides.change.base, engine_of(comparison.base), sides.change.head, after)
    for side, computed in ((comparison.head, after), (comparison.base, before)):
        if computed is not None and computed.digest != side.closure:
            raise CannotJudge(
                f"{name}: the judgement is about the closure {short(side.closure)}, and the commit holds "
                f"{short(computed.digest)}; judge that commit (--head REV, --base REV)"
            )
    policy = sides.change.policy(name)
    return Compared(before, after, policy, _used(suite, sides.verdict(name), after.digest, policy, held))


def _used(
    suite: SuiteJudgement, verdict: SuiteVerdict | None, candidate: str, policy: str, held: Sequence[Holding]
) -> tuple[str, ...]:
    """Return the acceptances that made a suite's word; raise CannotJudge where they are not there to be shown."""
    if verdict is None or verdict.word != "accepted":
        return ()
    bound = [one for one in bound_to(held, candidate, policy) if one.suite == suite.name]
    if not covered(_before_acceptance(verdict), suite.comparison, [one.accepted for one in bound]):
        raise CannotJudge(f"{suite.name}: the judgement says `accepted`, and no acceptance on the branch covers it")
    return tuple(sorted(one.digest for one in bound))


def _before_acceptance(verdict: SuiteVerdict) -> SuiteVerdict:
    """Return the verdict as it was before it was accepted, as far as its metrics and cases say."""
    lost = any(metric.blocking and metric.word == "fail" for metric in verdict.metrics) or verdict.must_pass
    return replace(verdict, word="fail" if lost else "inconclusive")
