"""Acceptances as evidence: makes their statements, and finds those that hold for a candidate and a policy now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sluice.evidence.branch import Branch, Place
from sluice.evidence.keys import Keys
from sluice.evidence.runs import Making
from sluice.evidence.statement import (
    AcceptanceFacts,
    Named,
    Predicate,
    Statement,
    resource,
    time_of,
    time_text,
)
from sluice.evidence.unverified import Unverified
from sluice.evidence.verifying import verify
from sluice.gate.acceptance import Accepted


@dataclass(frozen=True, slots=True)
class Said:
    """What a person accepts, of what, and until when."""

    suite: str
    candidate: str
    policy: str
    reason: str
    by: str
    expires: datetime
    cases: tuple[str, ...] = ()
    metric: str | None = None
    removal: bool = False
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """An acceptance that verifies and has not expired."""

    digest: str
    suite: str
    candidate: str
    policy: str
    accepted: Accepted


def acceptance_statement(said: Said, making: Making) -> Statement:
    """Return the statement about an acceptance; it warns, whatever it lets through."""
    facts = AcceptanceFacts(
        suite=Named(name=said.suite),
        evaluated_at=making.time,
        where=making.where,
        cases=tuple(sorted(set(said.cases))),
        metric=said.metric,
        removal=said.removal,
        reason=said.reason,
        accepted_by=said.by,
        expires=time_text(said.expires),
        command=said.command,
    )
    subject = (resource("candidate", said.candidate), resource("policy", said.policy))
    predicate = Predicate(
        result="WARNED",
        configuration=(resource("gates", said.policy),),
        url=said.command,
        warned_tests=_names(facts),
        sluice=facts,
    )
    return Statement(subject=subject, predicate=predicate)


def _names(facts: AcceptanceFacts) -> tuple[str, ...]:
    metric = (facts.metric,) if facts.metric else ()
    return (*metric, *facts.cases, *((f"removal/{facts.suite.name}",) if facts.removal else ()))


def holding(branch: Branch, keys: Keys, now: datetime) -> tuple[tuple[Holding, ...], tuple[str, ...]]:
    """Return the acceptances that hold now, and in words those that do not verify."""
    found: list[Holding] = []
    words: list[str] = []
    for place in branch.places():
        if place.kind != "acceptance":
            continue
        try:
            held = _held(branch, place, keys, now)
        except Unverified as problem:
            words.append(f"the acceptance {place.path} is not used: {problem}")
        else:
            found += [held] if held else []
    return tuple(found), tuple(words)


def _held(branch: Branch, place: Place, keys: Keys, now: datetime) -> Holding | None:
    statement = verify(branch, place, keys).statement
    facts = statement.facts
    if not isinstance(facts, AcceptanceFacts) or time_of(facts.expires) <= now:
        return None
    accepted = Accepted(
        words=words_of(facts),
        cases=facts.cases,
        metric=facts.metric,
        removal=facts.suite.name if facts.removal else None,
    )
    candidate, policy = statement.about("candidate") or "", statement.about("policy") or ""
    return Holding(f"sha256:{place.hex}", facts.suite.name, candidate, policy, accepted)


def words_of(facts: AcceptanceFacts) -> str:
    """Tell an acceptance in a line: what, by whom, until when and why."""
    what = [facts.metric] if facts.metric else []
    what += [f"{len(facts.cases)} cases" if len(facts.cases) > 3 else ", ".join(facts.cases)] if facts.cases else []
    what += ["its removal"] if facts.removal else []
    told = f"accepted by {facts.accepted_by} until {facts.expires[:10]}, {' and '.join(what)}: {facts.reason}"
    return f"{told} ({facts.command})" if facts.command else told


def bound_to(held: Sequence[Holding], candidate: str, policy: str) -> tuple[Holding, ...]:
    """Return those that are bound to this candidate under this policy."""
    return tuple(one for one in held if (one.candidate, one.policy) == (candidate, policy))
