"""Statements on a screen: one line each, or one in full; what persons wrote in them is made harmless first."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from sluice.digest import short
from sluice.errors import UsageError
from sluice.evidence.acceptances import words_of
from sluice.evidence.branch import Branch, Place
from sluice.evidence.statement import AcceptanceFacts, Claim, RunFacts, VerdictFacts
from sluice.evidence.verifying import Checked, Evidence
from sluice.report.neutral import plain
from sluice.report.visible import clipped, one_line

LEAST_DIGITS = 4
_WIDEST = 180


def found(branch: Branch, digits: str) -> tuple[Place, ...]:
    """Return the one place whose digest starts so; raise UsageError for none, or for several digests."""
    wanted = digits.removeprefix("sha256:").lower()
    places = [place for place in branch.places() if place.hex.startswith(wanted)]
    if len(wanted) < LEAST_DIGITS or not places:
        raise UsageError(f"no evidence has a digest that starts with {digits!r}; `sluice evidence list` shows all")
    digests = sorted({place.hex for place in places})
    if len(digests) > 1:
        raise UsageError(f"{digits!r} is the start of {len(digests)} digests: {', '.join(map(short, digests[:5]))}")
    return (places[-1],)


def chosen(branch: Branch, arguments: argparse.Namespace) -> tuple[Place, ...]:
    """Return what `verify` was asked for."""
    if arguments.all == bool(arguments.digests):
        raise UsageError("name digests, or --all")
    if arguments.all:
        return branch.places()
    return tuple(place for digits in arguments.digests for place in found(branch, digits))


def table(checked: Sequence[Checked], style: str) -> str:
    """Return one line for each statement, in the asked format."""
    rows = [_row(one) for one in checked]
    if style == "json":
        return json.dumps({"format": 1, "evidence": rows}, indent=2) + "\n"
    if style == "markdown":
        lines = [f"| {' | '.join(plain(str(row[key])) for key in _COLUMNS)} |" for row in rows]
        return "\n".join([f"| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}", *lines]) + "\n"
    return "".join(_line(row) + "\n" for row in rows)


_COLUMNS = ("kind", "digest", "suite", "says", "commit", "time", "status")


def _row(checked: Checked) -> dict[str, Any]:
    place, evidence = checked.place, checked.evidence
    row: dict[str, Any] = {"kind": place.kind, "digest": f"sha256:{place.hex}", "path": place.path, "suite": None}
    row |= {"says": None, "commit": None, "time": None, "verified": evidence is not None}
    if evidence is None:
        return {**row, "status": f"NOT VERIFIED: {checked.problem}"}
    facts = evidence.statement.facts
    row |= {"suite": facts.suite.name, "says": says(evidence), "time": facts.evaluated_at, "commit": _commit(evidence)}
    return {**row, "status": f"signed by {evidence.key.name}"}


def _line(row: dict[str, Any]) -> str:
    told = [one_line(str(row["status"]))]
    if row["verified"]:
        commit = (row["commit"] or "")[:12].ljust(12)
        told = [row["time"][:10], commit, *(one_line(row[key]) for key in ("suite", "says"))]
    return clipped("  ".join([f"{row['kind']:<10}", short(row["digest"]), *told]), _WIDEST)


def _commit(evidence: Evidence) -> str | None:
    match evidence.statement.facts:
        case RunFacts(commit=commit):
            return commit
        case VerdictFacts(head=head):
            return head.commit
        case AcceptanceFacts():
            return None


def says(evidence: Evidence) -> str:
    """Say in a few words what a statement says."""
    match evidence.statement.facts:
        case RunFacts() as facts:
            tally = facts.results
            errors = f", {tally.errors:,} errors" if tally.errors else ""
            return f"{tally.passed:,} of {tally.results:,} results pass{errors}"
        case VerdictFacts() as facts:
            return facts.verdict
        case AcceptanceFacts() as facts:
            return words_of(facts)


def statement(checked: Checked, style: str) -> str:
    """Return one statement in full."""
    evidence = checked.evidence
    if style == "json":
        content = evidence.statement.model_dump(mode="json", by_alias=True, exclude_none=True) if evidence else None
        return json.dumps({"format": 1, **_row(checked), "statement": content}, indent=2) + "\n"
    lines = _facts(evidence) if evidence else []
    head = [("evidence", f"{checked.place.kind} sha256:{checked.place.hex}"), ("status", _row(checked)["status"])]
    rows = [(name, one_line(text)) for name, text in [*head, *lines]]
    if style == "markdown":
        return "".join(f"- {name}: {plain(text)}\n" for name, text in rows)
    width = max(len(name) for name, _ in rows)
    return "".join(f"{name.ljust(width)}  {text}\n" for name, text in rows)


def _facts(evidence: Evidence) -> list[tuple[str, str]]:
    facts = evidence.statement.facts
    subjects = [(one.name, one.full) for one in evidence.statement.subject]
    made = [("suite", facts.suite.name), ("says", says(evidence)), ("made at", facts.evaluated_at)]
    made += [("made by", f"{facts.harness.name} {facts.harness.version}"), ("key", evidence.key.keyid)]
    made += [("run", facts.where.url)] if facts.where.url else []
    match facts:
        case RunFacts():
            return [*subjects, *made, *_run(facts)]
        case VerdictFacts():
            return [*subjects, *made, *_verdict(facts)]
        case AcceptanceFacts():
            return [*subjects, *made, ("expires", facts.expires)]


def _run(facts: RunFacts) -> list[tuple[str, str]]:
    engine = str(facts.engine.get("title") or facts.engine.get("engine"))
    servers = [f"{one.engine} {one.version or ''} {one.model} {one.revision or ''}" for one in facts.servers]
    return [
        ("commit", facts.commit),
        ("engine", engine),
        *(("server", server) for server in servers),
        ("called", f"{facts.results.called:,} of {facts.results.results:,} results in that run"),
        ("outputs", facts.run.outputs),
        ("results", f"{facts.run.name} ({facts.run.size:,} bytes)"),
    ]


def _verdict(facts: VerdictFacts) -> list[tuple[str, str]]:
    base = [("base", f"{facts.base.label} {facts.base.commit or ''}")] if facts.base else []
    heads = [("heads judged", str(facts.heads_judged))] if facts.heads_judged is not None else []
    claims = [(one.metric, _claim(one)) for one in facts.claims]
    reasons = [("reason", reason) for reason in facts.reasons]
    change = [("the change", facts.change.verdict)]
    return [*base, ("head", f"{facts.head.label} {facts.head.commit or ''}"), *claims, *reasons, *change, *heads]


def _claim(claim: Claim) -> str:
    sides = f"{_share(claim.base)} -> {_share(claim.head)}"
    return f"{claim.word}: {sides}, n {claim.sample_size:,}, {_sees(claim.detectable)}"


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _sees(detectable: float | None) -> str:
    return f"sees a drop of {detectable * 100:.1f} points" if detectable is not None else "power unknown"
