"""Rules about labels that calibrate a judge: they are there, they can be compared, and the judge does not see them."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.assertions import deepeval
from sluice.catalog import Dataset, calibration_path
from sluice.checks.references import unknown
from sluice.checks.rule import Context, rules, warning
from sluice.checks.suite_plan import SuitePlan
from sluice.errors import Finding, nearest

_WORDS = ("first", "second", "tie")


def _labels(context: Context) -> Iterator[Finding]:
    for name, dataset in context.catalog.datasets.items():
        judge, label = dataset.value.judge, dataset.value.label
        if judge is None or label is None:
            continue
        yield from unknown(context, dataset, ("judge",), "prompt", judge, "calibration-judge-unknown")
        facts = context.facts[name]
        if facts.rows and facts.complete:
            yield from _fields(context, dataset, judge, label, facts.fields)


def _fields(context: Context, dataset: Dataset, judge: str, label: str, fields: set[str]) -> Iterator[Finding]:
    if label not in fields:
        found, expected = f"label field {label!r}, which no row has", f"a field of the rows; {nearest(label, fields)}"
        yield dataset.finding(("label",), "calibration-label", found, expected, "correct the name, or add the labels")
    else:
        yield from _marks(dataset, label)
    prompt = context.catalog.prompts.get(judge)
    inputs = prompt.value.inputs.keys() if prompt else set[str]()
    if prompt and label in inputs:
        found, expected = f"{prompt.path}, whose input {label!r} is the label", "a judge that does not see it"
        yield dataset.finding(("label",), "calibration-label", found, expected, "rename the field of the labels")
    for name in sorted(inputs - fields - {label}):
        found = f"no field {name!r} in the rows, which {prompt.path if prompt else judge} takes"
        expected, fix = "rows with every input of the judge, the output that it grades too", "add the field"
        yield dataset.finding(("judge",), "calibration-inputs", found, expected, fix)


def _marks(dataset: Dataset, label: str) -> Iterator[Finding]:
    """Yield the first row whose label is no word of a judge."""
    bad: list[Finding] = []
    for line, row in dataset.scan([]):
        mark = row.get(label)
        if not isinstance(mark, bool) and mark not in _WORDS:
            expected = f"true or false, or {', '.join(_WORDS)} for a judge that compares"
            found = f"{label} = {mark!r}" if label in row else f"no {label!r}"
            bad.append(Finding(dataset.rows_path, line, 1, "calibration-label", found, expected, "label the case"))
            break
    yield from bad


def _calibrated(context: Context) -> Iterator[Finding]:
    calibrated = {one.value.judge: one for one in context.catalog.datasets.values() if one.value.judge}
    for plan in context.plans.values():
        for judge in dict.fromkeys(_blocking(plan)):
            if judge in context.catalog.prompts and not (
                judge in calibrated and calibrated[judge].calibration is not None
            ):
                yield warning(_uncalibrated(plan, judge, judge in calibrated))
    for dataset in calibrated.values():
        facts = context.facts[dataset.name]
        if dataset.calibration and facts.complete and dataset.calibration.rows != dataset.content_digest:
            found, expected = "answers about other rows than there are now", "a calibration of these rows"
            path, fix = calibration_path(dataset.name), f"sluice calibrate {dataset.value.judge}"
            yield warning(Finding(path, 1, 1, "calibration-stale", found, expected, fix))


def _blocking(plan: SuitePlan) -> Iterator[str]:
    """Yield the judges of the metrics that are to block."""
    suite = plan.entry.value
    for metric, several in suite.judged.items():
        gate = suite.gates.get(metric)
        if gate is not None and gate.tier == "block":
            yield from (one.judge for one in several if one.judge and deepeval.PREFIX not in one.type)


def _uncalibrated(plan: SuitePlan, judge: str, labelled: bool) -> Finding:
    assertions = plan.entry.value.assertions
    index = next(i for i, one in enumerate(assertions) if judge in {part.judge for part in (one, *one.assertions)})
    found = f"the judge {judge}, which is not calibrated: its metrics may only warn"
    write = f"label cases in a dataset with split: calibration and judge: {judge}, then "
    fix = f"{'' if labelled else write}run sluice calibrate {judge}; or set tier: warn"
    where = ("assertions", index, "judge")
    return plan.entry.finding(where, "judge-uncalibrated", found, "agreement with people, before it blocks", fix)


RULES = (
    *rules(
        _labels,
        {
            "calibration-judge-unknown": "The judge that labels calibrate is a prompt of this repository.",
            "calibration-label": "Every case of a calibration has a label, which the judge does not see.",
            "calibration-inputs": "The rows of a calibration give every input of the judge.",
        },
    ),
    *rules(
        _calibrated,
        {
            "judge-uncalibrated": "A judge whose metrics are to block is calibrated.",
            "calibration-stale": "A calibration is of the rows that are there.",
        },
    ),
)
