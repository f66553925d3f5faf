"""Verifies what lies on the branch, from the signature down to the last result; needs no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sluice.digest import digest, digest_bytes
from sluice.evidence.branch import Branch, Place
from sluice.evidence.envelope import decode, signer
from sluice.evidence.keys import Keys, PublicKey
from sluice.evidence.statement import AcceptanceFacts, RunFacts, Statement, VerdictFacts, read
from sluice.evidence.stored import WholeRun, unpack
from sluice.evidence.subjects import acceptance_digest, verdict_digest
from sluice.evidence.unverified import Unverified
from sluice.runner.closure import Closure


@dataclass(frozen=True, slots=True)
class Evidence:
    """One statement that verifies: where it lies, what it says and who signed it."""

    place: Place
    statement: Statement
    key: PublicKey


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """A run that verifies, with every result."""

    evidence: Evidence
    facts: RunFacts
    whole: WholeRun


def verify(branch: Branch, place: Place, keys: Keys) -> Evidence:
    """Return what lies at a place; raise Unverified with the reason where any part of it is not what it must be.

    A run is verified with its results, a verdict and an acceptance with the digests that they are about.
    """
    evidence = verify_statement(branch, place, keys)
    if place.kind == "run":
        whole_run(branch, evidence)
    return evidence


def verify_statement(branch: Branch, place: Place, keys: Keys) -> Evidence:
    """Verify the signature and that the statement is about the digest that its path names."""
    data = branch.read(place.path)
    if data is None:
        raise Unverified(f"there is no {place.path} on the branch")
    envelope = decode(data)
    key = signer(envelope, keys)
    statement = read(envelope.payload)
    if statement.facts.kind != place.kind:
        raise Unverified(f"it is a statement about a {statement.facts.kind}, and lies where a {place.kind} belongs")
    if _subject_digest(statement) != f"sha256:{place.hex}":
        raise Unverified("it is a statement about something else than its path names")
    return Evidence(place, statement, key)


def _subject_digest(statement: Statement) -> str:
    facts = statement.facts
    match facts:
        case RunFacts():
            return _closure_digest(statement, facts)
        case VerdictFacts():
            subjects = [statement.about(name) for name in ("base closure", "head closure", "policy")]
            return verdict_digest(*subjects)
        case AcceptanceFacts():
            return acceptance_digest(statement.about("candidate"), statement.about("policy"), facts)


def _closure_digest(statement: Statement, facts: RunFacts) -> str:
    closure = Closure(facts.suite.name, facts.closure)
    try:
        fits = closure.digest == statement.about("closure") and closure.model == facts.model
    except KeyError:
        fits = False
    if not fits:
        raise Unverified("the parts of the closure do not add up to its digest")
    return closure.digest


def whole_run(branch: Branch, evidence: Evidence) -> RunEvidence:
    """Return the results of a run whose statement was verified; raise Unverified where they are not those it names."""
    facts = evidence.statement.facts
    if not isinstance(facts, RunFacts):
        raise Unverified("it is no statement about a run")
    data = branch.read(evidence.place.run_path)
    if data is None:
        raise Unverified(f"its results are missing: there is no {evidence.place.run_path} on the branch")
    if digest_bytes(data) != f"sha256:{facts.run.digest.sha256}":
        raise Unverified(f"its results in {evidence.place.run_path} are not those that were signed")
    whole = unpack(data)
    _require_match(facts, whole)
    return RunEvidence(evidence, facts, whole)


def _require_match(facts: RunFacts, whole: WholeRun) -> None:
    """A signed statement and signed results that contradict each other are a bug of the writer, and no evidence."""
    header = whole.run.header
    said = (facts.suite.name, digest(facts.closure), facts.commit, facts.run.outputs, facts.results.results)
    held = (header.suite, header.closure, header.commit, whole.outputs, len(whole.run.cases))
    if said != held:
        raise Unverified("the statement and its results contradict each other")


def find_run(branch: Branch, closure: str, keys: Keys) -> RunEvidence | None:
    """Return the first run of a closure that verifies, None where there is none; raise Unverified where none does."""
    problem: Unverified | None = None
    for place in branch.attempts("run", closure.removeprefix("sha256:")):
        try:
            return whole_run(branch, verify_statement(branch, place, keys))
        except Unverified as found:
            problem = problem or Unverified(f"{place.path}: {found}")
    if problem is not None:
        raise problem
    return None


@dataclass(frozen=True, slots=True)
class Checked:
    """One place after verification: the evidence, or why it is none."""

    place: Place
    evidence: Evidence | None
    problem: str | None


def check_places(branch: Branch, places: tuple[Place, ...], keys: Keys, *, whole: bool = True) -> Iterator[Checked]:
    """Verify one place after another; without `whole` only statements, not the results beside them."""
    for place in places:
        try:
            yield Checked(place, (verify if whole else verify_statement)(branch, place, keys), None)
        except Unverified as problem:
            yield Checked(place, None, str(problem))
