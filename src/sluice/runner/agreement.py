"""How well a judge agrees with people, from what it said of labelled cases; and whether that lets it block."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from sluice.assertions import NEGATION, compile_assertion, deepeval
from sluice.assertions.judged import Grade, majority
from sluice.catalog import Catalog, Dataset
from sluice.runner.closure import judge_closure
from sluice.schema import Assertion, Calibration, Gate, Said, Suite
from sluice.stats.agreement import Kappa, cohens_kappa, kappa_at_least
from sluice.stats.distributions import normal_quantile
from sluice.stats.proportions import wilson

LEAST_KAPPA = 0.4
"""What kappa must provably exceed for a judged metric to block, where its gate does not say otherwise."""
MOST_UNREADABLE = 0.02
"""Share of the labelled cases of which the judge may give no readable answer (as of a run's pairs, GATE 3)."""
_Z = normal_quantile(0.025)
_WORDS = {True: ("pass", "fail"), False: ("first", "second", "tie")}


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of so many cases, with Wilson's 95 % interval."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        """The rate itself."""
        return self.hits / self.n

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval."""
        return wilson(self.hits, self.n, _Z)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A judge against people: counts by (their word, its word), and what follows from them."""

    words: tuple[str, ...]
    table: tuple[tuple[int, ...], ...]
    unreadable: int

    @property
    def n(self) -> int:
        """The cases that both judged."""
        return sum(map(sum, self.table))

    @property
    def kappa(self) -> Kappa | None:
        """Cohen's kappa with its 95 % interval."""
        return cohens_kappa(self.table, _Z)

    @property
    def bound(self) -> float | None:
        """What kappa provably is at least, also where labels are few."""
        return kappa_at_least(self.table, _Z)

    @property
    def sensitivity(self) -> Rate | None:
        """How much of what people pass the judge passes."""
        return self._rate(0)

    @property
    def specificity(self) -> Rate | None:
        """How much of what people fail the judge fails."""
        return self._rate(1)

    def _rate(self, index: int) -> Rate | None:
        n = sum(self.table[index])
        return Rate(self.table[index][index], n) if len(self.words) == 2 and n else None

    def objection(self, least: float) -> str | None:
        """Return why this does not let a metric block, or None where it does."""
        share = self.unreadable / max(1, self.unreadable + self.n)
        if share > MOST_UNREADABLE:
            return f"{self.unreadable} of {self.unreadable + self.n} labelled cases got no readable answer"
        if self.bound is None:
            return "the labels, or the judge's words, are all the same"
        if self.bound <= least:
            return f"kappa is provably {self.bound:.2f} at least, and more than {least:g} is needed"
        return None


def agreement(dataset: Dataset, said: Calibration, *, least: float | None, repeats: int) -> Agreement:
    """Compare a judge's words with the labels, as an assertion with this threshold and these repeats would fold them.

    Raises InvalidFiles where the rows cannot be read.
    """
    label = dataset.value.label or ""
    graded = not any(one.winner for answers in said.answers.values() for one in answers or ())
    words = _WORDS[graded]
    counts = [[0] * len(words) for _ in words]
    unreadable = 0
    for row in dataset.rows:
        answers = said.answers.get(dataset.case_id(row))
        theirs = _label(row.get(label))
        if not answers or theirs not in words:
            unreadable += 1
            continue
        ours = _graded(answers[:repeats], least) if graded else _preferred(answers, repeats)
        counts[words.index(theirs)][words.index(ours)] += 1
    return Agreement(words, tuple(map(tuple, counts)), unreadable)


def _label(value: object) -> str:
    return {True: "pass", False: "fail"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _graded(answers: Sequence[Said], least: float | None) -> str:
    grades = [Grade(one.score or 0.0, one.passed, "") for one in answers]
    return "pass" if 2 * sum(grade.passed(least) for grade in grades) > len(grades) else "fail"


def _preferred(answers: Sequence[Said], repeats: int) -> str:
    half = len(answers) // 2
    orders = (answers[:half][:repeats], answers[half:][:repeats])
    in_order, swapped = (majority([one.winner or "tie" for one in order]) for order in orders)
    return in_order if in_order == swapped else "tie"


def labelled(catalog: Catalog, judge: str) -> list[Dataset]:
    """Return the datasets whose labels calibrate a judge."""
    return [dataset for dataset in catalog.datasets.values() if dataset.value.judge == judge]


def objection(catalog: Catalog, assertion: Assertion, gate: Gate) -> str | None:
    """Return why an assertion's judge may not let its metric block, or None where a calibration of it says it may."""
    if assertion.judge is None:
        return None
    if assertion.type.removeprefix(NEGATION).startswith(deepeval.PREFIX):
        return f"{assertion.type} asks in DeepEval's words, of which labels say nothing"
    datasets = labelled(catalog, assertion.judge)
    if not datasets:
        return f"no dataset calibrates the judge {assertion.judge}"
    digest = judge_closure(catalog, assertion.judge).digest
    objections = [_objection(dataset, digest, assertion, gate) for dataset in datasets]
    return None if None in objections else objections[0]


def _objection(dataset: Dataset, digest: str, assertion: Assertion, gate: Gate) -> str | None:
    again = f"run `sluice calibrate {assertion.judge}` and commit what it writes"
    if dataset.calibration is None or (said := dataset.calibration.of(digest)) is None:
        return f"this judge, as it is now, was not calibrated on {dataset.name}: {again}"
    if dataset.calibration.rows != dataset.content_digest:
        return f"the rows of {dataset.name} changed since the judge was calibrated: {again}"
    if said.repeats < assertion.repeats:
        return f"the judge was calibrated with {said.repeats} repeats and is asked {assertion.repeats} times: {again}"
    least = LEAST_KAPPA if gate.kappa is None else gate.kappa
    problem = agreement_of(dataset, said, assertion).objection(least)
    return f"on {dataset.name} {problem}" if problem else None


def agreement_of(dataset: Dataset, said: Calibration, assertion: Assertion) -> Agreement:
    """Compare a judge's words with the labels, as an assertion folds them."""
    asking = compile_assertion(assertion).asking
    return agreement(dataset, said, least=asking.least if asking else None, repeats=assertion.repeats)


def may_only_warn(catalog: Catalog, suite: Suite, policy: Suite) -> dict[str, str]:
    """Return the blocking metrics of a policy that may only warn as `suite` judges them, each with the reason."""
    found: dict[str, str] = {}
    for metric, judged in suite.judged.items():
        gate = policy.gates.get(metric)
        if gate is not None and gate.tier == "block":
            objections = [objection(catalog, one, gate) for one in judged]
            if reason := next(filter(None, objections), None):
                found[metric] = reason
    return found


def warning_only(policy: Suite, metrics: Container[str]) -> Suite:
    """Return a policy in which these metrics warn where they would block."""
    gates = {
        name: gate.model_copy(update={"tier": "warn"}) if name in metrics and gate.tier == "block" else gate
        for name, gate in policy.gates.items()
    }
    return policy if gates == policy.gates else policy.model_copy(update={"gates": gates})
