"""What the gate says of suites against an earlier release: by a stored verdict, or from two stored runs, anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sluice.catalog import Catalog
from sluice.compare import Comparison, compare
from sluice.errors import CannotJudge
from sluice.evidence.acceptances import Holding, bound_to
from sluice.evidence.statement import VerdictFacts, VerdictWord
from sluice.evidence.subjects import judged_policy, verdict_digest
from sluice.evidence.unverified import Unverified
from sluice.evidence.verifying import RunEvidence, find_run, verify
from sluice.gate.acceptance import covered, policy_digest
from sluice.gate.evidence import Looks
from sluice.gate.suite import Policy, SuiteState, decide_all, decide_first
from sluice.gate.verdict import SuiteVerdict
from sluice.release.proof import Proof, Trust, is_stale
from sluice.release.record import Judged
from sluice.runner.closure import Closure
from sluice.schema import Suite


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier release to compare with: its name for people, its files, and the closures that it was judged on."""

    label: str
    catalog: Catalog
    closures: Mapping[str, str]

    def suite(self, name: str) -> Suite | None:
        """Return a suite as it stood then: its gates judge what came after (DESIGN 5.3)."""
        return self.catalog.suites[name].value if name in self.catalog.suites else None


@dataclass(frozen=True, slots=True)
class Judging:
    """With what suites are judged: the evidence, the acceptances that hold, and how old a verdict may be."""

    trust: Trust
    held: Sequence[Holding]
    days: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one suite: the word with its source, and the gate's reasons where it is no pass."""

    judged: Judged
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pair:
    """A suite whose stored runs can be compared; `stored` is what a verdict on the branch says already."""

    name: str
    base: str
    suite: Suite
    comparison: Comparison
    stored: Outcome | None


def judge_first(name: str, suite: Suite, proof: Proof) -> Outcome:
    """Judge a suite that has nothing to be compared with: floors and must-pass cases only."""
    run = proof.run.whole
    comparison = compare(run.run, run.run, run.cases, run.kinds)
    verdict = decide_first(comparison, _policy(suite, comparison, 1))
    return Outcome(
        Judged(base=None, word=_word(verdict), how="first"), verdict.reasons if verdict.word != "first" else ()
    )


def judge_against(reference: Reference, proofs: Mapping[str, Proof], judging: Judging) -> dict[str, Outcome]:
    """Judge every suite that the reference was judged on, together, for one family of tests.

    Suites that it does not know are left out.
    """
    found: dict[str, Outcome] = {}
    pairs: list[_Pair] = []
    for name, proof in proofs.items():
        suite = reference.suite(name)
        if suite is None or name not in reference.closures:
            continue
        one = _prepared(reference, name, suite, proof, judging)
        if isinstance(one, Outcome):
            found[name] = one
        else:
            pairs.append(one)
    return {**found, **_decided(pairs, proofs, judging)}


def _prepared(reference: Reference, name: str, suite: Suite, proof: Proof, judging: Judging) -> Outcome | _Pair:
    after, base = proof.wanted.closure, reference.closures[name]
    if base == after.digest:
        return Outcome(Judged(base=base, word="pass", how="unchanged"))
    try:
        before = find_run(judging.trust.branch, base, judging.trust.keys)
        if before is None:
            raise CannotJudge(f"the run that {reference.label} was judged on is not on the branch any more")
        mixed = judged_as(Closure(name, before.facts.closure), after)
        stored = _stored(name, mixed, proof, policy_digest(suite), judging)
        if stored is not None and stored.judged.word in ("pass", "pass (accepted)"):
            return stored
        run = before if mixed.digest == base else find_run(judging.trust.branch, mixed.digest, judging.trust.keys)
        if run is None:
            return stored or _unjudged(reference, name, base)
    except CannotJudge as problem:
        return Outcome(Judged(base=base, word="invalid", how="compared"), (str(problem),))
    return _Pair(name, mixed.digest, suite, _compared(run, proof.run), stored)


def judged_as(before: Closure, after: Closure) -> Closure:
    """Return the earlier prompt and model under the later cases and assertions (GATE 12), as it would be recorded."""
    return before.judged_by(after)


def _unjudged(reference: Reference, name: str, base: str) -> Outcome:
    commit = reference.catalog.commit or reference.label
    reason = (
        f"its cases or assertions changed since {reference.label}, and nobody judged both sides by the new ones: on "
        f"main, run `sluice eval {name} --base {commit[:12]} --complete` and record it"
    )
    return Outcome(Judged(base=base, word="invalid", how="compared"), (reason,))


def _stored(name: str, base: Closure, proof: Proof, policy: str, judging: Judging) -> Outcome | None:
    """Return the verdict that main recorded: with everything that is accepted now, else with nothing accepted."""
    candidate = proof.wanted.closure.digest
    bound = tuple(sorted(one.digest for one in bound_to(judging.held, candidate, policy) if one.suite == name))
    for acceptances in dict.fromkeys((bound, ())):
        subject = verdict_digest(base.digest, candidate, judged_policy(policy, acceptances))
        found = _verdict(subject, judging)
        if found is not None:
            path, facts = found
            words = _words(judging.held, acceptances)
            judged = Judged(
                base=base.digest,
                word=facts.verdict,
                how="verdict",
                verdict=path,
                acceptances=acceptances,
                words=words,
            )
            return Outcome(judged, facts.reasons if facts.verdict != "pass" else ())
    return None


def _verdict(subject: str, judging: Judging) -> tuple[str, VerdictFacts] | None:
    trust = judging.trust
    for place in reversed(trust.branch.attempts("verdict", subject.removeprefix("sha256:"))):
        try:
            facts = verify(trust.branch, place, trust.keys).statement.facts
        except Unverified:
            continue
        if isinstance(facts, VerdictFacts) and not is_stale(facts.evaluated_at, trust.now, judging.days):
            return place.path, facts
    return None


def _words(held: Sequence[Holding], digests: Sequence[str]) -> tuple[str, ...]:
    return tuple(one.accepted.words for one in held if one.digest in digests)


def _compared(before: RunEvidence, after: RunEvidence) -> Comparison:
    whole = after.whole
    return compare(before.whole.run, whole.run, whole.cases, whole.kinds)


def _policy(suite: Suite, comparison: Comparison, family: int) -> Policy:
    """Two stored runs were not timed side by side, so their latency may warn and never block: as of a batch.

    Nor was either judged against the other: the gates of metrics that compare outputs have nothing to say.
    """
    gates = {metric: gate for metric, gate in suite.gates.items() if metric not in suite.relative}
    suite = suite.model_copy(update={"gates": gates})
    looks = {metric: Looks((comparison.planned,)) for metric, gate in suite.gates.items() if gate.max_drop}
    return Policy(suite=suite, family=family, looks=looks, batching=True, last_look=0)


def _decided(pairs: Sequence[_Pair], proofs: Mapping[str, Proof], judging: Judging) -> dict[str, Outcome]:
    family = sum(bool(gate.max_drop) and gate.tier == "block" for one in pairs for gate in one.suite.gates.values())
    states = [SuiteState(one.comparison, _policy(one.suite, one.comparison, family), 0, None) for one in pairs]
    verdicts = decide_all(states)
    return {one.name: _outcome(one, verdict, proofs, judging) for one, verdict in zip(pairs, verdicts, strict=True)}


def _outcome(one: _Pair, verdict: SuiteVerdict, proofs: Mapping[str, Proof], judging: Judging) -> Outcome:
    """A stored word that is no pass stands, whatever these runs say; only an acceptance changes either."""
    candidate = proofs[one.name].wanted.closure.digest
    bound = [each for each in bound_to(judging.held, candidate, policy_digest(one.suite)) if each.suite == one.name]
    if bound and covered(verdict, one.comparison, [each.accepted for each in bound]):
        digests = tuple(sorted(each.digest for each in bound))
        words = _words(judging.held, digests)
        judged = Judged(base=one.base, word="pass (accepted)", how="compared", acceptances=digests, words=words)
        return Outcome(judged, verdict.reasons)
    if one.stored is not None:
        return one.stored
    judged = Judged(base=one.base, word=_word(verdict), how="compared")
    return Outcome(judged, verdict.reasons if verdict.word != "pass" else ())


def _word(verdict: SuiteVerdict) -> VerdictWord:
    match verdict.word:
        case "accepted":
            return "pass (accepted)"
        case "skipped":
            return "pass"
        case word:
            return word
