"""Starter files of each kind that pass `sluice check` as they are; the texts lie in `scaffolds/`."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Template

from sluice.catalog import DIRECTORIES, Catalog, Dataset
from sluice.errors import UsageError
from sluice.schema.base import MAX_NAME, NAME_PATTERN
from sluice.stats.decision import NOMINAL_ALPHA
from sluice.stats.power import POWER, chance_to_pass

KINDS = ("prompt", "dataset", "suite", "model")

_MARGINS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
_DISCORDANCE = 0.05
_STARTER_FIELDS = {"question", "expected"}
HELD_OUT_BY = "question"
"""The starter's field that training rows are compared by."""


def scaffold(kind: str, name: str, catalog: Catalog, *, model: str | None = None) -> dict[str, str]:
    """Return path -> text of the new files; a suite brings the prompt and dataset of its name where they are missing.

    A new prompt names `model`, else a model that this repository carries, else the first one.
    Raises UsageError for a name that is no file name, and where something must exist first.
    """
    refuse_unusable(name)
    if kind == "suite":
        return _suite(name, catalog, model)
    if kind == "dataset":
        return _dataset(name, catalog)
    if kind == "prompt":
        return _prompt(name, catalog, model)
    if kind == "model":
        return {_path("model", name): page("model.yaml")}
    raise UsageError(f"no kind {kind!r}; known: {', '.join(KINDS)}")


def refuse_unusable(name: str) -> None:
    """Raise UsageError for a name that cannot be that of a file."""
    if len(name) > MAX_NAME:
        raise UsageError(f"a name of {len(name)} characters is too long: use at most {MAX_NAME}")
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageError(f"{name!r} is no name: use lower case letters, digits, dots and dashes")


def _path(kind: str, name: str, suffix: str = ".yaml") -> str:
    return f"{DIRECTORIES[kind]}/{name}{suffix}"


def page(file: str, **values: str) -> str:
    """Return a text of `scaffolds/` with its `$names` filled in."""
    text = files("sluice").joinpath("scaffolds", file).read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _prompt(name: str, catalog: Catalog, model: str | None) -> dict[str, str]:
    embedded = sorted(model.name for model in catalog.models.values() if model.value.embedded)
    model = model or next(iter(embedded or sorted(catalog.models)), None)
    if model is None:
        raise UsageError("a prompt names its model and there is none yet; sluice new model NAME makes one")
    return {_path("prompt", name): page("prompt.yaml", model=model)}


def _dataset(name: str, catalog: Catalog) -> dict[str, str]:
    card = page("dataset.yaml") + _held_out(catalog)
    return {_path("dataset", name): card, _path("dataset", name, ".jsonl"): page("dataset.jsonl")}


def _held_out(catalog: Catalog) -> str:
    """Declare what the cases are held out from, where this repository trains a model; `check` proves it."""
    trains = {name: dataset for name, dataset in catalog.datasets.items() if dataset.value.split == "train"}
    trained_on = sorted(name for name, dataset in trains.items() if HELD_OUT_BY in _declared(dataset))
    if not trained_on:
        return ""
    return f"held_out_from: [{', '.join(trained_on)}]\nheld_out_by: [{HELD_OUT_BY}]\n"


def _suite(name: str, catalog: Catalog, model: str | None) -> dict[str, str]:
    made: dict[str, str] = {}
    if name not in catalog.prompts:
        made |= _prompt(name, catalog, model)
    needed = set(catalog.prompts[name].value.inputs) if name in catalog.prompts else {"question"}
    dataset = _fitting(name, needed, catalog)
    if dataset is None:
        if not needed <= _STARTER_FIELDS or name in catalog.datasets:
            fields = ", ".join(sorted(needed))
            raise UsageError(
                f"no eval dataset declares {fields}, which the prompt takes; sluice new dataset NAME first"
            )
        made |= _dataset(name, catalog)
    cases = sum(1 for _ in dataset.scan([])) if dataset else made[_path("dataset", name, ".jsonl")].count("\n")
    fields_known = _declared(dataset) if dataset else _STARTER_FIELDS
    values = {"prompt": name, "dataset": dataset.name if dataset else name, "max_drop": f"{_margin(cases):g}"}
    made[_path("suite", name)] = page("suite.yaml", assertion=_assertion(fields_known), **values)
    return made


def _declared(dataset: Dataset) -> set[str]:
    return set(dataset.value.inputs.get("required", ()))


def _fitting(name: str, needed: set[str], catalog: Catalog) -> Dataset | None:
    """Return the dataset of the same name, or else the first eval dataset whose rows hold what the prompt takes."""
    order = sorted(catalog.datasets.values(), key=lambda dataset: (dataset.name != name, dataset.name))
    usable = (one for one in order if one.value.split == "eval" and needed <= _declared(one))
    return next(usable, None)


def _assertion(fields: set[str]) -> str:
    if "expected" in fields:
        return '{metric: correct, type: icontains, value: "{{ expected }}"}'
    return '{metric: correct, type: regex, value: "\\\\S"}'


def _margin(cases: int) -> float:
    """Return the smallest usual margin that an unchanged prompt passes with these cases."""
    chances = ((margin, chance_to_pass(max(cases, 1), _DISCORDANCE, margin, NOMINAL_ALPHA)) for margin in _MARGINS)
    return next((margin for margin, chance in chances if chance >= POWER), _MARGINS[-1])
