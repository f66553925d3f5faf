"""Rules about a dataset card and its rows as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sluice.catalog import Dataset, Entry
from sluice.checks.dataset_pass import DatasetFacts
from sluice.checks.rule import Context, rules
from sluice.errors import Finding, nearest


def _rows(context: Context) -> Iterator[Finding]:
    for name, dataset in context.catalog.datasets.items():
        facts = context.facts[name]
        if facts.rows == 0 and facts.complete:
            found, expected = "no rows", "at least one row"
            yield Finding(dataset.rows_path, 1, 1, "dataset-empty", found, expected, "add rows, or delete the dataset")
        if facts.rows and facts.complete:
            yield from _fields(dataset, facts)


def _fields(dataset: Dataset, facts: DatasetFacts) -> Iterator[Finding]:
    card = dataset.value
    expected_fix = "correct the name, or add the field to the rows"
    for index, name in enumerate(card.slices):
        if name not in facts.fields:
            found, known = (
                f"slice field {name!r}, which no row has",
                f"a field of the rows; {nearest(name, facts.fields)}",
            )
            yield dataset.finding(("slices", index), "dataset-slice-unknown", found, known, expected_fix)
    if card.cluster is not None and card.cluster not in facts.fields:
        found, known = (
            f"cluster field {card.cluster!r}, which no row has",
            f"a field of the rows; {nearest(card.cluster, facts.fields)}",
        )
        yield dataset.finding(("cluster",), "dataset-cluster-unknown", found, known, expected_fix)


def _privacy(context: Context) -> Iterator[Finding]:
    for dataset in context.catalog.datasets.values():
        if dataset.value.personal_data and dataset.value.outputs == "public":
            found, expected = "public outputs of personal data", "outputs: none (or artifact)"
            fix = "model outputs repeat what rows say: keep them private"
            yield dataset.finding(("outputs",), "dataset-outputs-private", found, expected, fix)


def _owners(context: Context) -> Iterator[Finding]:
    entries: list[Entry[Any]] = [*context.catalog.prompts.values(), *context.catalog.datasets.values()]
    for entry in entries:
        owners = entry.value.owners
        for index, owner in enumerate(owners):
            if owner in owners[:index]:
                found, expected = f"{owner!r} twice", "each owner once"
                yield entry.finding(("owners", index), "owner-duplicate", found, expected, "remove one")


RULES = (
    *rules(
        _rows,
        {
            "dataset-empty": "A dataset has rows.",
            "dataset-slice-unknown": "Slices are fields of the rows.",
            "dataset-cluster-unknown": "The cluster is a field of the rows.",
        },
    ),
    *rules(
        _privacy,
        {
            "dataset-outputs-private": "Outputs on personal data are not public.",
        },
    ),
    *rules(
        _owners,
        {
            "owner-duplicate": "Each owner stands once.",
        },
    ),
)
