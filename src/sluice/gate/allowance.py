"""What a change may spend before anything is spent: the budgets of its suites, and limits over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sluice.gate.forecast import Effort, Forecast, SuiteForecast
from sluice.schema import Budget

MOST_SHARDS = 256
"""Jobs that GitHub makes of one matrix."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a change may take in all; None where nothing limits it. Money in US dollars."""

    calls: int | None = None
    minutes: float | None = None
    money: float | None = None


def refusals(forecast: Forecast, limits: Limits, budgets: Mapping[str, Budget]) -> tuple[str, ...]:
    """Return, in words, every budget that the forecast exceeds; `budgets` are those of the suites by name."""
    return (
        *_over_limits(forecast.effort, limits),
        *(refusal for suite in forecast.suites for refusal in _over_budget(suite, budgets[suite.suite])),
        *_too_many(forecast),
    )


def _over_limits(effort: Effort, limits: Limits) -> Iterator[str]:
    if limits.calls is not None and effort.calls > limits.calls:
        yield f"this change may need {effort.calls:,} calls, and {limits.calls:,} are allowed (--budget-calls)"
    if limits.minutes is not None and effort.minutes > limits.minutes:
        yield f"this change may need {effort.minutes:.1f} min, and {limits.minutes:g} are allowed (--budget-minutes)"
    if limits.money is not None and effort.money > limits.money:
        yield f"this change may cost ${effort.money:.2f}, and ${limits.money:.2f} is allowed (--budget-money)"


def _over_budget(suite: SuiteForecast, budget: Budget) -> Iterator[str]:
    """A suite's minutes refuse only what was measured: a run that exceeds them stops by itself."""
    name, effort = suite.suite, suite.effort
    if budget.calls is not None and effort.calls > budget.calls:
        yield f"{name} may need {effort.calls:,} calls, and its own budget is {budget.calls:,}"
    if budget.minutes is not None and suite.measured and effort.minutes > budget.minutes:
        yield f"{name} may need {effort.minutes:.1f} min, and its own budget is {budget.minutes:g}"
    if budget.cost is not None and effort.money > budget.cost:
        yield f"{name} may cost ${effort.money:.2f}, and its own budget is ${budget.cost:.2f}"


def _too_many(forecast: Forecast) -> Iterator[str]:
    if len(forecast.shards) > MOST_SHARDS:
        yield f"this change affects {len(forecast.shards)} suites apart, and one matrix has at most {MOST_SHARDS} jobs"
