"""One pass over the rows of each dataset that feeds every rule about rows; rows are never kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sluice.catalog import Catalog, Dataset
from sluice.checks.case_ids import CaseIds
from sluice.checks.overlap import HeldOut, held_out_pairs
from sluice.checks.row_schemas import CardSchema, SuiteInputs
from sluice.checks.suite_cases import SuiteCases
from sluice.checks.suite_plan import SuitePlan
from sluice.errors import Finding


@dataclass(slots=True)
class DatasetFacts:
    """What one pass over a dataset's rows found out. `complete` is False where some row could not be read."""

    rows: int = 0
    fields: set[str] = field(default_factory=set)
    complete: bool = True
    findings: list[Finding] = field(default_factory=list)
    suites: dict[str, SuiteCases] = field(default_factory=dict)
    held_out: list[HeldOut] = field(default_factory=list)
    """The comparisons with train datasets in which this dataset is the held-out side."""


def read_datasets(catalog: Catalog, plans: dict[str, SuitePlan]) -> dict[str, DatasetFacts]:
    """Read every dataset once: held-out sides first, so that train rows can be compared as they stream by."""
    pairs = held_out_pairs(catalog)
    evaluated = {pair.held_out.name for pair in pairs}
    order = sorted(catalog.datasets.values(), key=lambda dataset: (dataset.name not in evaluated, dataset.name))
    facts: dict[str, DatasetFacts] = {}
    for dataset in order:
        facts[dataset.name] = _read(catalog, dataset, plans, pairs)
    return facts


def _read(catalog: Catalog, dataset: Dataset, plans: dict[str, SuitePlan], pairs: list[HeldOut]) -> DatasetFacts:
    facts = DatasetFacts()
    suites = {name: SuiteCases(plan) for name, plan in plans.items() if plan.entry.value.dataset == dataset.name}
    facts.suites = suites
    facts.held_out = [pair for pair in pairs if pair.held_out.name == dataset.name]
    feeds: list[Any] = [
        CaseIds(dataset, facts.findings),
        *CardSchema.of(dataset, facts.findings),
        *SuiteInputs.of(catalog, dataset, facts.findings),
        *(cases.feed(dataset) for cases in suites.values()),
        *(pair.add for pair in facts.held_out),
        *(pair.compare for pair in pairs if pair.train.name == dataset.name),
    ]
    reading: list[Finding] = []
    seen_keys, fields = None, facts.fields
    for line, row in dataset.scan(reading):
        facts.rows += 1
        if row.keys() != seen_keys:
            seen_keys = row.keys()
            fields.update(seen_keys)
        for feed in feeds:
            feed(line, row)
    facts.complete = not reading
    facts.findings += reading
    for cases in suites.values():
        facts.findings += cases.missing_fields(dataset, fields)
    return facts
