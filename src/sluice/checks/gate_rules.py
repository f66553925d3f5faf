"""Rules about gates: each names a metric, in the right unit, with enough cases to be judged."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.catalog import Entry
from sluice.checks.rule import Context, rules, warning
from sluice.checks.suite_plan import SuitePlan
from sluice.errors import Finding, nearest
from sluice.schema import RESERVED_METRICS, Gate, Suite
from sluice.stats.decision import NOMINAL_ALPHA
from sluice.stats.power import POWER, cases_to_pass, cases_to_pass_without_flips, chance_to_pass

DISCORDANCE = 0.05
"""The share of cases that is expected to flip in an unchanged prompt before any run has shown it."""


def _gates(context: Context) -> Iterator[Finding]:
    blocked = {plan.entry.value.prompt for plan in context.plans.values() if _blocks(plan.entry)}
    for plan in context.plans.values():
        suite = plan.entry
        yield from _presence(suite, suite.value.prompt in blocked)
        for metric, gate in suite.value.gates.items():
            if metric not in (*suite.value.metrics, *RESERVED_METRICS):
                found, fix = f"a gate on {metric!r}", "correct the name, or add an assertion that reports it"
                known = f"a metric of this suite; {nearest(metric, suite.value.metrics)}"
                yield suite.finding(("gates", metric), "gate-metric-unknown", found, known, fix, key=True)
            else:
                yield from _unit(plan, metric, gate)


def _blocks(suite: Entry[Suite]) -> bool:
    return any(gate.tier == "block" for gate in suite.value.gates.values())


def _presence(suite: Entry[Suite], blocked: bool) -> Iterator[Finding]:
    """`blocked` says that some suite of the same prompt blocks: beside it, another may only report.

    Advice, because this sees one revision: a new prompt may start without. What loses its last blocking suite is
    refused where it is compared with its base.
    """
    gates = suite.value.gates
    expected, fix = "at least one gate of tier block", "give the metric that matters most a gate with max_drop"
    if not gates:
        yield suite.finding(("gates",), "suite-without-gate", "no gate at all", expected, fix, key=True)
        return
    if not blocked:
        found = "no gate that blocks: this suite can only warn"
        yield warning(suite.finding(("gates",), "suite-never-blocks", found, expected, fix, key=True))
    for metric in suite.value.metrics:
        if metric not in gates and metric not in RESERVED_METRICS:
            index = next((i for i, one in enumerate(suite.value.assertions) if one.metric == metric), None)
            where = ("gates",) if index is None else ("assertions", index, "metric")
            found, expected = f"metric {metric!r} without a gate", "a gate for every metric"
            fix = "add one; tier info only reports it"
            yield warning(suite.finding(where, "metric-without-gate", found, expected, fix))


def _unit(plan: SuitePlan, metric: str, gate: Gate) -> Iterator[Finding]:
    suite, where = plan.entry, ("gates", metric)
    if metric in RESERVED_METRICS and gate.max_ratio is None:
        fix = f"write max_ratio; {metric} is compared by ratio"
        yield suite.finding(where, "gate-unit", f"max_drop on {metric}", "max_ratio", fix, key=True)
    elif metric not in RESERVED_METRICS and gate.max_ratio is not None:
        fix = "write max_drop; quality is compared by difference"
        yield suite.finding(where, "gate-unit", f"max_ratio on {metric}", "max_drop", fix, key=True)
    elif gate.kind == "binary" and any(one.kind == "continuous" for one in plan.of_metric(metric)):
        fix = "remove kind, or give the assertion a threshold"
        found = "kind binary for assertions that score continuously"
        yield suite.finding((*where, "kind"), "gate-unit", found, "kind: continuous", fix)


def _blind(context: Context) -> Iterator[Finding]:
    for name, plan in context.plans.items():
        facts = context.facts.get(plan.entry.value.dataset)
        if not facts or not facts.complete or not facts.rows:
            continue
        for metric, gate in plan.entry.value.gates.items():
            if gate.tier == "block" and gate.max_drop is not None and _binary(plan, metric, gate):
                yield from _sees(plan.entry, metric, gate.max_drop, facts.suites[name].cases(metric))


def _binary(plan: SuitePlan, metric: str, gate: Gate) -> bool:
    assertions = plan.of_metric(metric)
    return bool(assertions) and gate.kind != "continuous" and all(one.kind == "binary" for one in assertions)


def _sees(suite: Entry[Suite], metric: str, margin: float, cases: int) -> Iterator[Finding]:
    """The chance is that of one look at all cases; five looks change it by less than two points."""
    if cases == 0:
        return
    chance = chance_to_pass(cases, DISCORDANCE, margin, NOMINAL_ALPHA)
    if chance >= POWER:
        return
    found = f"{cases} cases, with which an unchanged prompt passes max_drop {margin:g} with a chance of {chance:.2f}"
    least = cases_to_pass_without_flips(margin, NOMINAL_ALPHA)
    if cases < least:
        found = f"{cases} cases, with which max_drop {margin:g} cannot be passed even if no answer changes"
    needed = cases_to_pass(margin, DISCORDANCE, NOMINAL_ALPHA)
    expected = f"about {needed} cases (a chance of {POWER:g} where {DISCORDANCE:.0%} of the answers flip)"
    fix = f"add cases, widen max_drop, or set tier: warn for {metric}"
    yield suite.finding(("gates", metric), "gate-blind", found, expected, fix, key=True)


def _repeats(context: Context) -> Iterator[Finding]:
    for suite in context.catalog.suites.values():
        prompt = context.catalog.prompts.get(suite.value.prompt)
        if prompt and suite.value.repeats > 1 and not prompt.value.parameters.stochastic:
            found = f"{suite.value.repeats} repeats of a greedy prompt"
            expected, fix = "repeats: 1; the answers would be copies", "remove repeats, or raise the temperature"
            yield suite.finding(("repeats",), "suite-repeats-greedy", found, expected, fix)


def _measured(context: Context) -> Iterator[Finding]:
    for suite in context.catalog.suites.values():
        prompt = context.catalog.prompts.get(suite.value.prompt)
        model = context.catalog.models.get(prompt.value.model) if prompt else None
        if model is None:
            continue
        latency, cost = suite.value.gates.get("latency"), suite.value.gates.get("cost")
        if latency and latency.tier == "block" and model.value.serving.engine == "local":
            found, expected = f"a blocking latency gate on {model.name}, an engine that batches", "tier: warn"
            fix = "a batch's latency is not a request's: only warn here"
            yield suite.finding(("gates", "latency"), "gate-latency-local", found, expected, fix, key=True)
        price = model.value.price
        if cost and not (price.input_per_million or price.output_per_million):
            found, expected = f"a cost gate where {model.path} has no price per token", "a price"
            fix = "add the price to the model, or remove the gate"
            yield warning(suite.finding(("gates", "cost"), "gate-cost-unpriced", found, expected, fix, key=True))


RULES = (
    *rules(
        _gates,
        {
            "gate-metric-unknown": "Gates name metrics of the suite.",
            "suite-without-gate": "A suite has gates.",
            "suite-never-blocks": "A prompt has a suite with a gate that blocks.",
            "metric-without-gate": "Every metric has a gate.",
            "gate-unit": "Quality is gated by max_drop, latency and cost by max_ratio.",
        },
    ),
    *rules(
        _blind,
        {
            "gate-blind": "A blocking gate has enough cases to pass an unchanged prompt.",
        },
    ),
    *rules(
        _repeats,
        {
            "suite-repeats-greedy": "Repeats exist only where sampling is stochastic.",
        },
    ),
    *rules(
        _measured,
        {
            "gate-latency-local": "Latency blocks only where requests are timed one by one.",
            "gate-cost-unpriced": "Cost is gated only where the model has a price.",
        },
    ),
)
