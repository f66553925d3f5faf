"""The verdict of one suite at one look, and of all suites together (GATE 5, 8, 12, 13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sluice.compare import Comparison, Pair, pass_rate
from sluice.gate.evidence import Looks, MetricEvidence, holm_rejections
from sluice.gate.metric import below_floor, decide_metric
from sluice.gate.ratio import decide_ratio, ratio_tier
from sluice.gate.verdict import MetricVerdict, MustPass, SuiteVerdict, Verdict, Word
from sluice.runner.latency import TimedPair
from sluice.schema import Suite
from sluice.stats.decision import NOMINAL_ALPHA


@dataclass(frozen=True, slots=True)
class Policy:
    """By which suite file a change is judged (the base's), and how large the family of blocking metrics is."""

    suite: Suite
    family: int
    looks: Mapping[str, Looks]
    batching: bool
    last_look: int
    timed: tuple[TimedPair, ...] = ()
    """Pairs that were called for latency alone, where answers had been reused."""

    @property
    def blocking(self) -> tuple[str, ...]:
        """The quality metrics that may block."""
        return tuple(name for name, gate in self.suite.gates.items() if gate.max_drop and gate.tier == "block")

    @property
    def blocking_ratios(self) -> tuple[str, ...]:
        """The reserved metrics that may block; they are decided once, at the last look."""
        return tuple(
            name
            for name, gate in self.suite.gates.items()
            if gate.max_ratio and ratio_tier(name, gate, batching=self.batching) == "block"
        )


@dataclass(frozen=True, slots=True)
class SuiteState:
    """A suite after its last look: everything that the verdict over all suites needs."""

    comparison: Comparison
    policy: Policy
    look: int
    stopped: SuiteVerdict | None
    """The verdict of an interim look that ended the suite, else None."""


def decide_look(comparison: Comparison, policy: Policy, look: int) -> SuiteVerdict:
    """Decide a suite at an interim look; `inconclusive` means: go on."""
    evidence = _evidence(comparison, policy, look)
    level = NOMINAL_ALPHA / max(1, policy.family)
    verdicts = tuple(
        decide_metric(one, last=False, rejected=one.bounds(level).upper < 0) for one in evidence if one.pairs.cases
    )
    return _suite_verdict(comparison, policy, look, verdicts, (), complete=False)


def undecided(verdict: SuiteVerdict, why: str) -> SuiteVerdict:
    """Return a look's verdict as that of a suite that may ask no more: only a must-pass case still decides."""
    metrics = tuple(replace(one, word="inconclusive", more_cases=None) for one in verdict.metrics)
    if verdict.must_pass:
        return replace(verdict, word="fail", metrics=metrics, reasons=(*_reasons((), verdict.must_pass), why))
    return replace(verdict, word="inconclusive", metrics=metrics, reasons=(why,))


def decide_all(states: Sequence[SuiteState], elsewhere: int = 0) -> tuple[SuiteVerdict, ...]:
    """Decide every suite after its last look; Holm's procedure runs over the blocking metrics of all of them.

    `elsewhere` counts those of affected suites that another run judges: as long as it has not spoken, they are
    members of the family that were not rejected.
    """
    open_states = [state for state in states if state.stopped is None and _differs(state)]
    tests = [
        (state, one)
        for state in open_states
        for one in _evidence(state.comparison, state.policy, state.look)
        if one.gate.tier == "block" and one.pairs.cases
    ]
    decided = [verdict for state in states if state.stopped and _differs(state) for verdict in state.stopped.metrics]
    others = sum(verdict.kind != "ratio" and verdict.blocking and verdict.word != "fail" for verdict in decided)
    rejected = holm_rejections([one for _, one in tests], others + elsewhere, NOMINAL_ALPHA)
    worse = {(id(state), one.metric) for index, (state, one) in enumerate(tests) if index in rejected}
    return tuple(state.stopped or _decide_last(state, worse) for state in states)


def _differs(state: SuiteState) -> bool:
    """Tell whether the sides differ at all; a suite that only wants evidence is no member of the family."""
    return state.comparison.base.closure != state.comparison.head.closure


def _decide_last(state: SuiteState, worse: set[tuple[int, str]]) -> SuiteVerdict:
    verdicts = []
    missing = []
    for one in _evidence(state.comparison, state.policy, state.look):
        if not one.pairs.cases:
            missing.append(one.metric)
            continue
        rejected = (id(state), one.metric) in worse or (
            one.gate.tier != "block" and one.bounds(NOMINAL_ALPHA).upper < 0
        )
        verdicts.append(decide_metric(one, last=True, rejected=rejected))
    ratios = _ratios(state.comparison, state.policy)
    return _suite_verdict(state.comparison, state.policy, state.look, (*verdicts, *ratios), missing, complete=True)


def _evidence(comparison: Comparison, policy: Policy, look: int) -> list[MetricEvidence]:
    found = []
    for metric, gate in policy.suite.gates.items():
        if gate.max_drop is None or metric not in comparison.metrics:
            continue
        looks = policy.looks[metric]
        if looks.index(look) is not None:
            found.append(MetricEvidence(metric, gate, comparison.metrics[metric], looks, look))
    return found


def _ratios(comparison: Comparison, policy: Policy) -> tuple[MetricVerdict, ...]:
    return tuple(
        decide_ratio(metric, gate, comparison.pairs, batching=policy.batching, timed=policy.timed)
        for metric, gate in policy.suite.gates.items()
        if gate.max_ratio is not None
    )


def _suite_verdict(
    comparison: Comparison,
    policy: Policy,
    look: int,
    metrics: tuple[MetricVerdict, ...],
    missing: Sequence[str],
    *,
    complete: bool,
) -> SuiteVerdict:
    broken = must_pass_failures(comparison, policy.suite)
    reasons = _invalid_reasons(comparison, policy, missing) if complete else []
    word = _suite_word(metrics, broken, reasons, policy, complete=complete)
    return SuiteVerdict(
        suite=comparison.suite,
        word=word,
        metrics=metrics,
        must_pass=broken,
        reasons=tuple(reasons or _reasons(metrics, broken)),
        look=look + 1,
        looks=policy.last_look + 1,
        compared=comparison.compared,
        planned=comparison.planned,
    )


def _suite_word(
    metrics: Sequence[MetricVerdict],
    broken: Sequence[MustPass],
    invalid: Sequence[str],
    policy: Policy,
    *,
    complete: bool,
) -> Word:
    blocking = [verdict for verdict in metrics if verdict.blocking]
    if invalid:
        return "invalid"
    if broken or any(verdict.word == "fail" for verdict in blocking):
        return "fail"
    undecided = {*policy.blocking, *policy.blocking_ratios} - {verdict.metric for verdict in blocking}
    if undecided and not complete:
        return "inconclusive"
    if blocking and all(verdict.word in ("pass", "skipped") for verdict in blocking):
        return "pass"
    return "inconclusive" if blocking else "pass"


def _invalid_reasons(comparison: Comparison, policy: Policy, missing: Sequence[str]) -> list[str]:
    reasons = list(comparison.invalid)
    absent = [name for name in policy.blocking if name not in comparison.metrics]
    reasons += map(metric_gone, absent)
    reasons += [f"no case was scored for the gated metric {name!r}" for name in missing]
    errors = [pair.info.id for pair in comparison.pairs if pair.info.id in policy.suite.must_pass and pair.errors]
    reasons += [f"the must-pass case {case!r} could not be run" for case in errors]
    present = {pair.info.id for pair in comparison.pairs}
    reasons += [f"the must-pass case {case!r} is gone" for case in policy.suite.must_pass if case not in present]
    return reasons


def metric_gone(metric: str) -> str:
    """Say that a gated metric was removed; a person may accept that."""
    return f"the gated metric {metric!r} is gone; a removal must be accepted"


def _reasons(metrics: Sequence[MetricVerdict], broken: Sequence[MustPass]) -> list[str]:
    reasons = [f"the must-pass case {one.case!r} fails: {one.reason}" for one in broken]
    telling = [one for one in metrics if one.blocking and one.word in ("fail", "inconclusive")]
    for verdict in sorted(telling, key=lambda one: one.word != "fail"):
        note = f" ({'; '.join(verdict.notes)})" if verdict.notes else ""
        worse = "misses its floor" if verdict.by_floor else "got worse"
        said = worse if verdict.word == "fail" else "can be neither passed nor failed"
        reasons.append(f"{verdict.metric} {said}{note}")
    return reasons


def must_pass_failures(comparison: Comparison, suite: Suite) -> tuple[MustPass, ...]:
    """Return the must-pass cases that head fails, by the majority of its repeats."""
    listed = set(suite.must_pass)
    return tuple(_must_pass(pair) for pair in comparison.pairs if pair.info.id in listed and _fails(pair))


def _fails(pair: Pair) -> bool:
    judged = [result for result in pair.head if result.state in ("pass", "fail")]
    return bool(judged) and pass_rate(judged) < 0.5


def _must_pass(pair: Pair) -> MustPass:
    failed = (score for result in pair.head for score in result.metrics.values() if not score.passed)
    return MustPass(pair.info.id, next((score.reason for score in failed if score.reason), "an assertion failed"))


def decide_first(comparison: Comparison, policy: Policy) -> SuiteVerdict:
    """Decide a suite that has no base: floors and must-pass only; the best it can be is `first`."""
    breaches = []
    verdicts = []
    for metric, gate in policy.suite.gates.items():
        pairs = comparison.metrics.get(metric)
        if pairs is None or not pairs.cases:
            continue
        rate, n = sum(pairs.head) / len(pairs.head), len(pairs.head)
        failed = gate.floor is not None and below_floor(rate, n, gate.floor)
        if failed and gate.tier == "block":
            breaches.append(f"{metric} is {rate:.1%}, provably below its floor of {gate.floor:.0%}")
        verdicts.append(
            MetricVerdict(
                metric=metric,
                tier=gate.tier,
                word="fail" if failed else "first",
                kind=pairs.kind,
                n=n,
                base=None,
                head=rate,
                difference=None,
                lower=None,
                upper=None,
                margin=gate.max_drop or 0.0,
                floor=gate.floor,
            )
        )
    broken = must_pass_failures(comparison, policy.suite)
    invalid = _invalid_reasons(comparison, policy, ())
    word: Word = "invalid" if invalid else "fail" if broken or breaches else "first"
    reasons = invalid or [*breaches, *_reasons((), broken)] or ["there is no base to compare with"]
    return SuiteVerdict(
        comparison.suite, word, tuple(verdicts), broken, tuple(reasons),
        policy.last_look + 1, policy.last_look + 1, comparison.compared, comparison.planned,
    )  # fmt: skip


def overall(suites: Sequence[SuiteVerdict], problems: Sequence[str], *, tolerant: bool, stochastic: bool) -> Verdict:
    """Fold suite verdicts into the verdict of the change. `problems` make it invalid by themselves."""
    words = {suite.word for suite in suites}
    reasons = [*problems, *(f"{suite.suite}: {reason}" for suite in suites for reason in suite.reasons)]
    if "fail" in words:
        word: Word = "fail"
    elif problems or "invalid" in words:
        word = "invalid"
    elif "inconclusive" in words:
        word = "inconclusive"
    elif "accepted" in words:
        word = "accepted"
    elif words and words <= {"first"}:
        word = "first"
    else:
        word = "pass"
    if not suites and not problems:
        reasons = ["nothing that a suite depends on has changed"]
    verdict = Verdict(word, tuple(suites), tuple(reasons))
    if word != "inconclusive":
        return verdict
    return replace(verdict, ways_out=_ways_out(suites, stochastic=stochastic), tolerated=tolerant)


def _ways_out(suites: Sequence[SuiteVerdict], *, stochastic: bool) -> tuple[str, ...]:
    """Name the ways out of an inconclusive verdict, in the order of GATE 13."""
    more = [
        f"{verdict.more_cases:,} more cases for {suite.suite} {verdict.metric}"
        for suite in suites
        for verdict in suite.metrics
        if verdict.blocking and verdict.more_cases
    ]
    if any(suite.word == "inconclusive" and suite.compared < suite.planned for suite in suites):
        return ("raise the budget that is named above, and run sluice eval again: what was answered is kept",)
    ways = [f"add cases: about {', '.join(more)}, at the flips seen" if more else "add cases"]
    if stochastic:
        ways.append("raise `repeats` in the suite")
    return (*ways, "ask someone other than the author to accept it")
