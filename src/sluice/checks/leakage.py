"""Rules about leakage: what a model is judged on was not in what it was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sluice.catalog import Dataset
from sluice.checks.overlap import HeldOut
from sluice.checks.row_groups import MOST
from sluice.checks.rule import Context, rules
from sluice.checks.word_shingles import SIMILAR
from sluice.errors import Finding, last_told


def _overlaps(context: Context) -> Iterator[Finding]:
    for facts in context.facts.values():
        for pair in facts.held_out:
            yield from _of_pair(pair)


def _of_pair(pair: HeldOut) -> Iterator[Finding]:
    fields = ", ".join(pair.names)
    expected = f"no case of {pair.held_out.name} in {pair.train.name}"
    fix = "remove it from the train dataset and train again, or take the case out of the eval dataset"
    for number, overlap in enumerate(pair.overlaps.values(), 1):
        other = f"{pair.train.rows_path}:{overlap.train_line}"
        rule = "leakage-exact" if overlap.exact else "leakage-near"
        alike = "equal to" if overlap.exact else f"at least {SIMILAR:.0%} alike to"
        one = Finding(pair.held_out.rows_path, overlap.line, 1, rule, f"{fields} {alike} {other}", expected, fix)
        yield one if number < MOST else last_told(one, MOST)


def _declared_fields(context: Context) -> Iterator[Finding]:
    for dataset in context.catalog.datasets.values():
        trains = [name for name in dataset.value.held_out_from if name in context.facts]
        for index, field in enumerate(dataset.value.held_out_by):
            for name in (dataset.name, *trains):
                facts = context.facts[name]
                if facts.complete and facts.rows and field not in facts.fields:
                    found = f"field {field!r}, which no row of {name} has"
                    expected, fix = "fields that both datasets have", "correct the name, or write the field to both"
                    yield dataset.finding(("held_out_by", index), "held-out-field-unknown", found, expected, fix)


def _declarations(context: Context) -> Iterator[Finding]:
    catalog = context.catalog
    for dataset in catalog.datasets.values():
        for index, name in enumerate(dataset.value.held_out_from):
            train = catalog.datasets.get(name)
            if train and train.value.split != "train":
                found, expected = f"{name}, whose split is {train.value.split}", "a dataset whose split is train"
                where = ("held_out_from", index)
                yield dataset.finding(where, "held-out-split", found, expected, "correct the name or the split")
    yield from _undeclared(context)


def _undeclared(context: Context) -> Iterator[Finding]:
    catalog = context.catalog
    for suite in catalog.suites.values():
        prompt = catalog.prompts.get(suite.value.prompt)
        model = catalog.models.get(prompt.value.model) if prompt else None
        dataset = catalog.datasets.get(suite.value.dataset)
        if model is None or model.value.training is None or dataset is None or dataset.value.split == "train":
            continue
        trained_on = _train_datasets(context, model.value.training)
        if trained_on and not trained_on & set(dataset.value.held_out_from):
            yield _missing(dataset, model.name, ", ".join(sorted(trained_on)))


def _missing(dataset: Dataset, model: str, train: str) -> Finding:
    found = f"cases that judge {model}, not declared as held out from {train}"
    expected, fix = f"held_out_from: [{train}]", "declare it, with held_out_by naming what was learnt"
    return dataset.finding(("held_out_from",), "held-out-undeclared", found, expected, fix)


def _train_datasets(context: Context, recipe: dict[str, Any]) -> set[str]:
    """Return the train datasets that a recipe names anywhere, or all of them where it names none."""
    trains = {name for name, dataset in context.catalog.datasets.items() if dataset.value.split == "train"}
    return trains & set(_texts(recipe)) or trains


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


RULES = (
    *rules(
        _overlaps,
        {
            "leakage-exact": "No held-out case is in the train data.",
            "leakage-near": "No near duplicate of a held-out case is in the train data.",
        },
    ),
    *rules(
        _declared_fields,
        {
            "held-out-field-unknown": "Fields that identify what was learnt exist on both sides.",
        },
    ),
    *rules(
        _declarations,
        {
            "held-out-split": "Cases are held out from train datasets.",
            "held-out-undeclared": "Cases that judge a trained model say what they are held out from.",
        },
    ),
)
