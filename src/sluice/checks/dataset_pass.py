"""One pass over the rows of each dataset, in blocks, that feeds every rule about rows; rows are never kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sluice.catalog import Block, Catalog, Dataset
from sluice.checks.case_ids import CaseIds
from sluice.checks.overlap import Columns, HeldOut, held_out_pairs
from sluice.checks.row_groups import RowGroups
from sluice.checks.row_schemas import CardSchema, SuiteInputs
from sluice.checks.suite_cases import SuiteCases
from sluice.checks.suite_plan import SuitePlan
from sluice.checks.word_shingles import normalised_all
from sluice.errors import Finding

Feed: TypeAlias = Callable[[Block], None]


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
    groups = RowGroups()
    feeds: list[Feed] = [
        CaseIds(dataset, facts.findings, groups),
        *CardSchema.of(dataset, groups),
        *SuiteInputs.of(catalog, dataset, groups),
        *(cases.feed(dataset) for cases in suites.values()),
        *_comparisons(dataset, pairs),
    ]
    reading: list[Finding] = []
    for block in dataset.blocks(reading):
        facts.rows += len(block.rows)
        facts.fields.update(*block.shapes)
        for feed in feeds:
            feed(block)
    facts.complete = not reading
    facts.findings += [*reading, *groups.findings()]
    for cases in suites.values():
        facts.findings += cases.missing_fields(dataset, facts.fields)
    return facts


def _comparisons(dataset: Dataset, pairs: list[HeldOut]) -> Iterator[Feed]:
    """Yield one feed for all comparisons by the same fields, whose texts are normalised once."""
    for names in dict.fromkeys(pair.names for pair in pairs):
        held_out = [pair for pair in pairs if pair.names == names and pair.held_out.name == dataset.name]
        train = [pair for pair in pairs if pair.names == names and pair.train.name == dataset.name]
        if held_out or train:
            yield _comparison(names, [*(pair.add for pair in held_out), *(pair.compare for pair in train)])


def _comparison(names: tuple[str, ...], takers: list[Callable[[Sequence[int], Columns], None]]) -> Feed:
    def take(block: Block) -> None:
        columns = [normalised_all([row.get(name) for row in block.rows]) for name in names]
        for taker in takers:
            taker(block.lines, columns)

    return take
