"""What judging a change would take and what it could see, told before the first call (GATE 15)."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.catalog import Catalog
from sluice.gate.changes import Affected, Change, mixed
from sluice.runner.plan import PlannedSide, collect_calls
from sluice.runner.scoring import Scorer, cases_of, load_code, repeats_of
from sluice.schema import Price, Suite
from sluice.stats.decision import NOMINAL_ALPHA
from sluice.stats.power import chance_to_pass, detectable_drop
from sluice.stats.sequential import planned_fractions

ASSUMED_DISCORDANCE = 0.05
"""Share of cases whose verdict flips, before any run has shown it."""
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class MetricForecast:
    """What one blocking metric could see. Drops and chances are shares."""

    metric: str
    cases: int
    margin: float
    detectable: float
    chance_to_pass: float


@dataclass(frozen=True, slots=True)
class SuiteForecast:
    """What one affected suite would take. `calls` is the most; caches and early looks save some."""

    suite: str
    why: tuple[str, ...]
    engine: str
    cases: int
    calls: int
    prompt_tokens: int
    cost: float
    metrics: tuple[MetricForecast, ...]


def forecast(base: Catalog | None, head: Catalog, change: Change) -> tuple[SuiteForecast, ...]:
    """Return one forecast for each affected suite; nothing is called."""
    return tuple(_suite(base, head, affected) for affected in change.affected)


def _suite(base: Catalog | None, head: Catalog, affected: Affected) -> SuiteForecast:
    suite = head.suites[affected.name].value
    cases = cases_of(head, suite)
    prompt = head.prompt(suite.prompt).value
    sides = [PlannedSide("head", prompt, affected.head)]
    if base is not None and affected.base is not None:
        before = base.prompt(base.suites[affected.name].value.prompt).value
        sides.insert(0, PlannedSide("base", before, mixed(affected.base, affected.head)))
    repeats = repeats_of(suite, cases, prompt.parameters.stochastic)
    requests = collect_calls(sides, cases, repeats).requests.values()
    characters = sum(len(message.content) for request in requests for message in request.messages)
    price = head.model(affected.head_engine.model).value.price
    tokens = characters // CHARACTERS_PER_TOKEN
    policy = base.suites[affected.name].value if base is not None and affected.base is not None else suite
    return SuiteForecast(
        suite=affected.name,
        why=affected.why,
        engine=affected.head_engine.title,
        cases=len(cases),
        calls=len(requests),
        prompt_tokens=tokens,
        cost=_cost(price, tokens, len(requests) * prompt.parameters.max_tokens),
        metrics=tuple(_metrics(head, affected.name, suite, policy)),
    )


def _cost(price: Price, prompt_tokens: int, completion_tokens: int) -> float:
    return (prompt_tokens * price.input_per_million + completion_tokens * price.output_per_million) / 1e6


def _metrics(head: Catalog, name: str, suite: Suite, policy: Suite) -> list[MetricForecast]:
    cases = cases_of(head, suite)
    scorer = Scorer(suite, load_code(head, name))
    found = []
    for metric, gate in policy.gates.items():
        checks = [one for one in scorer.assertions if one.metric == metric]
        n = sum(any(check.applies(case.row) for check in checks) for case in cases)
        if gate.max_drop is None or not n:
            continue
        chance = chance_to_pass(
            n, ASSUMED_DISCORDANCE, gate.max_drop, NOMINAL_ALPHA, fractions=planned_fractions(len(cases))
        )
        detectable = detectable_drop(n, ASSUMED_DISCORDANCE, NOMINAL_ALPHA)
        found.append(MetricForecast(metric, n, gate.max_drop, detectable, chance))
    return found
