"""What a trained model can do: the repository's own suites, run on its weights, as rates with their n."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sluice.catalog import Catalog
from sluice.errors import CannotJudge
from sluice.providers.base import Failure, Outcome, Request, Wanted
from sluice.providers.local import LocalProvider
from sluice.results import CaseInfo, CaseResult
from sluice.runner.requests import render_request
from sluice.runner.scoring import Scorer, cases_of, load_code
from sluice.schema import Price, Prompt

SUITES = ("support-answer", "ticket-triage", "instruction-probe")
PROBE = "instruction-probe"


@dataclass(frozen=True, slots=True)
class Rate:
    """Hits of n cases."""

    hits: int
    n: int

    @property
    def share(self) -> float:
        """Hits as a share of n; 0 where nothing was counted."""
        return self.hits / self.n if self.n else 0.0

    def __str__(self) -> str:
        return f"{100 * self.share:.1f} % ({self.hits} of {self.n})"


@dataclass(frozen=True, slots=True)
class Measured:
    """One suite's results: metric -> rate, and metric -> slice field -> slice -> rate."""

    suite: str
    metrics: Mapping[str, Rate]
    slices: Mapping[str, Mapping[str, Mapping[str, Rate]]]
    results: Sequence[CaseResult]


def measure_quality(catalog: Catalog, directory: Path, suites: Iterable[str] = SUITES) -> dict[str, Measured]:
    """Run suites on the weights in `directory`, greedily, and count; raise CannotJudge where a case cannot be asked."""
    return {name: measure_suite(catalog, name, directory) for name in suites}


def measure_suite(
    catalog: Catalog, name: str, directory: Path, prompt: Prompt | None = None, cases: Sequence[CaseInfo] | None = None
) -> Measured:
    """Run one suite, with another prompt or on some of its cases where these are given."""
    suite = catalog.suite(name).value
    asked = cases if cases is not None else cases_of(catalog, suite)
    prompt = prompt or catalog.prompt(suite.prompt).value
    scorer = Scorer(suite, load_code(catalog, name))
    requests = [_request(prompt, case, scorer.wants) for case in asked]
    context = catalog.model(prompt.model).value.context
    outcomes = answer(LocalProvider(directory.name, directory, context), requests)
    results = [
        scorer.score(case, 0, "", outcome, called=True, price=Price())
        for case, outcome in zip(asked, outcomes, strict=True)
    ]
    return _count(name, suite.metrics, asked, results)


def _request(prompt: Prompt, case: CaseInfo, wants: tuple[Wanted, ...]) -> Request:
    request = render_request(prompt, case.row, 0, wants)
    if isinstance(request, Failure):
        raise CannotJudge(f"case {case.id}: {request.message}")
    return request


def answer(provider: LocalProvider, requests: Sequence[Request]) -> list[Outcome]:
    """Outcomes in the order of the requests; batches hold prompts of similar length."""
    lengths = provider.lengths(requests)
    order = sorted(range(len(requests)), key=lambda index: lengths[index])
    size = provider.batch_size
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    outcomes: dict[int, Outcome] = {}
    answered = provider.run([[requests[index] for index in batch] for batch in batches])
    for number, found in chain.from_iterable(answered):
        outcomes.update(zip(batches[number], found, strict=True))
    return [outcomes[index] for index in range(len(requests))]


def _count(name: str, metrics: Sequence[str], cases: Sequence[CaseInfo], results: Sequence[CaseResult]) -> Measured:
    totals: dict[str, list[bool]] = {metric: [] for metric in metrics}
    parts: dict[str, dict[str, dict[str, list[bool]]]] = {}
    for case, result in zip(cases, results, strict=True):
        for metric, score in (result.metrics or {}).items():
            totals[metric].append(score.passed)
            for field, value in case.slices.items():
                parts.setdefault(metric, {}).setdefault(field, {}).setdefault(value, []).append(score.passed)
    slices = {
        metric: {
            field: {value: _rate(found) for value, found in sorted(values.items())} for field, values in fields.items()
        }
        for metric, fields in parts.items()
    }
    return Measured(name, {metric: _rate(found) for metric, found in totals.items()}, slices, results)


def _rate(found: Sequence[bool]) -> Rate:
    return Rate(sum(found), len(found))


def sensitivity(probe: Measured) -> dict[str, dict[str, Rate]]:
    """Instruction -> wording -> how often the behaviour was shown (also where the line was taken out)."""
    table: dict[str, dict[str, Rate]] = {}
    for metric in ("obeys", "leaves_out"):
        for cell, rate in probe.slices[metric]["cell"].items():
            instruction, _, wording = cell.rpartition("-")
            shown = Rate(rate.n - rate.hits, rate.n) if metric == "leaves_out" else rate
            table.setdefault(instruction, {})[wording] = shown
    return table
