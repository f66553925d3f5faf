"""Runs that another harness made: shown and compared with our statistics, and never evidence (no closure is known)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.compare import Comparison, compare
from sluice.digest import digest
from sluice.errors import CannotJudge
from sluice.gate.evidence import Looks, MetricEvidence
from sluice.gate.judgement import Judgement, SuiteJudgement, Usage
from sluice.gate.metric import decide_metric
from sluice.gate.verdict import MetricVerdict, SuiteVerdict, Verdict
from sluice.results import FOREIGN, CaseInfo, CaseResult, MetricScore, Run, RunHeader
from sluice.schema import Gate
from sluice.stats.decision import NOMINAL_ALPHA
from sluice.stored import MetricKind, OutputsRule

WAYS_OUT = ("where a verdict is wanted, make a suite of it: sluice new suite NAME",)
NOTHING_SPENT = Usage(0, 0, 0, 0, 0, 0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Harness:
    """What ran a task: the tool and its version."""

    tool: str
    version: str

    def __str__(self) -> str:
        """Return both as they are told."""
        return f"{self.tool} {self.version}".rstrip()


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """One task that a harness ran on one model. Where `setting` differs, two runs are not of the same task."""

    harness: Harness
    task: str
    model: str
    dataset: str
    source: str
    """The digest of the files that this was read from."""
    cases: tuple[CaseInfo, ...]
    results: tuple[CaseResult, ...]
    setting: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    server: Mapping[str, Any] = field(default_factory=dict)
    """What the server said of itself, where Sluice asked it."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that any case has."""
        return tuple(sorted({name for result in self.results for name in result.metrics}))

    @property
    def run(self) -> Run:
        """The same as a run of ours, with the mark that it is none."""
        engine = {
            "engine": FOREIGN, "model": self.model, "tool": self.harness.tool, "version": self.harness.version,
            "setting": dict(self.setting), **({"servers": [dict(self.server)]} if self.server else {}),
        }  # fmt: skip
        plan = digest([info.id for info in self.cases])
        closure = f"{FOREIGN}:{self.source}"
        return Run(
            RunHeader(self.task, self.model, closure, None, engine, plan, len(self.cases), self.metrics), self.results
        )


def scores(results: Sequence[Mapping[str, float]]) -> list[dict[str, MetricScore]]:
    """Return each result's values as scores; only metrics of zeros and ones can fail, others have no threshold here."""
    grades = {name for values in results for name, value in values.items() if 0 < value < 1}
    return [
        {name: MetricScore(value, value >= 1 or name in grades) for name, value in values.items()} for values in results
    ]


def judgement_of(
    heads: Sequence[ForeignRun], bases: Sequence[ForeignRun], outputs: OutputsRule, margin: float
) -> Judgement:
    """Compare each task with the same task of the other side; one that only head has is shown alone.

    The word is `invalid`: no reader may take a verdict from it. The metrics' own words say what the figures show.
    """
    by_task = {run.task: run for run in bases}
    missing = sorted(set(by_task) - {run.task for run in heads})
    if missing:
        raise CannotJudge(f"head has no results of {', '.join(missing)}, which base has; run the same tasks")
    suites, verdicts = zip(*(_suite(run, by_task.get(run.task), outputs, margin) for run in heads), strict=True)
    reasons = tuple(f"{one.suite}: {reason}" for one in verdicts for reason in one.reasons)
    base = bases[0] if bases else heads[0]
    return Judgement(
        base=base.model, head=heads[0].model, base_commit=None, head_commit=None, suites=suites, unaffected=(),
        edits=(), verdict=Verdict("invalid", verdicts, reasons, WAYS_OUT),
    )  # fmt: skip


def _suite(
    head: ForeignRun, base: ForeignRun | None, outputs: OutputsRule, margin: float
) -> tuple[SuiteJudgement, SuiteVerdict]:
    comparison = _compared(head, base or head)
    metrics = tuple(_metric(comparison, name, margin, alone=base is None) for name in comparison.metrics)
    why = f"{head.harness}: {base.model} -> {head.model}" if base else f"{head.harness}: {head.model}"
    suite = SuiteJudgement(
        name=head.task, prompt=f"{head.harness.tool} {head.task}", dataset=head.dataset, model=head.model, why=(why,),
        comparison=comparison, usage=NOTHING_SPENT, outputs=outputs, notes=_notes(head, base),
    )  # fmt: skip
    verdict = SuiteVerdict(
        head.task, "invalid", tuple(filter(None, metrics)), (), comparison.invalid, 1, 1,
        comparison.compared, comparison.planned,
    )  # fmt: skip
    return suite, verdict


def _compared(head: ForeignRun, base: ForeignRun) -> Comparison:
    known = {info.id for info in head.cases}
    cases = (*head.cases, *(info for info in base.cases if info.id not in known))
    shared = [name for name in head.metrics if name in base.metrics]
    kinds = {name: _kind(name, (*head.results, *base.results)) for name in shared}
    found = compare(base.run, head.run, cases, kinds)
    mark = f"{head.harness} ran it and Sluice did not, so it has no closure: figures to look at, never evidence"
    return replace(found, invalid=(mark, *found.invalid))


def _kind(metric: str, results: Sequence[CaseResult]) -> MetricKind:
    values = {score.value for result in results if (score := result.metrics.get(metric))}
    return "binary" if values <= {0.0, 1.0} else "continuous"


def _metric(comparison: Comparison, name: str, margin: float, *, alone: bool) -> MetricVerdict | None:
    pairs = comparison.metrics[name]
    if not pairs.cases:
        return None
    if alone:
        rate, n = sum(pairs.head) / len(pairs.head), len(pairs.head)
        return MetricVerdict(name, "info", "first", pairs.kind, n, None, rate, None, None, None, margin)
    gate = Gate(max_drop=margin, tier="info")
    evidence = MetricEvidence(name, gate, pairs, Looks((len(pairs.cases),)), 0)
    return decide_metric(evidence, last=True, rejected=evidence.bounds(NOMINAL_ALPHA).upper < 0)


def _notes(head: ForeignRun, base: ForeignRun | None) -> tuple[str, ...]:
    notes = [*head.notes, *(base.notes if base else ())]
    before = base.setting if base else head.setting
    changed = [name for name in sorted({*head.setting, *before}) if head.setting.get(name) != before.get(name)]
    notes += [f"the sides differ in {one}: base {before.get(one)!r}, head {head.setting.get(one)!r}" for one in changed]
    if base and str(base.harness) != str(head.harness):
        notes.append(f"base was run by {base.harness}, head by {head.harness}")
    return tuple(dict.fromkeys(notes))
