"""Rules about retrieval: a corpus that is there, passages that the prompt's input takes, and one source of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sluice.catalog import Dataset, Entry
from sluice.catalog.yaml_file import KeyPath
from sluice.checks.articles import Articles
from sluice.checks.json_schemas import CompiledSchema, compile_schema
from sluice.checks.rule import Context, rules
from sluice.errors import Finding, nearest
from sluice.schema import Prompt, Retrieval


def _retrieving(context: Context) -> Iterator[tuple[Entry[Prompt], Retrieval]]:
    for prompt in context.catalog.prompts.values():
        if prompt.value.retrieval is not None:
            yield prompt, prompt.value.retrieval


def _corpora(context: Context) -> Iterator[Finding]:
    for prompt, retrieval in _retrieving(context):
        known, name, where = context.declared["dataset"], retrieval.corpus, ("retrieval", "corpus")
        dataset = context.catalog.datasets.get(name)
        if name not in known:
            expected, fix = (
                f"a dataset of this repository; {nearest(name, known)}",
                "correct the name, or add the dataset",
            )
            yield prompt.finding(where, "retrieval-corpus-unknown", f"corpus {name!r}", expected, fix)
        elif dataset and dataset.value.split != "corpus":
            found, expected = f"{name}, whose split is {dataset.value.split}", "a dataset whose split is corpus"
            fix = "cases to judge or to train on are no documents: correct the name or the split"
            yield prompt.finding(where, "retrieval-corpus-split", found, expected, fix)


def _inputs(context: Context) -> Iterator[Finding]:
    for prompt, retrieval in _retrieving(context):
        schema = prompt.value.inputs.get(retrieval.into)
        if schema is None:
            found, known = (
                f"input {retrieval.into!r}, which is not declared",
                f"a declared input; {nearest(retrieval.into, prompt.value.inputs)}",
            )
            fix = "declare it under inputs, or correct the name"
            yield prompt.finding(("retrieval", "into"), "retrieval-into", found, known, fix)
        elif not _takes_lists(schema):
            found, expected = f"input {retrieval.into!r} of type {schema['type']!r}", "type: array"
            fix = "passages are a list: correct the input's type, or name another input"
            yield prompt.finding(("inputs", retrieval.into), "retrieval-into", found, expected, fix)
        else:
            yield from _top(prompt, retrieval, schema.get("maxItems"))


def _takes_lists(schema: dict[str, Any]) -> bool:
    allowed = schema.get("type", "array")
    return "array" in (allowed if isinstance(allowed, list) else [allowed])


def _top(prompt: Entry[Prompt], retrieval: Retrieval, most: Any) -> Iterator[Finding]:
    if isinstance(most, int | float) and retrieval.top > most:
        found, expected = f"top {retrieval.top}", f"at most {most:g}, the maxItems of input {retrieval.into}"
        yield prompt.finding(("retrieval", "top"), "retrieval-top", found, expected, "lower top, or raise maxItems")


def _articles(context: Context) -> Iterator[Finding]:
    for prompt, retrieval in _retrieving(context):
        dataset = context.catalog.datasets.get(retrieval.corpus)
        if dataset is None or dataset.value.split != "corpus":
            continue
        unknown = list(_unknown_fields(context, prompt, retrieval, dataset))
        yield from unknown
        schema = compile_schema(prompt.value.inputs.get(retrieval.into, {}))
        if not unknown and isinstance(schema, CompiledSchema):
            yield from Articles(prompt, retrieval, dataset, schema).findings()


def _unknown_fields(
    context: Context, prompt: Entry[Prompt], retrieval: Retrieval, dataset: Dataset
) -> Iterator[Finding]:
    facts = context.facts[dataset.name]
    if not facts.complete or not facts.rows:
        return
    named: list[tuple[KeyPath, str]] = [
        (("retrieval", "fields", name), used) for name, used in retrieval.fields.items()
    ]
    named += [(("retrieval", "search", index), used) for index, used in enumerate(retrieval.search)]
    for where, field in named:
        if field not in facts.fields:
            found = f"field {field!r}, which no row of {dataset.name} has"
            expected = f"a field of the corpus; {nearest(field, facts.fields)}"
            yield prompt.finding(
                where, "retrieval-field-missing", found, expected, "correct the name under fields or search"
            )


def _sources(context: Context) -> Iterator[Finding]:
    for plan in context.plans.values():
        suite, facts = plan.entry, context.facts.get(plan.entry.value.dataset)
        if suite.value.retrieve is not None or facts is None:
            continue
        for field in plan.retrieved & facts.fields:
            found = (
                f"dataset {suite.value.dataset}, whose rows give {field!r}, which prompt {suite.value.prompt} retrieves"
            )
            expected, fix = "one source of it", "take it out of the rows, or say which counts: retrieve: true or false"
            yield suite.finding(("dataset",), "retrieval-rows", found, expected, fix)


RULES = (
    *rules(
        _corpora,
        {
            "retrieval-corpus-unknown": "The corpus that a prompt retrieves from exists.",
            "retrieval-corpus-split": "Prompts retrieve from datasets whose split is corpus.",
        },
    ),
    *rules(
        _inputs,
        {
            "retrieval-into": "What is retrieved goes into a declared input that takes a list.",
            "retrieval-top": "No more passages are retrieved than their input takes.",
        },
    ),
    *rules(
        _articles,
        {
            "retrieval-field-missing": "Every row of a corpus has the fields that are used, as text where searched.",
            "retrieval-passage": "Every row of a corpus makes a passage that the prompt's input takes.",
        },
    ),
    *rules(
        _sources,
        {
            "retrieval-rows": "Where rows give what a prompt retrieves, the suite says which of both counts.",
        },
    ),
)
