"""Measures of a ranking: hit-at-k, recall-at-k, precision-at-k, mrr, ndcg. The output plays no part in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sluice.assertions.model import AssertionConfigError, AssertionType, Check, Compile, Kind, Score, Subject
from sluice.assertions.options import settings, threshold, whole_number
from sluice.assertions.passages import Passages, field_name, grades_of, passage_id
from sluice.assertions.values import Data
from sluice.errors import nearest
from sluice.schema import Assertion

_SETTINGS = ("relevant", "passages", "id", "k")
_GAINS: Mapping[str, Callable[[float], float]] = {
    "linear": lambda grade: grade,
    "exponential": lambda grade: 2.0**grade - 1,
}


@dataclass(frozen=True, slots=True)
class Ranking:
    """The grade of each passage down to rank k, best first, and all grades above 0 that there are."""

    found: Sequence[float]
    relevant: Sequence[float]

    @property
    def hits(self) -> int:
        """How many relevant passages were found."""
        return sum(grade > 0 for grade in self.found)


def grades_found(ids: Sequence[str], grades: Mapping[str, float]) -> list[float]:
    """Return the grade at each rank; an id that comes again counts at its first rank only, and keeps its place."""
    seen: set[str] = set()
    found = []
    for name in ids:
        found.append(0.0 if name in seen else grades.get(name, 0.0))
        seen.add(name)
    return found


def reciprocal_rank(ranking: Ranking) -> float:
    """Return 1 / rank of the first relevant passage; 0 where none was found."""
    return next((1 / rank for rank, grade in enumerate(ranking.found, 1) if grade > 0), 0.0)


def ndcg(ranking: Ranking, k: int | None, gain: Callable[[float], float]) -> float:
    """Return the discounted cumulative gain over the best possible one (Järvelin and Kekäläinen 2002).

    The discount is log2(1 + rank).
    """
    best = sorted(ranking.relevant, reverse=True)[:k]
    # The same sum in the same order, so that a perfect ranking gives exactly 1.
    return _dcg(ranking.found, gain) / _dcg(best, gain)


def _dcg(grades: Sequence[float], gain: Callable[[float], float]) -> float:
    return math.fsum(gain(grade) / math.log2(1 + rank) for rank, grade in enumerate(grades, 1))


Measure: TypeAlias = Callable[[Ranking], float]
Make: TypeAlias = Callable[[Assertion, Mapping[str, Any], int | None], Measure]


def _compile(make: Make, more: tuple[str, ...] = ()) -> Compile:
    def compile_ranking(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        least = None if assertion.threshold is None else threshold(assertion, None, "the least score that passes", 1)
        given = settings(assertion, (*_SETTINGS, *more), "relevant")
        k = whole_number(assertion, given, "k")
        measure = make(assertion, given, k)
        relevant, passages, key = Data.of(given["relevant"]), Passages.of(given), field_name(given, "id", "id")

        def judge(subject: Subject) -> Score:
            grades = grades_of(relevant.build(subject.row))
            ids = [passage_id(passage, key) for passage in passages.read(subject.row)][:k]
            ranking = Ranking(grades_found(ids, grades), list(grades.values()))
            value = measure(ranking)
            passed = value > 0 if least is None else value >= least
            return Score(value, passed, _reason(value, least, ranking))

        return Check(judge, relevant.fields | passages.fields)

    return compile_ranking


def _reason(value: float, least: float | None, ranking: Ranking) -> str:
    wanted = "above 0" if least is None else f"{least:g}"
    return (
        f"score {value:.4f}; threshold {wanted}; {ranking.hits} of {len(ranking.relevant)} relevant passages among "
        f"{len(ranking.found)}"
    )


def _hit(assertion: Assertion, given: Mapping[str, Any], k: int | None) -> Measure:
    if assertion.threshold is not None:
        raise AssertionConfigError("hit-at-k takes no threshold; remove it", "threshold")
    return lambda ranking: float(ranking.hits > 0)


def _recall(assertion: Assertion, given: Mapping[str, Any], k: int | None) -> Measure:
    return lambda ranking: ranking.hits / len(ranking.relevant)


def _precision(assertion: Assertion, given: Mapping[str, Any], k: int | None) -> Measure:
    if k is None:
        raise AssertionConfigError("precision-at-k needs k: the number of passages that count", "value")
    return lambda ranking: ranking.hits / k


def _reciprocal(assertion: Assertion, given: Mapping[str, Any], k: int | None) -> Measure:
    return reciprocal_rank


def _ndcg(assertion: Assertion, given: Mapping[str, Any], k: int | None) -> Measure:
    name = given.get("gain", "linear")
    if name not in list(_GAINS):
        raise AssertionConfigError(f"no gain {name!r}; {nearest(str(name), _GAINS)}", "value")
    return lambda ranking: ndcg(ranking, k, _GAINS[name])


_COMMON = (
    "The value is `relevant` (an id, a list of ids, or a mapping of ids to grades), or a mapping of `relevant`, `k` "
    "(default: all passages), `passages` (default `{{ passages }}`) and `id`, the field of a passage (default `id`). "
    "An id that comes again counts at its first rank. Passes from `threshold` (without one: above 0)"
)


def _type(name: str, title: str, kind: Kind, compile_ranking: Compile) -> AssertionType:
    return AssertionType(name, f"{title}. {_COMMON}", kind, 1, compile_ranking)


TYPES = (
    _type("hit-at-k", "whether a relevant passage is among the first k (success@k)", "binary", _compile(_hit)),
    _type(
        "recall-at-k", "the share of the relevant passages that is among the first k", "continuous", _compile(_recall)
    ),
    _type(
        "precision-at-k",
        "relevant passages among the first k, divided by k, also where fewer were found; k must be given",
        "continuous",
        _compile(_precision),
    ),
    _type(
        "mrr",
        "1 / rank of the first relevant passage among the first k, 0 where there is none; the mean over cases is the "
        "mean reciprocal rank",
        "continuous",
        _compile(_reciprocal),
    ),
    _type(
        "ndcg",
        "normalised discounted cumulative gain of the first k (Järvelin and Kekäläinen 2002), discount "
        "log2(1 + rank), against the best order of all relevant ones; `gain` is `linear` (the grade, the default) or "
        "`exponential` (2^grade - 1)",
        "continuous",
        _compile(_ndcg, ("gain",)),
    ),
)
