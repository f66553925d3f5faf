"""Which cases a report shows, and in which order: the worst first, spread over what they have in common."""

from __future__ import annotations

import statistics
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sluice.compare import Comparison, Pair, pass_rate
from sluice.results import CaseResult

SPREAD = 50
"""So many cases are chosen one by one, to spread them; longer lists are only sorted."""
_INPUT_NAMES = ("question", "query", "input", "instruction", "message", "ticket", "body", "subject", "text", "prompt")


@dataclass(frozen=True, slots=True)
class Counts:
    """How the compared cases changed; `flaky` ones gave both passes and fails on one side."""

    broken: int
    repaired: int
    changed: int
    errors: int
    flaky: int
    compared: int


def count(comparison: Comparison) -> Counts:
    """Count the pairs by their change."""
    kinds = Counter(pair.change for pair in comparison.pairs)
    flaky = sum(map(is_flaky, comparison.pairs))
    return Counts(kinds["broken"], kinds["repaired"], kinds["changed"], kinds["error"], flaky, len(comparison.pairs))


def is_flaky(pair: Pair) -> bool:
    """Tell whether the repeats of one side disagree."""
    return any(len(side) > 1 and 0.0 < pass_rate(side) < 1.0 for side in (pair.base, pair.head))


def worst_first(pairs: Iterable[Pair], must_pass: Set[str], blocking: Set[str]) -> tuple[Pair, ...]:
    """Sort cases: must-pass ones, then by blocking metrics lost, then by pass rate lost; ties in plan order.

    Among equals the first `SPREAD` alternate between the metrics that they lost and their slices.
    """
    keyed = [((_severity(pair, must_pass, blocking), order), pair) for order, pair in enumerate(pairs)]
    ranked = sorted(keyed, key=lambda one: one[0])
    chosen: list[Pair] = []
    seen: Counter[object] = Counter()
    for _, tied in groupby(ranked, key=lambda one: one[0][0]):
        room = SPREAD - len(chosen)
        chosen.extend(_spread([pair for _, pair in tied], seen, room))
    return tuple(chosen)


def _spread(pairs: Sequence[Pair], seen: Counter[object], most: int) -> Iterator[Pair]:
    """Yield the pairs, the first `most` so that what has been `seen` least comes next."""
    alike: dict[tuple[object, ...], deque[tuple[int, Pair]]] = {}
    for order, pair in enumerate(pairs if most > 0 else ()):
        alike.setdefault(_features(pair), deque()).append((order, pair))
    taken: set[int] = set()
    while alike and len(taken) < most:
        features = min(alike, key=lambda one: (*_overlap(one, seen), alike[one][0][0]))
        order, pair = alike[features].popleft()
        if not alike[features]:
            del alike[features]
        seen.update(features)
        taken.add(order)
        yield pair
    yield from (pair for order, pair in enumerate(pairs) if order not in taken)


def _features(pair: Pair) -> tuple[object, ...]:
    """Return what a case may share with others: the metrics that it lost, then its slices."""
    return (lost(pair), *sorted(pair.info.slices.items()))


def _severity(pair: Pair, must_pass: Set[str], blocking: Set[str]) -> tuple[float, ...]:
    """Return a key that sorts the worst case first."""
    metrics = lost(pair)
    rate = pass_rate(pair.head) - pass_rate(pair.base) if pair.base and pair.head else 0.0
    return (-float(pair.info.id in must_pass), -float(len(blocking & set(metrics))), round(rate, 6))


def _overlap(features: tuple[object, ...], seen: Mapping[object, int]) -> tuple[int, int]:
    metrics, *slices = features
    return seen.get(metrics, 0), sum(seen.get(part, 0) for part in slices)


def lost(pair: Pair) -> tuple[str, ...]:
    """Return the metrics on which head does worse than base in this case, sorted."""
    return _moved(pair, -1)


def gained(pair: Pair) -> tuple[str, ...]:
    """Return the metrics on which head does better than base in this case, sorted."""
    return _moved(pair, 1)


def _moved(pair: Pair, sign: int) -> tuple[str, ...]:
    before, after = _passes(pair.base), _passes(pair.head)
    return tuple(metric for metric in sorted(after) if metric in before and sign * (after[metric] - before[metric]) > 0)


def _passes(results: Sequence[CaseResult]) -> dict[str, float]:
    found: dict[str, list[bool]] = {}
    for result in results:
        for metric, score in result.metrics.items():
            found.setdefault(metric, []).append(score.passed)
    return {metric: statistics.fmean(passes) for metric, passes in found.items()}


def telling(pair: Pair) -> tuple[CaseResult | None, CaseResult | None]:
    """Return the repeat that shows the change best: one whose states differ, else whose outputs do, else the first."""
    both = list(zip(pair.base, pair.head, strict=False))
    if not both:
        return (pair.base[0] if pair.base else None), (pair.head[0] if pair.head else None)
    by_state = [one for one in both if one[0].state != one[1].state]
    worse = [one for one in by_state if (one[1].state in ("fail", "error")) == (pair.change in ("broken", "error"))]
    by_output = [one for one in both if one[0].output != one[1].output]
    return (worse or by_state or by_output or both)[0]


def case_input(row: Mapping[str, Any], labels: Set[str]) -> tuple[str, str] | None:
    """Return the (field, text) of a row that tells a person what was asked, or None.

    A field with a usual name wins, else the longest text; `labels` are values (id, slices, cluster) that tell nothing.
    """
    texts = {name: value for name, value in row.items() if isinstance(value, str) and value not in labels}
    for name in _INPUT_NAMES:
        if name in texts:
            return name, texts[name]
    return max(texts.items(), key=lambda item: (len(item[1]), item[0]), default=None)
