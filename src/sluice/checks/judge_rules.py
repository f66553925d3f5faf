"""Rules about judges: the prompt that judges exists, its inputs are given, and its answer can be read."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.assertions import Asking, CompiledAssertion
from sluice.catalog import Entry
from sluice.catalog.yaml_file import KeyPath
from sluice.checks.references import unknown
from sluice.checks.rule import Context, rules
from sluice.checks.suite_plan import SuitePlan
from sluice.errors import Finding, nearest
from sluice.schema import Prompt, Suite


def _judges(context: Context) -> Iterator[Finding]:
    for plan in context.plans.values():
        for index, assertion in plan.compiled.items():
            places: dict[KeyPath, CompiledAssertion] = {("assertions", index): assertion}
            places |= {("assertions", index, "assertions", part): one for part, one in enumerate(assertion.parts)}
            for place, one in places.items():
                if one.asking is not None:
                    yield from _judge(context, plan, place, one.asking)


def _judge(context: Context, plan: SuitePlan, place: KeyPath, asking: Asking) -> Iterator[Finding]:
    suite, where = plan.entry, (*place, "judge")
    yield from unknown(context, suite, where, "prompt", asking.judge, "judge-unknown")
    judge = context.catalog.prompts.get(asking.judge)
    if judge is None:
        return
    yield from _contract(suite, where, judge, asking)
    yield from _inputs(context, plan, where, judge, asking)
    if asking.repeats > 1 and not judge.value.parameters.stochastic:
        found, expected = f"{asking.repeats} repeats of a greedy judge", "repeats: 1; the answers would be copies"
        fix = f"remove repeats, or raise the temperature in {judge.path}"
        yield suite.finding((*place, "repeats"), "judge-repeats-greedy", found, expected, fix)


def _contract(suite: Entry[Suite], where: KeyPath, judge: Entry[Prompt], asking: Asking) -> Iterator[Finding]:
    schema = judge.value.output.schema_
    properties = schema.get("properties", {}) if schema else {}
    wanted = " or ".join(asking.answers)
    if not asking.answers:
        return
    if not isinstance(properties, dict) or not set(asking.answers) & properties.keys():
        found = f"{judge.path}, whose output contract has no {wanted}"
        expected = f"output: {{type: json, schema: …}} with a property {wanted}, and a reason"
        yield suite.finding(where, "judge-contract", found, expected, f"add it to {judge.path}")
    if judge.value.retrieval is not None:
        found, expected = f"{judge.path}, which retrieves passages", "a judge that sees what its inputs say"
        yield suite.finding(where, "judge-contract", found, expected, "give it the passages as an input")


def _inputs(
    context: Context, plan: SuitePlan, where: KeyPath, judge: Entry[Prompt], asking: Asking
) -> Iterator[Finding]:
    suite, declared = plan.entry, judge.value.inputs.keys()
    missing = sorted(asking.needs - declared)
    if missing:
        found = f"{judge.path}, which has no input {', '.join(missing)}"
        expected = f"the inputs {', '.join(sorted(asking.needs))}, or it would judge nothing"
        yield suite.finding(where, "judge-inputs", found, expected, f"declare and use them in {judge.path}")
    facts = context.facts.get(suite.value.dataset)
    if not facts or not facts.complete or not facts.rows:
        return
    given = facts.fields | asking.gives | plan.retrieved
    for name in sorted(declared - given):
        found = f"{judge.path}, whose input {name!r} nothing gives"
        expected = f"what the assertion gives or a field of the rows; {nearest(name, given)}"
        yield suite.finding(where, "judge-inputs", found, expected, "correct the name, or add the field to the rows")


RULES = rules(
    _judges,
    {
        "judge-unknown": "A judge is a prompt of this repository.",
        "judge-contract": "A judge promises a JSON answer with what its assertion reads.",
        "judge-inputs": "A judge's inputs are given, and it sees what it judges.",
        "judge-repeats-greedy": "A judge is asked repeatedly only where it samples.",
    },
)
