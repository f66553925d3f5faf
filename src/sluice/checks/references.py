"""Names that one file uses for another: they exist, and nothing that should be judged is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sluice.catalog import DIRECTORIES, Entry
from sluice.catalog.yaml_file import KeyPath
from sluice.checks.rule import Context, rules, warning
from sluice.errors import Finding, nearest


def unknown(context: Context, entry: Entry[Any], where: KeyPath, kind: str, name: str, rule: str) -> Iterator[Finding]:
    """Yield a finding where a file names something of a kind that this repository lacks."""
    known = context.declared[kind]
    if name not in known:
        yield entry.finding(
            where,
            rule,
            f"{kind} {name!r}",
            f"a {kind} of this repository; {nearest(name, known)}",
            f"correct the name, or add the {kind}",
        )


def _references(context: Context) -> Iterator[Finding]:
    catalog = context.catalog
    for suite in catalog.suites.values():
        yield from unknown(context, suite, ("prompt",), "prompt", suite.value.prompt, "suite-prompt-unknown")
        yield from unknown(context, suite, ("dataset",), "dataset", suite.value.dataset, "suite-dataset-unknown")
    for prompt in catalog.prompts.values():
        yield from unknown(context, prompt, ("model",), "model", prompt.value.model, "prompt-model-unknown")
    for dataset in catalog.datasets.values():
        for index, name in enumerate(dataset.value.held_out_from):
            yield from unknown(context, dataset, ("held_out_from", index), "dataset", name, "held-out-unknown")


def _stand_ins(context: Context) -> Iterator[Finding]:
    models = context.catalog.models
    for name, entry in models.items():
        stand_in = entry.value.stand_in
        if stand_in is None:
            continue
        yield from unknown(context, entry, ("stand_in",), "model", stand_in, "stand-in-unknown")
        chain = [name]
        while stand_in in models and stand_in not in chain:
            chain.append(stand_in)
            stand_in = models[stand_in].value.stand_in or ""
        if stand_in == name:
            found = " -> ".join([*chain, name])
            fix = "let one of them stand for itself"
            yield entry.finding(("stand_in",), "stand-in-cycle", found, "a chain that ends", fix)


def _suites_on_datasets(context: Context) -> Iterator[Finding]:
    catalog = context.catalog
    for suite in catalog.suites.values():
        dataset = catalog.datasets.get(suite.value.dataset)
        if dataset and dataset.value.split in ("train", "corpus"):
            found = f"{dataset.name}, whose split is {dataset.value.split}"
            expected = "a dataset whose split is eval or calibration"
            fix = "name the dataset that was kept for judging"
            yield suite.finding(("dataset",), "suite-dataset-split", found, expected, fix)


def _left_out(context: Context) -> Iterator[Finding]:
    catalog = context.catalog
    # A judge is itself judged by its calibration.
    judged = {name for suite in catalog.suites.values() for name in (suite.value.prompt, *suite.value.judges)}
    used = {suite.value.dataset for suite in catalog.suites.values()}
    unread = context.declared["suite"] - catalog.suites.keys()
    if unread:
        return
    for prompt in catalog.prompts.values():
        if prompt.name not in judged:
            finding = prompt.finding((), "prompt-without-suite", "a prompt that no suite judges", "a suite for it",
                                     f"sluice new suite {prompt.name}")  # fmt: skip
            yield warning(finding)
    for dataset in catalog.datasets.values():
        if dataset.value.split == "eval" and dataset.name not in used:
            found, expected = "an eval dataset that no suite uses", "a suite that names it"
            yield warning(dataset.finding((), "dataset-without-suite", found, expected, "add a suite, or delete it"))


def _orphan_code(context: Context) -> Iterator[Finding]:
    for plan in context.plans.values():
        if plan.code_error:
            path = plan.entry.path.removesuffix(".yaml") + ".py"
            line, column = plan.code_error.lineno or 1, plan.code_error.offset or 1
            found = str(plan.code_error.msg)
            yield Finding(
                path, line, max(column, 1), "suite-code-syntax", found, "Python that compiles", "mend it here"
            )
    for name in sorted(context.catalog.suite_code.keys() - context.declared["suite"]):
        path = f"{DIRECTORIES['suite']}/{name}.py"
        known = f"a suite beside it; {nearest(name, context.declared['suite'])}"
        yield Finding(path, 1, 1, "suite-code-orphan", "code of no suite", known, "name it as its suite is named")


RULES = (
    *rules(
        _references,
        {
            "suite-prompt-unknown": "A suite's prompt exists.",
            "suite-dataset-unknown": "A suite's dataset exists.",
            "prompt-model-unknown": "A prompt's model exists.",
            "held-out-unknown": "A dataset that another is held out from exists.",
        },
    ),
    *rules(
        _stand_ins,
        {
            "stand-in-unknown": "A model's stand-in exists.",
            "stand-in-cycle": "Stand-ins do not stand in for one another in a circle.",
        },
    ),
    *rules(
        _suites_on_datasets,
        {
            "suite-dataset-split": "Suites judge on data that was kept for judging.",
        },
    ),
    *rules(
        _left_out,
        {
            "prompt-without-suite": "Every prompt is judged by a suite.",
            "dataset-without-suite": "Every eval dataset is used by a suite.",
        },
    ),
    *rules(
        _orphan_code,
        {
            "suite-code-syntax": "A suite's own code is Python.",
            "suite-code-orphan": "A suite's own code is named like its suite.",
        },
    ),
)
