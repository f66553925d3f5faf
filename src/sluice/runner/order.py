"""The planned order of cases: seeded, stratified by slice and `when` subset, clusters kept whole."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sluice.results import CaseInfo

Features: TypeAlias = tuple[tuple[Any, int], ...]
"""A cluster's slice values and subsets, and how many of its cases have each."""

LOOK_FRACTIONS = (0.2, 0.4, 0.6, 0.8, 1.0)
MIN_CASES_FOR_LOOKS = 150
_WINDOW = 24
"""How many waiting clusters compete for the next place; more balance better and cost more."""


def planned_order(
    cases: Sequence[CaseInfo],
    subsets: Sequence[Callable[[Mapping[str, Any]], bool]],
    first: Collection[str],
    seed: int,
) -> tuple[CaseInfo, ...]:
    """Return the cases in the order in which looks read them.

    `subsets` are the predicates of the suite's `when` clauses, `first` the must-pass ids. Every prefix holds
    each slice value and subset in about its share of the whole: the next cluster is the one, out of a short
    window of a seeded shuffle, that brings the prefix closest to the whole.
    """
    clusters = _clusters(cases)
    features = {id(cluster): _features(cluster, subsets) for cluster in clusters}
    leading = [cluster for cluster in clusters if any(case.id in first for case in cluster)]
    waiting = [cluster for cluster in clusters if not any(case.id in first for case in cluster)]
    random.Random(seed).shuffle(waiting)
    ordered = _balanced(deque(waiting), features, _sum(features.values()), len(cases), leading)
    return tuple(case for cluster in ordered for case in cluster)


def _sum(features: Iterable[Features]) -> Counter[Any]:
    total: Counter[Any] = Counter()
    for found in features:
        total.update(dict(found))
    return total


def _clusters(cases: Sequence[CaseInfo]) -> list[list[CaseInfo]]:
    clusters: dict[object, list[CaseInfo]] = {}
    for case in cases:
        key = ("case", case.id) if case.cluster is None else ("cluster", case.cluster)
        clusters.setdefault(key, []).append(case)
    return list(clusters.values())


def _features(cluster: Sequence[CaseInfo], subsets: Sequence[Callable[[Mapping[str, Any]], bool]]) -> Features:
    counts: dict[Any, int] = {}
    for case in cluster:
        for item in case.slices.items():
            counts[item] = counts.get(item, 0) + 1
        for index, applies in enumerate(subsets):
            if applies(case.row):
                counts[index] = counts.get(index, 0) + 1
    return tuple(counts.items())


def _balanced(
    waiting: deque[list[CaseInfo]],
    features: Mapping[int, Features],
    total: Counter[Any],
    cases: int,
    leading: list[list[CaseInfo]],
) -> list[list[CaseInfo]]:
    ordered = list(leading)
    taken = _sum(features[id(cluster)] for cluster in leading)
    size = sum(map(len, leading))
    window: list[list[CaseInfo]] = []
    while waiting or window:
        while waiting and len(window) < _WINDOW:
            window.append(waiting.popleft())
        # Clusters that look alike score alike, and few look different.
        looks = [(features[id(one)], len(one)) for one in window]
        scores = {look: _excess(look[0], taken, total, size + look[1], cases) for look in dict.fromkeys(looks)}
        chosen = window.pop(looks.index(min(scores, key=scores.__getitem__)))
        ordered.append(chosen)
        taken.update(dict(features[id(chosen)]))
        size += len(chosen)
    return ordered


def _excess(added: Features, taken: Counter[Any], total: Counter[Any], size: int, cases: int) -> float:
    """Return how far a cluster's features would run ahead of their share of the prefix."""
    return sum((taken[key] + count) / total[key] - size / cases for key, count in added) / (len(added) or 1)


def look_ends(order: Sequence[CaseInfo], complete: bool) -> tuple[int, ...]:
    """Return after how many cases of the order each look is taken; clusters are never cut.

    One look for fewer than 150 cases, and for runs that must be complete (GATE 9).
    """
    if complete or len(order) < MIN_CASES_FOR_LOOKS:
        return (len(order),)
    ends = {_cluster_end(order, round(fraction * len(order))) for fraction in LOOK_FRACTIONS}
    return tuple(sorted(ends))


def _cluster_end(order: Sequence[CaseInfo], end: int) -> int:
    while end < len(order) and order[end].cluster is not None and order[end].cluster == order[end - 1].cluster:
        end += 1
    return end
