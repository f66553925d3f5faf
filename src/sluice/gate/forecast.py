"""What judging a change would take and what it could see, told before the first call (GATE 15)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sluice.cache import CompletionCache
from sluice.catalog import Catalog
from sluice.gate.changes import Change
from sluice.gate.upcoming import Upcoming, shards, upcoming
from sluice.providers.base import Completion, Request
from sluice.providers.local import BATCH_SIZE
from sluice.runner.engine import Engine
from sluice.runner.scoring import Scorer, load_code
from sluice.schema import Model, Price, Suite
from sluice.stats.decision import NOMINAL_ALPHA
from sluice.stats.power import chance_to_pass, detectable_drop
from sluice.stats.sequential import planned_fractions

ASSUMED_DISCORDANCE = 0.05
"""Share of cases whose verdict flips, before any run has shown it."""
CHARACTERS_PER_TOKEN = 4
SECONDS_PER_TOKEN = {"local": 0.03}
"""How long one step of decoding takes, for all calls in flight together, before any run has shown it."""
USUAL_SECONDS_PER_TOKEN = 0.04
LEAST_MEASURED = 20
"""Fewer answers than this in the cache say little about how long one takes."""


@dataclass(frozen=True, slots=True)
class MetricForecast:
    """What one blocking metric could see. Drops and chances are shares."""

    metric: str
    cases: int
    margin: float
    detectable: float
    chance_to_pass: float


@dataclass(frozen=True, slots=True)
class Effort:
    """What calls would take: at most so many, as early looks save some. Money in US dollars."""

    calls: int
    minutes: float
    gpu_minutes: float
    money: float

    def __add__(self, other: Effort) -> Effort:
        return Effort(
            self.calls + other.calls,
            self.minutes + other.minutes,
            self.gpu_minutes + other.gpu_minutes,
            self.money + other.money,
        )


NO_EFFORT = Effort(0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class SuiteForecast:
    """What one affected suite would take by itself, less what the completion cache knows already."""

    suite: str
    why: tuple[str, ...]
    engine: str
    cases: int
    known: int
    """Completions that the cache holds."""
    prompt_tokens: int
    effort: Effort
    measured: bool
    """Whether the time follows from answers in the cache; else it is a rough assumption about the engine."""
    metrics: tuple[MetricForecast, ...]


@dataclass(frozen=True, slots=True)
class Shard:
    """Suites that must run in one process because they share requests, and what they take together."""

    suites: tuple[str, ...]
    effort: Effort


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a change would take: by suite, by shard, and in all."""

    suites: tuple[SuiteForecast, ...]
    shards: tuple[Shard, ...]

    @property
    def effort(self) -> Effort:
        """What all shards take together."""
        return sum((shard.effort for shard in self.shards), NO_EFFORT)


def forecast(base: Catalog | None, head: Catalog, change: Change, cache: CompletionCache | None = None) -> Forecast:
    """Return what judging the change would take; nothing is called."""
    asked = [upcoming(base, head, affected) for affected in change.affected]
    known = cache.get({key for one in asked for key in one.requests}) if cache else {}
    return Forecast(
        suites=tuple(_suite(base, head, one, known) for one in asked),
        shards=tuple(_shard(head, group, known) for group in shards(asked)),
    )


def _shard(head: Catalog, group: Sequence[Upcoming], known: Mapping[str, Completion]) -> Shard:
    seen: set[str] = set()
    effort = NO_EFFORT
    for one in group:
        effort += _effort(head, one, known, seen)[0]
        seen.update(one.requests)
    return Shard(tuple(one.affected.name for one in group), effort)


def _suite(base: Catalog | None, head: Catalog, asked: Upcoming, known: Mapping[str, Completion]) -> SuiteForecast:
    name = asked.affected.name
    suite = head.suites[name].value
    policy = base.suites[name].value if base is not None and asked.affected.base is not None else suite
    effort, measured = _effort(head, asked, known, set())
    return SuiteForecast(
        suite=name,
        why=asked.affected.why,
        engine=asked.affected.head_engine.title,
        cases=len(asked.cases),
        known=sum(key in known for key in asked.requests),
        prompt_tokens=_prompt_tokens([request for key, request in asked.requests.items() if key not in known]),
        effort=effort,
        measured=measured,
        metrics=tuple(_metrics(head, asked, suite, policy)),
    )


def _effort(head: Catalog, asked: Upcoming, known: Mapping[str, Completion], seen: set[str]) -> tuple[Effort, bool]:
    """Return what the calls of a suite take that are neither known nor `seen` before, and whether it was measured."""
    calls = [request for key, request in asked.requests.items() if key not in known and key not in seen]
    engine = asked.affected.head_engine
    model = head.model(engine.model).value
    answered = [known[key].latency for key in asked.requests if key in known]
    measured = len(answered) >= LEAST_MEASURED
    in_flight = min(_in_flight(engine, model), max(1, len(calls)))
    if measured:
        seconds = len(calls) * statistics.fmean(answered) / in_flight
    else:
        step = SECONDS_PER_TOKEN.get(engine.name, USUAL_SECONDS_PER_TOKEN)
        seconds = sum(request.parameters.max_tokens for request in calls) * step / in_flight
    # Embedded weights are served here by the CPU, whatever the model file asks for elsewhere.
    gpus = 0 if engine.name == "local" else model.serving.resources.gpus
    gpu_minutes = gpus * seconds / 60
    money = _cost(model.price, calls) + gpu_minutes * model.price.gpu_hour / 60
    return Effort(len(calls), seconds / 60, gpu_minutes, money), measured


def _in_flight(engine: Engine, model: Model) -> int:
    return BATCH_SIZE if engine.name == "local" else model.serving.concurrency


def _cost(price: Price, calls: Sequence[Request]) -> float:
    completion = sum(request.parameters.max_tokens for request in calls)
    return (_prompt_tokens(calls) * price.input_per_million + completion * price.output_per_million) / 1e6


def _prompt_tokens(calls: Sequence[Request]) -> int:
    return sum(len(message.content) for request in calls for message in request.messages) // CHARACTERS_PER_TOKEN


def _metrics(head: Catalog, asked: Upcoming, suite: Suite, policy: Suite) -> list[MetricForecast]:
    scorer = Scorer(suite, load_code(head, asked.affected.name))
    fractions = planned_fractions(len(asked.cases))
    found = []
    for metric, gate in policy.gates.items():
        n = sum(map(scorer.measures(metric), (case.row for case in asked.cases)))
        if gate.max_drop is None or not n:
            continue
        chance = chance_to_pass(n, ASSUMED_DISCORDANCE, gate.max_drop, NOMINAL_ALPHA, fractions=fractions)
        detectable = detectable_drop(n, ASSUMED_DISCORDANCE, NOMINAL_ALPHA)
        found.append(MetricForecast(metric, n, gate.max_drop, detectable, chance))
    return found
