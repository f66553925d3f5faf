"""Scores completions into case results. A check that cannot be run is an error of the case, never a fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from types import ModuleType
from typing import Any

from sluice.assertions import (
    Ask,
    AssertionProblem,
    CompiledAssertion,
    Kind,
    Subject,
    Versus,
    compile_assertion,
    wanted,
)
from sluice.assertions.deepeval import prepare
from sluice.assertions.time_limit import SECONDS, TimeLimitReached, limited
from sluice.catalog import Catalog
from sluice.errors import CannotJudge
from sluice.providers.base import Completion, Failure, Outcome
from sluice.results import CaseInfo, CaseResult
from sluice.runner.folding import fold
from sluice.schema import Price, Suite


class Scorer:
    """The compiled assertions of one suite at one revision, with the price of its model."""

    def __init__(self, suite: Suite, code: ModuleType | None) -> None:
        self.assertions: tuple[CompiledAssertion, ...] = tuple(
            compile_assertion(assertion, suite_code=code) for assertion in suite.assertions
        )
        self.overall = suite.score
        self.wants = wanted(suite.assertions)

    @property
    def judged(self) -> tuple[CompiledAssertion, ...]:
        """The assertions that ask a judge, parts of sets among them."""
        return tuple(one for outer in self.assertions for one in (outer, *outer.parts) if one.asking is not None)

    def judged_in(self, row: Mapping[str, Any]) -> list[CompiledAssertion]:
        """Return those of them that apply to a case."""
        outers = [outer for outer in self.assertions if outer.applies(row)]
        return [one for outer in outers for one in (outer, *outer.parts) if one.asking is not None and one.applies(row)]

    @property
    def kinds(self) -> dict[str, Kind]:
        """Return metric -> `binary` or `continuous`; several assertions of one metric are pass/fail together."""
        kinds: dict[str, Kind] = {}
        for assertion in self.assertions:
            for one in (assertion, *(part for part in assertion.parts if part.metric != assertion.metric)):
                kinds[one.metric] = "binary" if one.metric in kinds else one.kind
        return kinds | ({self.overall.metric: "continuous"} if self.overall else {})

    def measures(self, metric: str) -> Callable[[Mapping[str, Any]], bool]:
        """Return what says of a row whether its case is measured by a metric."""
        if self.overall and self.overall.metric == metric:
            return lambda row: True
        checks = [one for one in self.assertions if metric in (one.metric, *(part.metric for part in one.parts))]
        return lambda row: any(check.applies(row) for check in checks)

    def weights(self, row: Mapping[str, Any]) -> dict[str, float]:
        """Return metric -> the weights of all its assertions that apply to a row."""
        totals: dict[str, float] = {}
        for one in self.assertions:
            if one.applies(row):
                totals[one.metric] = totals.get(one.metric, 0.0) + one.weight
                for part in one.parts:
                    if part.metric != one.metric and part.applies(row):
                        totals[part.metric] = totals.get(part.metric, 0.0) + part.weight * one.weight
        return totals

    def score(
        self,
        case: CaseInfo,
        repeat: int,
        request: str,
        outcome: Outcome,
        *,
        called: bool,
        price: Price,
        ask: Ask | None = None,
        versus: Versus | None = None,
    ) -> CaseResult:
        """Return the result of one case and repeat; the price is that of the model that answered.

        `ask` gives a judge's answers, `versus` both sides' outputs, where assertions ask for them.
        """
        if isinstance(outcome, Failure):
            return _error(case, repeat, request, outcome.kind, outcome.message, outcome.attempts, called)
        cost = cost_of(outcome, price)
        subject = Subject(
            outcome.text,
            case.row,
            outcome.latency,
            cost,
            outcome.finish_reason,
            outcome.logprobs,
            outcome.first_token,
            ask,
            versus,
        )
        try:
            metrics, passed = fold(self.assertions, subject, self.overall)
        except AssertionProblem as problem:
            return _error(case, repeat, request, problem.kind, str(problem), outcome.attempts, called, outcome.text)
        return CaseResult(
            case=case.id,
            repeat=repeat,
            state="pass" if passed else "fail",
            request=request,
            output=outcome.text,
            metrics=metrics,
            latency=outcome.latency,
            prompt_tokens=outcome.prompt_tokens,
            completion_tokens=outcome.completion_tokens,
            cost=cost,
            finish_reason=outcome.finish_reason,
            attempts=outcome.attempts,
            called=called,
        )


def cost_of(completion: Completion, price: Price) -> float | None:
    """Return US dollars of one completion, or None where the server told no token counts."""
    if completion.prompt_tokens is None or completion.completion_tokens is None:
        return None
    prompt = completion.prompt_tokens * price.input_per_million
    return (prompt + completion.completion_tokens * price.output_per_million) / 1e6


def _error(
    case: CaseInfo,
    repeat: int,
    request: str,
    kind: str,
    message: str,
    attempts: int,
    called: bool,
    output: str | None = None,
) -> CaseResult:
    return CaseResult(
        case=case.id, repeat=repeat, state="error", request=request, output=output,
        error_kind=kind, error=message, attempts=attempts, called=called,
    )  # fmt: skip


def load_code(catalog: Catalog, suite: str) -> ModuleType | None:
    """Execute a suite's own module as it stands in the catalog's tree, or return None without one."""
    source = catalog.suite_code.get(suite)
    if source is None:
        return None
    if b"deepeval" in source:
        prepare()
    path = str(PurePosixPath(catalog.suites[suite].path).with_suffix(".py"))
    module = ModuleType(f"sluice_suite_{suite.replace('-', '_')}")
    try:
        code = compile(source, path, "exec")
        limited(lambda: exec(code, module.__dict__), SECONDS)  # noqa: S102 - the suite's own assertion
    except TimeLimitReached:
        raise CannotJudge(f"{path} took longer than {SECONDS:g} s to load; move slow work out of it") from None
    except Exception as error:
        raise CannotJudge(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    return module


def cases_of(catalog: Catalog, suite: Suite) -> tuple[CaseInfo, ...]:
    """Return the cases of a suite's dataset in file order."""
    dataset = catalog.datasets[suite.dataset]
    return tuple(CaseInfo(dataset.case_id(row), row, dataset.cluster(row), dataset.slices(row)) for row in dataset.rows)


def repeats_of(suite: Suite, cases: Sequence[CaseInfo], stochastic: bool) -> Mapping[str, int]:
    """Return case id -> how often it is asked; a must-pass case is decided by the majority of three where sampled."""
    repeats = {case.id: suite.repeats if stochastic else 1 for case in cases}
    if stochastic:
        repeats.update((case, max(3, suite.repeats)) for case in suite.must_pass if case in repeats)
    return repeats
