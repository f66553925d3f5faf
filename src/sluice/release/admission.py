"""Whether evidence allows a lock in an environment: against what runs there now and against its anchor (TRUST)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sluice.catalog import Catalog
from sluice.evidence.acceptances import Holding, bound_to, holding
from sluice.evidence.accepting import Change
from sluice.gate.changes import problems_about
from sluice.release.candidates import wanted
from sluice.release.comparing import Judging, Outcome, Reference, judge_against, judge_first
from sluice.release.lock import suites_of
from sluice.release.proof import Proof, Trust, find_proof
from sluice.release.record import SuiteEvidence
from sluice.schema import Environment

_NO = ("fail",)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason against a release; `no` where something was judged and found wanting, else it is not known."""

    reason: str
    no: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """Which evidence allows a release; with refusals none does. `notes` do not stand against it."""

    evidence: Mapping[str, SuiteEvidence]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...] = ()
    complete: bool = True
    """Whether there is a run for every suite that may block: this was judged, well or badly."""

    @property
    def allowed(self) -> bool:
        """Whether nothing stands against the release."""
        return not self.refusals

    @property
    def judged_no(self) -> bool:
        """Whether the gate itself says no, not only missing knowledge."""
        return any(one.no for one in self.refusals)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be released where: the files of main, the environment, and what it is compared with."""

    catalog: Catalog
    environment: str
    current: Reference | None
    """What the environment runs now; None for its first release."""
    anchor: Reference | None = None
    approver: str | None = None
    """Who names a first release."""

    @property
    def here(self) -> Environment:
        """The environment's file."""
        return self.catalog.environment(self.environment).value


def admit(asked: Asked, trust: Trust) -> Admission:
    """Return the evidence that allows a release, or every reason against it."""
    days = asked.here.accept.evidence_days
    proofs: dict[str, Proof] = {}
    refusals: list[Refusal] = list(_unjudged_prompts(asked))
    for name in suites_of(asked.catalog, asked.environment):
        proof, reasons = find_proof(name, wanted(asked.catalog, asked.environment, name), trust, days)
        refusals += [Refusal(reason) for reason in reasons]
        if proof is not None:
            proofs[name] = proof
    held, notes = holding(trust.branch, trust.keys, trust.now)
    judging = Judging(trust, held, days)
    now = _outcomes(asked, asked.current, proofs, judging)
    then = _outcomes(asked, asked.anchor, proofs, judging) if asked.anchor else {}
    refusals += [*_first(asked), *_removed(asked, held)]
    for label, outcomes in ((_label(asked.current), now), (_label(asked.anchor), then)):
        refusals += [found for name, one in outcomes.items() for found in _refused(asked, name, label, one)]
    evidence = {name: _evidence(asked, proof, now[name], then.get(name)) for name, proof in proofs.items()}
    complete = len(proofs) == len(suites_of(asked.catalog, asked.environment))
    return Admission(evidence, tuple(dict.fromkeys(refusals)), notes, complete)


def _label(reference: Reference | None) -> str:
    return f"against {reference.label}" if reference else "by its floors and must-pass cases"


def _outcomes(
    asked: Asked, reference: Reference | None, proofs: Mapping[str, Proof], judging: Judging
) -> dict[str, Outcome]:
    """Judge against a release; what it does not know, and everything in a first release, by itself."""
    found = judge_against(reference, proofs, judging) if reference else {}
    suites = {name: asked.catalog.suite(name).value for name in proofs}
    return {name: found.get(name) or judge_first(name, suites[name], proof) for name, proof in proofs.items()}


def _unjudged_prompts(asked: Asked) -> Iterator[Refusal]:
    judged = {asked.catalog.suite(name).value.prompt for name in suites_of(asked.catalog, asked.environment)}
    for name in asked.here.prompts:
        if name not in judged:
            yield Refusal(f"{name}: no suite may block it, so nothing can show that it is good enough")


def _first(asked: Asked) -> Iterator[Refusal]:
    if asked.current is not None:
        return
    known = " or ".join(asked.here.approvers)
    if asked.approver is None:
        yield Refusal(
            f"{asked.environment} runs nothing yet, so a person must name its first release: --first-by {known}"
        )
    elif not may_name(asked.here, asked.approver):
        why = "; a team is never who starts a workflow, so list its people" if "/" in known else ""
        reason = f"{asked.approver} may not name the first release of {asked.environment}; {known} may{why}"
        yield Refusal(reason, no=True)


def may_name(here: Environment, name: str) -> bool:
    """Tell whether a person may name a reference release; logins are written with or without `@`, in any case."""
    return _login(name) in map(_login, here.approvers)


def _login(name: str) -> str:
    return name.removeprefix("@").casefold()


def _refused(asked: Asked, name: str, label: str, outcome: Outcome) -> Iterator[Refusal]:
    """A word that the environment does not list is refused; a first release has no other word than `first`."""
    word, accept = outcome.judged.word, asked.here.accept.verdicts
    if word in accept or (word == "first" and (asked.current is None or _named_by(asked))):
        return
    why = f": {'; '.join(outcome.reasons)}" if outcome.reasons else ""
    if word == "first":
        who = " or ".join(asked.here.approvers)
        why = f", for nothing there was judged by it; a person may name it: --first-by {who}"
    elif word == "pass (accepted)":
        why = f", which accept.verdicts of {asked.environment} does not list ({'; '.join(outcome.judged.words)})"
    yield Refusal(f"{name} {label}: {word}{why}", no=word in (*_NO, "pass (accepted)"))


def _named_by(asked: Asked) -> str | None:
    """Return who names what has nothing to be compared with, if somebody does who may."""
    return asked.approver if asked.approver is not None and may_name(asked.here, asked.approver) else None


def _removed(asked: Asked, held: tuple[Holding, ...]) -> Iterator[Refusal]:
    """Say which gates of what runs there now are gone, for prompts that run on; a person may accept that."""
    if asked.current is None:
        return
    before, change = asked.current.catalog, Change(asked.current.catalog, asked.catalog)
    for name in asked.current.closures:
        suite = asked.current.suite(name)
        if suite is None or suite.prompt not in asked.here.prompts:
            continue
        removed, other_prompt, _ = problems_about(name)
        after = asked.catalog.suites.get(name)
        problem = removed if after is None else other_prompt if after.value.prompt != suite.prompt else None
        bound = bound_to(held, change.removed(name), change.policy(name)) if problem else ()
        if problem and not any(one.accepted.removal == name for one in bound):
            yield Refusal(f"{problem} (it judges what {asked.environment} runs, at {before.label})", no=True)


def _evidence(asked: Asked, proof: Proof, now: Outcome, then: Outcome | None) -> SuiteEvidence:
    judged, by = now.judged, _named_by(asked)
    if judged.word == "first" and by is not None and asked.current is not None:
        words = f"nothing that ran there was judged by {proof.wanted.closure.suite}; {by} let it in"
        judged = judged.model_copy(update={"words": (words,)})
    return SuiteEvidence(
        closure=proof.wanted.closure.digest,
        run=proof.run.evidence.place.path,
        engine=proof.wanted.engine,
        model=proof.wanted.model,
        evaluated_at=proof.run.facts.evaluated_at,
        current=judged,
        anchor=then.judged if then else None,
    )
