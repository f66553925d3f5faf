"""The gate tested on a recorded comparison: redrawn under known truths, it must say what is true (GATE 16)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sluice.compare import MetricPairs
from sluice.gate.judgement import Judgement
from sluice.stats.decision import Outcome, decide
from sluice.stats.simulation import Recording, boundary_draws, null_draws, rates, record, sabotage_draws, stated_power

SABOTAGE = 0.10
NOMINAL_SIZE = 0.055
MIN_CASES = 50


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What the gate did to redraws of one metric; all rates are shares of the draws."""

    suite: str
    metric: str
    cases: int
    discordance: float
    false_fail: float
    false_pass: float
    power: float
    stated_power: float
    draws: int

    @property
    def honest(self) -> bool:
        """Whether errors stay at the nominal size and power at what was stated, within three standard errors."""
        size = NOMINAL_SIZE + 3 * math.sqrt(NOMINAL_SIZE * (1 - NOMINAL_SIZE) / self.draws)
        slack = 0.03 + 3 * math.sqrt(max(self.stated_power * (1 - self.stated_power), 0.01) / self.draws)
        return max(self.false_fail, self.false_pass) <= size and self.power >= self.stated_power - slack


def self_test(judgement: Judgement, *, draws: int, seed: int = 0) -> list[SelfTest]:
    """Test the gate on every binary gated metric of a judgement that has enough cases and flips."""
    margins = {
        (suite.suite, metric.metric): metric.margin
        for suite in judgement.verdict.suites
        for metric in suite.metrics
        if metric.kind == "binary" and metric.blocking
    }
    found = []
    for suite in judgement.suites:
        for metric, pairs in suite.comparison.metrics.items():
            margin = margins.get((suite.name, metric))
            if margin and len(pairs.cases) >= MIN_CASES and any(pairs.differences):
                found.append(_test(suite.name, pairs, margin, draws, seed))
    return found


def _test(suite: str, pairs: MetricPairs, margin: float, draws: int, seed: int) -> SelfTest:
    recording = _recording(pairs)

    def verdict(looks: object) -> Outcome:
        return decide(looks, margin)  # type: ignore[arg-type]

    return SelfTest(
        suite=suite,
        metric=pairs.metric,
        cases=len(pairs.cases),
        discordance=sum(d != 0 for d in pairs.differences) / len(pairs.cases),
        false_fail=rates(null_draws(recording, draws, seed), verdict).failed,
        false_pass=rates(boundary_draws(recording, margin, draws, seed), verdict).passed,
        power=rates(sabotage_draws(recording, SABOTAGE, draws, seed), verdict).failed,
        stated_power=stated_power(recording, SABOTAGE, margin),
        draws=draws,
    )


def _recording(pairs: MetricPairs) -> Recording:
    base, head = ([value >= 0.5 for value in side] for side in (pairs.base, pairs.head))
    return record(base, head, pairs.clusters, (0.2, 0.4, 0.6, 0.8, 1.0) if len(base) >= 150 else (1.0,))
