"""What is exported: the runs of a judgement's suites, one for each chosen side, with what names and explains them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sluice.errors import UsageError, nearest
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.results import SIDES, CaseInfo, CaseResult, RunHeader, Side


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """One suite's run on one side; results in plan order, repeats together."""

    suite: str
    side: Side
    prompt: str
    dataset: str
    model: str
    header: RunHeader
    results: tuple[tuple[CaseInfo, CaseResult], ...]


def exported_runs(judgement: Judgement, sides: Sequence[Side] = SIDES, suites: Sequence[str] = ()) -> list[ExportedRun]:
    """Return the runs of these sides and suites (none named: all). A suite without a base has only a head.

    The judgement must have passed `report.privacy.shown_to` already: everything that is in it is exported.
    """
    return [run for suite in chosen_suites(judgement, suites) for run in _runs(suite, sides)]


def chosen_suites(judgement: Judgement, names: Sequence[str]) -> list[SuiteJudgement]:
    """Return the suites of these names (none named: all)."""
    known = [suite.name for suite in judgement.suites]
    for name in names:
        if name not in known:
            raise UsageError(f"the judgement has no suite {name!r}; {nearest(name, known)}")
    return [suite for suite in judgement.suites if not names or suite.name in names]


def _runs(suite: SuiteJudgement, sides: Sequence[Side]) -> Iterator[ExportedRun]:
    comparison = suite.comparison
    # A suite without a base is paired with itself.
    there = ("head",) if comparison.base == comparison.head else SIDES
    for side in sides:
        if side not in there:
            continue
        results = tuple((pair.info, one) for pair in comparison.pairs for one in getattr(pair, side))
        yield ExportedRun(
            suite.name, side, suite.prompt, suite.dataset, suite.model, getattr(comparison, side), results
        )
