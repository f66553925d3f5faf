"""Run x Run -> `Comparison`: both sides paired by case, for each metric over the cases where it applies."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sluice.results import CaseInfo, CaseResult, MetricScore, Run, RunHeader

Change = Literal["broken", "repaired", "changed", "same", "error"]

MIN_SCORED = 0.98
"""Share of planned pairs that must be scored (GATE 3)."""
MAX_ERROR_GAP = 0.01
"""Largest difference of the sides' error rates (GATE 3)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One case on both sides; with repeats, all of them in order of the repeat index."""

    info: CaseInfo
    base: tuple[CaseResult, ...]
    head: tuple[CaseResult, ...]
    change: Change

    @property
    def errors(self) -> tuple[CaseResult, ...]:
        """The results of this pair that are errors."""
        return tuple(result for result in (*self.base, *self.head) if result.state == "error")


@dataclass(frozen=True, slots=True)
class MetricPairs:
    """One metric over the scored pairs where it applies; all sequences have one item per case."""

    metric: str
    kind: Literal["binary", "continuous"]
    cases: tuple[str, ...]
    base: tuple[float, ...]
    head: tuple[float, ...]
    clusters: tuple[str | None, ...]

    @property
    def differences(self) -> tuple[float, ...]:
        """Head minus base for each case; higher is better."""
        return tuple(after - before for before, after in zip(self.base, self.head, strict=True))

    def where(self, kept: frozenset[str]) -> MetricPairs:
        """Return the same metric over some of the cases: a slice, or a look."""
        index = [i for i, case in enumerate(self.cases) if case in kept]
        return MetricPairs(
            self.metric,
            self.kind,
            tuple(self.cases[i] for i in index),
            tuple(self.base[i] for i in index),
            tuple(self.head[i] for i in index),
            tuple(self.clusters[i] for i in index),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Base run and head run paired by case, over the planned cases compared so far."""

    suite: str
    base: RunHeader
    head: RunHeader
    planned: int
    compared: int
    pairs: tuple[Pair, ...]
    metrics: Mapping[str, MetricPairs]
    invalid: tuple[str, ...]
    """Reasons why no verdict may be taken from these runs; empty where one may."""

    def changed(self, change: Change) -> tuple[Pair, ...]:
        """Return the pairs of one kind of change, in plan order."""
        return tuple(pair for pair in self.pairs if pair.change == change)


def compare(
    base: Run,
    head: Run,
    cases: Sequence[CaseInfo],
    kinds: Mapping[str, Literal["binary", "continuous"]],
    resampled: Mapping[str, int] = MappingProxyType({}),
) -> Comparison:
    """Pair two runs over the given cases (plan order; a look is a prefix of them).

    `kinds` says for each metric whether it is compared as pass/fail or by its value; `resampled` how many results
    of a case base has more than head, its base having been sampled once more.
    """
    base_results = _by_case(base)
    head_results = base_results if head is base else _by_case(head)
    pairs = tuple(
        _pair(info, base_results.get(info.id, ()), head_results.get(info.id, ()), resampled.get(info.id, 0))
        for info in cases
    )
    scored = [pair for pair in pairs if pair.change != "error"]
    return Comparison(
        suite=head.header.suite,
        base=base.header,
        head=head.header,
        planned=head.header.planned,
        compared=len(pairs),
        pairs=pairs,
        metrics={metric: _metric_pairs(metric, kind, scored) for metric, kind in kinds.items()},
        invalid=tuple(_invalid(pairs, len(scored), resampled)),
    )


def _by_case(run: Run) -> dict[str, tuple[CaseResult, ...]]:
    grouped: dict[str, tuple[CaseResult, ...]] = {}
    for (case, _), result in run.by_key().items():
        grouped[case] = (*grouped.get(case, ()), result)
    return {case: _in_order(results) for case, results in grouped.items()}


def _in_order(results: tuple[CaseResult, ...]) -> tuple[CaseResult, ...]:
    return results if len(results) == 1 else tuple(sorted(results, key=lambda result: result.repeat))


def _pair(info: CaseInfo, base: tuple[CaseResult, ...], head: tuple[CaseResult, ...], more: int) -> Pair:
    change = _change(base, head) if _whole(base, head, more) else "error"
    return Pair(info, base, head, change)


def _whole(base: tuple[CaseResult, ...], head: tuple[CaseResult, ...], more: int) -> bool:
    """Tell whether no result is missing on either side."""
    return bool(head) and len(base) == len(head) + more


def _change(base: tuple[CaseResult, ...], head: tuple[CaseResult, ...]) -> Change:
    if any(result.state == "error" for result in (*base, *head)):
        return "error"
    if base is head:
        return "same"
    before, after = pass_rate(base), pass_rate(head)
    if after < before:
        return "broken"
    if after > before:
        return "repaired"
    same = all(before.output == after.output for before, after in zip(base, head, strict=False))
    return "same" if same else "changed"


def pass_rate(results: Iterable[CaseResult]) -> float:
    """Return the share of repeats of one case whose state is `pass`."""
    states = [result.state == "pass" for result in results]
    return sum(states) / len(states)


def _metric_pairs(metric: str, kind: Literal["binary", "continuous"], pairs: Sequence[Pair]) -> MetricPairs:
    rows = [
        (pair.info, before, after)
        for pair in pairs
        if (before := _mean(pair.base, metric, kind)) is not None
        and (after := before if pair.head is pair.base else _mean(pair.head, metric, kind)) is not None
    ]
    repeated = any(len(pair.base) > 1 for pair in pairs)
    return MetricPairs(
        metric,
        # The mean of repeats is no longer 0 or 1, so it is compared as a continuous value.
        "continuous" if repeated else kind,
        tuple(info.id for info, _, _ in rows),
        tuple(before for _, before, _ in rows),
        tuple(after for _, _, after in rows),
        tuple(info.cluster for info, _, _ in rows),
    )


def _mean(results: tuple[CaseResult, ...], metric: str, kind: str) -> float | None:
    if len(results) == 1:
        score = results[0].metrics.get(metric)
        return None if score is None else _value(score, kind)
    values = [_value(score, kind) for result in results if (score := result.metrics.get(metric)) is not None]
    return statistics.fmean(values) if values else None


def _value(score: MetricScore, kind: str) -> float:
    return score.value if kind != "binary" else 1.0 if score.passed else 0.0


def _invalid(pairs: Sequence[Pair], scored: int, resampled: Mapping[str, int]) -> Iterable[str]:
    total = len(pairs)
    if not total:
        yield "no case was planned"
        return
    missing = [pair.info.id for pair in pairs if not _whole(pair.base, pair.head, resampled.get(pair.info.id, 0))]
    if missing:
        yield f"{len(missing)} planned case(s) have no result on one side, first {missing[0]!r}"
    if scored < MIN_SCORED * total:
        yield f"only {scored} of {total} planned pairs were scored; {MIN_SCORED:.0%} are needed"
    base, head = (_error_rate([getattr(pair, side) for pair in pairs]) for side in ("base", "head"))
    if abs(base - head) > MAX_ERROR_GAP:
        yield f"error rates differ: base {base:.1%}, head {head:.1%}; at most {MAX_ERROR_GAP:.0%} apart"


def _error_rate(sides: Sequence[tuple[CaseResult, ...]]) -> float:
    return statistics.fmean(any(result.state == "error" for result in results) for results in sides)
