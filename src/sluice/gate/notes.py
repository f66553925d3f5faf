"""What a reader of a verdict must know of how it came about, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sluice.compare import Comparison
from sluice.providers.base import Completion, Failure
from sluice.results import SIDES, Side
from sluice.runner.derived import derived
from sluice.runner.paired import PairedRun


def notes_of(run: PairedRun) -> tuple[str, ...]:
    """Return the notes of one suite's run: new base samples, errors asked again, calls made for latency alone."""
    notes = []
    if run.resampled:
        answers = sum(run.resampled.values())
        notes.append(
            f"base's answers were reused, so it was sampled once more before this verdict: {answers} new answers in "
            f"{len(run.resampled)} cases, pooled with the reused ones"
        )
    if run.task.retry_errors:
        notes.append(_asked_again(run))
    notes += _judges(run)
    if timed := run.execution.timed:
        notes.append(f"latency was measured on {len(timed)} pairs that were called for it, as answers had been reused")
    return tuple(notes)


def _asked_again(run: PairedRun) -> str:
    keys = run.execution.tally.asked_again
    if not keys:
        return "the stored run holds no error to ask again"
    answered = sum(isinstance(run.execution.outcomes.get(key), Completion) for key in keys)
    errors = "1 error" if len(keys) == 1 else f"{len(keys)} errors"
    return f"{errors} of the stored run asked again: {answered} answered now"


def _judges(run: PairedRun) -> Iterator[str]:
    """Say how much judges were asked, and which of their metrics a suite without a base cannot have."""
    for name, judge in run.task.judges.items():
        asked = [one for one in run.judging.asked.values() if one.judge == name]
        called = sum(one.key in run.execution.called for one in asked)
        outcomes = [run.execution.outcomes.get(one.key) for one in asked]
        failed = [one for one in outcomes if isinstance(one, Failure)]
        unreadable = sum(one.kind == "judge_parse" for one in failed)
        lost = f"; {unreadable:,} could not be read, {len(failed) - unreadable:,} failed" if failed else ""
        yield (
            f"the judge {name} (on {judge.closure.engine.title}) gave {len(asked) - len(failed):,} answers, "
            f"{called:,} calls of this run{lost}"
        )
    if len(run.task.sides) == 1:
        alone = {one.metric for one in run.task.scorer.judged if one.asking and one.asking.versus}
        for metric in sorted(alone):
            yield f"{metric} compares both sides' outputs: the suite is new, so there is nothing to compare with"


def derived_notes(formulas: Mapping[str, str], run: PairedRun, comparison: Comparison) -> tuple[str, ...]:
    """Return each derived metric of the compared cases, base and head."""
    if not formulas:
        return ()
    base, head = (_derived(formulas, run, comparison, side) for side in SIDES)
    whole = comparison.base == comparison.head
    return tuple(
        f"{metric} (derived): {_figure(head[metric])}"
        if whole
        else f"{metric} (derived): base {_figure(base[metric])}, head {_figure(head[metric])}"
        for metric in formulas
    )


def _derived(
    formulas: Mapping[str, str], run: PairedRun, comparison: Comparison, side: Side
) -> dict[str, float | None]:
    results = ((pair.info.row, result) for pair in comparison.pairs for result in getattr(pair, side))
    return derived(formulas, run.task.scorer, results)


def _figure(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.4g}"
