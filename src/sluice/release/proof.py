"""Finds the run that speaks for a suite in an environment, or says why there is none, and how near the nearest came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sluice.evidence.branch import Branch
from sluice.evidence.keys import Keys
from sluice.evidence.statement import RunFacts, Server, time_of
from sluice.evidence.unverified import Unverified
from sluice.evidence.verifying import RunEvidence, check_places, verify_statement, whole_run
from sluice.providers.base import Identity
from sluice.providers.served import mismatches
from sluice.release.candidates import Wanted
from sluice.runner.closure import PARTS, Closure

HOW = "judge it on main as it is served there and record that (docs/release.md, What is missing)"


@dataclass(frozen=True, slots=True)
class Trust:
    """What evidence is read from, by whose keys, and when."""

    branch: Branch
    keys: Keys
    now: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """A run that speaks for a suite."""

    wanted: Wanted
    run: RunEvidence


def find_proof(suite: str, several: Sequence[Wanted], trust: Trust, days: int) -> tuple[Proof | None, tuple[str, ...]]:
    """Return the first run that fits, the newest of its closure; without one, the reasons why."""
    reasons: list[str] = []
    for one in several:
        for run in _runs(one, trust, reasons):
            problems = [*_stale(run, trust.now, days), *_servers(run.facts, one)]
            if not problems:
                return Proof(one, run), ()
            reasons += [f"{suite}: the run {run.evidence.place.path} does not count: {why}" for why in problems]
    return None, tuple(reasons) or (_missing(suite, several, trust),)


def _runs(one: Wanted, trust: Trust, reasons: list[str]) -> Iterator[RunEvidence]:
    for place in reversed(trust.branch.attempts("run", one.closure.digest.removeprefix("sha256:"))):
        try:
            yield whole_run(trust.branch, verify_statement(trust.branch, place, trust.keys))
        except Unverified as problem:
            reasons.append(f"{one.closure.suite}: {place.path} does not verify: {problem}")


def _stale(run: RunEvidence, now: datetime, days: int) -> Iterator[str]:
    if is_stale(run.facts.evaluated_at, now, days):
        yield (
            f"it was made on {run.facts.evaluated_at[:10]}, more than {days} days ago, and what was never released "
            "needs evidence that is fresh"
        )


def is_stale(evaluated_at: str, now: datetime, days: int) -> bool:
    """Tell whether a statement is older than an environment accepts for a first release."""
    return time_of(evaluated_at) < now - timedelta(days=days)


def _servers(facts: RunFacts, one: Wanted) -> Iterator[str]:
    """Say where a server said that it is something else; answers that were reused were asked of none in this run."""
    if one.engine != "local" and facts.results.called and not facts.servers:
        yield f"nothing says which server answered, and {one.title} is wanted"
    for server in facts.servers:
        if one.engine != server.engine:
            yield f"the server that answered was {server.engine}, and {one.title} is wanted"
            continue
        yield from mismatches(_identity(server), one.model, one.served)


def _identity(server: Server) -> Identity:
    return Identity(server.engine, server.model, server.revision, server.version, server.limits, server.facts)


def _missing(suite: str, several: Sequence[Wanted], trust: Trust) -> str:
    """Say that nothing fits, and in what the nearest run of the suite differs from what will be served."""
    accepted = " or ".join(one.title for one in several)
    near = _nearest(suite, several[0].closure, trust)
    if near is None:
        return f"{suite}: no run of it is recorded ({accepted} would do); {HOW}"
    facts, parts = near
    differing = ", ".join(PARTS[part] for part in parts)
    answered = f"{facts.engine.get('model')} on {facts.engine.get('engine')}"
    return (
        f"{suite}: no run of exactly this is recorded ({accepted} would do). The nearest, by {answered} at "
        f"{facts.commit[:12]}, differs in {differing}; {HOW}"
    )


def _nearest(suite: str, target: Closure, trust: Trust) -> tuple[RunFacts, tuple[str, ...]] | None:
    places = tuple(place for place in trust.branch.places() if place.kind == "run")
    found: list[tuple[RunFacts, tuple[str, ...]]] = []
    for checked in check_places(trust.branch, places, trust.keys, whole=False):
        facts = checked.evidence.statement.facts if checked.evidence else None
        if isinstance(facts, RunFacts) and facts.suite.name == suite:
            found.append((facts, target.differences(Closure(suite, facts.closure))))
    found = [one for one in found if one[1]]
    return min(found, key=lambda one: (len(one[1]), _reversed(one[0].evaluated_at))) if found else None


def _reversed(time: str) -> float:
    return -time_of(time).timestamp()
