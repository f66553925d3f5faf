"""Rules about a suite's assertions: known types, sound settings, conditions that select cases."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.assertions import AssertionConfigError, WhenSyntaxError
from sluice.catalog import Entry
from sluice.checks.places import inside_scalar
from sluice.checks.rule import Context, rules
from sluice.checks.suite_plan import SuitePlan
from sluice.errors import Finding, nearest
from sluice.schema import RESERVED_METRICS, Suite


def _compile(context: Context) -> Iterator[Finding]:
    for plan in context.plans.values():
        for broken in plan.errors:
            yield _broken(context, plan.entry, broken.index, broken.error)


def _broken(context: Context, suite: Entry[Suite], index: int, error: AssertionConfigError) -> Finding:
    where = ("assertions", index, error.key)
    kind = suite.value.assertions[index].type
    if isinstance(error, WhenSyntaxError):
        place = inside_scalar(context.catalog.tree, suite, where, error.column)
        expected = "fields, not, and, or, = and parentheses"
        message = str(error).partition(": ")[2]
        return Finding(suite.path, *place, "assertion-when", message, expected, "correct the condition")
    if error.key == "type":
        found, _, hint = str(error).partition("; ")
        return suite.finding(where, "assertion-type-unknown", found, f"a known type; {hint}", "correct the type")
    return suite.finding(where, "assertion-config", str(error), f"settings that {kind} takes", "correct the assertion")


def _metrics(context: Context) -> Iterator[Finding]:
    for suite in context.catalog.suites.values():
        for index, assertion in enumerate(suite.value.assertions):
            if assertion.metric in RESERVED_METRICS:
                where = ("assertions", index, "metric")
                found, expected = f"metric {assertion.metric!r}", "a name of your own"
                fix = f"{assertion.metric} is measured in every run; gate it with max_ratio"
                yield suite.finding(where, "assertion-metric-reserved", found, expected, fix)


def _cases(context: Context) -> Iterator[Finding]:
    for name, plan in context.plans.items():
        facts = context.facts.get(plan.entry.value.dataset)
        if not facts or not facts.complete or not facts.rows:
            continue
        for index in plan.compiled:
            unknown = list(_unknown_fields(plan, index, facts.fields))
            yield from unknown
            if not unknown and facts.suites[name].applied(index) == 0:
                when = plan.compiled[index].when
                found = f"a condition that holds for none of {facts.rows} cases: {when.text if when else ''}"
                expected, fix = "at least one case", "correct the condition, or add cases"
                yield plan.entry.finding(("assertions", index, "when"), "assertion-without-cases", found, expected, fix)
        yield from _must_pass(plan, facts.suites[name].missing_must_pass)


def _unknown_fields(plan: SuitePlan, index: int, fields: set[str]) -> Iterator[Finding]:
    compiled = plan.compiled[index]
    in_when = compiled.when.fields if compiled.when else frozenset[str]()
    # What is retrieved may differ between base and head; which cases count must not.
    for field in sorted((compiled.fields - fields) | (in_when & plan.retrieved)):
        where = ("assertions", index, "when" if field in in_when else "value")
        found, fix = f"field {field!r}, which no row has", "correct the name, or add the field to the rows"
        if field in plan.retrieved:
            found, fix = f"field {field!r}, which is retrieved", "select the cases by what their rows say"
        yield plan.entry.finding(
            where, "assertion-field-unknown", found, f"a field of the rows; {nearest(field, fields)}", fix
        )


def _must_pass(plan: SuitePlan, missing: set[str]) -> Iterator[Finding]:
    for index, case in enumerate(plan.entry.value.must_pass):
        if case in missing:
            found = f"case {case!r}"
            expected, fix = f"an id of dataset {plan.entry.value.dataset}", "correct the id, or add the case"
            yield plan.entry.finding(("must_pass", index), "must-pass-unknown", found, expected, fix)


RULES = (
    *rules(
        _compile,
        {
            "assertion-type-unknown": "Assertion types are known.",
            "assertion-config": "Assertions have the settings that their type takes.",
            "assertion-when": "Conditions are fields, not, and, or, = and parentheses.",
        },
    ),
    *rules(
        _metrics,
        {
            "assertion-metric-reserved": "Assertions do not report under latency or cost.",
        },
    ),
    *rules(
        _cases,
        {
            "assertion-field-unknown": "Fields that assertions read exist in the rows.",
            "assertion-without-cases": "Every assertion applies to some case.",
            "must-pass-unknown": "Must-pass cases exist.",
        },
    ),
)
