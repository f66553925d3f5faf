"""Tests of a promptfoo configuration: each becomes one or more cases with a stable id."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.digest import digest, short
from sluice.interchange.promptfoo.assertions import Spec, from_cell, read_assertion
from sluice.interchange.promptfoo.sources import SCHEME, Sources
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.templates import Names, has_syntax, slug

_KEYS = ("vars", "assert", "description", "metadata", "options")
_REFUSED = {
    "assertScoringFunction": "it runs code",
    "prompts": "every case is asked of every prompt; make a dataset of its own for other cases",
    "provider": "a suite has one model, that of its prompt",
    "providerOutput": "recorded outputs belong to the replay provider",
    "providers": "a suite has one model, that of its prompt",
    "threshold": "a pass mark over the mean of a case's assertions; here every metric has a gate of its own",
}
_OPTION_KEYS = ("disableVarExpansion", "disableDefaultAsserts")
_OPTION_IGNORED = ("runSerially", "provider", "rubricPrompt", "factuality", "repeat")
_OPTION_REFUSED = {
    "prefix": "write it into the prompt",
    "suffix": "write it into the prompt",
    "transform": "outputs are judged as they are",
    "postprocess": "outputs are judged as they are",
    "transformVars": "write the variables as they should be",
    "storeOutputAs": "cases do not depend on one another",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its id, its row fields and the assertions of its test."""

    id: str
    fields: Mapping[str, Any]
    specs: tuple[Spec, ...]
    spot: Spot


@dataclass(frozen=True, slots=True)
class Defaults:
    """What `defaultTest` gives to every test."""

    variables: Mapping[str, Any]
    specs: tuple[Spec, ...]


def read_defaults(spot: Spot | None, sources: Sources, names: Names) -> Defaults:
    """Read `defaultTest`, inline or in a file."""
    if spot is not None and isinstance(spot.value, str):
        spot = next(iter(sources.rows(spot, spot.value, _from_columns)), None)
    if spot is None or not _is_mapping(spot):
        return Defaults({}, ())
    spot.check_keys(_KEYS, ("metadata",), _REFUSED)
    _options(spot)
    return Defaults(_variables(spot, sources, names), _specs(spot, sources, names))


def read_cases(spot: Spot, sources: Sources, names: Names, defaults: Defaults) -> list[Case]:
    """Return the cases of `tests`; what cannot be kept becomes a finding."""
    cases: list[Case] = []
    taken: set[str] = set()
    for test in _tests(spot, sources):
        if _is_mapping(test):
            cases += [_with_free_id(case, taken) for case in _cases(test, sources, names, defaults)]
    return cases


def _tests(spot: Spot, sources: Sources) -> Iterator[Spot]:
    for entry in spot.items() if isinstance(spot.value, list) else [spot]:
        if isinstance(entry.value, str):
            yield from sources.rows(entry, entry.value, _from_columns)
        elif isinstance(entry.value, dict) and set(entry.value) <= {"path", "config"} and "path" in entry.value:
            entry.refuse("tests that code generates are not imported", "write the generated tests to a file")
        else:
            yield entry


def _is_mapping(spot: Spot) -> bool:
    if not isinstance(spot.value, dict):
        spot.report("import-value", "a test that is no mapping", "vars and assert", "correct the test")
    return isinstance(spot.value, dict)


def _from_columns(spot: Spot) -> Spot:
    """Turn a CSV row into a test: columns are variables, those with two underscores in front are not."""
    test: dict[str, Any] = {"vars": {}, "assert": [], "metadata": {}}
    metric = None
    for column, cell in ((key.strip(), cell) for key, cell in spot.value.items()):
        if column.startswith("__expected"):
            test["assert"] += [from_cell(cell.strip())] if cell.strip() else []
        elif column.startswith("__metadata:"):
            test["metadata"][column.removeprefix("__metadata:")] = cell
        elif column == "__metric":
            metric = cell.strip() or None
        elif column.startswith("__"):
            _special_column(spot, column, cell, test)
        else:
            test["vars"][column] = cell
    if metric:
        test["assert"] = [{**assertion, "metric": metric} for assertion in test["assert"]]
    return spot.with_value(test)


def _special_column(spot: Spot, column: str, cell: str, test: dict[str, Any]) -> None:
    name = column.removeprefix("__")
    if name == "description":
        test["description"] = cell
    elif cell.strip():
        reason = _REFUSED.get(name) or _OPTION_REFUSED.get(name) or "it has no counterpart here"
        spot.refuse(f"column {column} is not imported: {reason}")


def _options(spot: Spot) -> Mapping[str, Any]:
    options = spot.get("options")
    if options is None or not isinstance(options.value, dict):
        return {}
    options.check_keys(_OPTION_KEYS, _OPTION_IGNORED, _OPTION_REFUSED)
    return dict(options.value)


def _cases(spot: Spot, sources: Sources, names: Names, defaults: Defaults) -> Iterator[Case]:
    spot.check_keys(_KEYS, (), _REFUSED)
    options = _options(spot)
    variables = {**defaults.variables, **_variables(spot, sources, names)}
    inherited = () if options.get("disableDefaultAsserts") else defaults.specs
    specs = (*inherited, *_specs(spot, sources, names))
    if not specs:
        spot.note("a test without an assertion that is kept", "at least one", "it becomes a case that nothing judges")
    given = _given_id(spot)
    for fields in _expanded(variables, expand=not options.get("disableVarExpansion")):
        yield Case(given or f"case-{short(digest(fields))}", fields, specs, spot)


def _given_id(spot: Spot) -> str | None:
    metadata = spot.value.get("metadata")
    given = metadata.get("id") if isinstance(metadata, dict) else None
    return slug(str(given)) or None if given is not None else None


def _with_free_id(case: Case, taken: set[str]) -> Case:
    """Number a case whose id is taken already (the same variables twice)."""
    number, name = 2, case.id
    while name in taken:
        name, number = f"{case.id}-{number}", number + 1
    taken.add(name)
    return Case(name, case.fields, case.specs, case.spot)


def _variables(spot: Spot, sources: Sources, names: Names) -> dict[str, Any]:
    variables = spot.get("vars")
    if variables is not None and isinstance(variables.value, str):
        variables = variables.with_value(sources.value(variables, variables.value))
    if variables is None or variables.value is None:
        return {}
    if not isinstance(variables.value, dict):
        variables.refuse("vars that are no mapping", "write one value for each variable")
        return {}
    fields = {}
    for name in variables.value:
        place = variables.child(str(name))
        fields[names.field(place, str(name))] = _variable(place, sources)
    return fields


def _variable(spot: Spot, sources: Sources) -> Any:
    value = spot.value
    if isinstance(value, str) and value.startswith(SCHEME):
        return sources.value(spot, value)
    texts = value if isinstance(value, list) else [value]
    if any(isinstance(text, str) and has_syntax(text) for text in texts):
        spot.refuse("a variable that inserts others; cases hold data, which is never rendered", "write the value out")
    return value


def _expanded(fields: Mapping[str, Any], *, expand: bool) -> Iterator[dict[str, Any]]:
    """Yield the cross product over variables that are lists of texts, as promptfoo does."""
    choices = [
        value
        if expand and isinstance(value, list) and value and all(isinstance(item, str) for item in value)
        else [value]
        for value in fields.values()
    ]
    for chosen in itertools.product(*choices):
        yield dict(zip(fields, chosen, strict=True))


def _specs(spot: Spot, sources: Sources, names: Names) -> tuple[Spec, ...]:
    asserts = spot.get("assert")
    if asserts is None:
        return ()
    if not isinstance(asserts.value, list):
        asserts.report("import-value", "assert is no list", "a list of assertions", "write a list")
        return ()
    specs = (read_assertion(entry, sources, names) for entry in asserts.items())
    return tuple(spec for spec in specs if spec is not None)
