"""Cases: every test becomes one case for each combination of its variables, with a stable id."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.digest import digest, short
from sluice.interchange.promptfoo.assertions import Reader, Spec, for_case
from sluice.interchange.promptfoo.sources import SCHEME, Sources
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.templates import is_rendered, slug
from sluice.interchange.promptfoo.tests import Test

OUTPUT = "provider_output"
"""The field that keeps a recorded output."""

MOST_CASES = 100_000
"""Cases of a whole import; lists of variables multiply."""

_ROUNDS = 5
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its id, its row fields, the assertions of its test, its pass mark, and the prompts it is for."""

    id: str
    fields: Mapping[str, Any]
    specs: tuple[Spec, ...]
    spot: Spot
    mark: float | None = None
    prompts: tuple[str, ...] | None = None


def read_cases(tests: Sequence[Test], sources: Sources, reader: Reader) -> list[Case]:
    """Return the cases of all tests; what cannot be kept becomes a finding."""
    cases: list[Case] = []
    taken: set[str] = set()
    for test in tests:
        choices = _choices_of(test, sources)
        wanted = math.prod(map(len, choices))
        if len(cases) + wanted > MOST_CASES:
            found = f"variables that make {wanted} cases, {len(cases) + wanted} in all"
            fix = "write fewer values, or several configurations"
            test.spot.report("import-value", found, f"at most {MOST_CASES} cases", fix)
            break
        cases.extend(_with_free_id(case, taken) for case in _cases(test, choices, reader))
    return cases


def _cases(test: Test, choices: Sequence[Sequence[Any]], reader: Reader) -> Iterator[Case]:
    for name, spot in test.variables.items():
        reader.names.field(spot, name)
    specs = reader.read(test.asserts, test.options)
    if not specs:
        test.spot.note(
            "a test without an assertion that is kept", "at least one", "it becomes a case that nothing judges"
        )
    mark, prompts = _mark(test), _prompts(test)
    for values in _combinations(test, choices):
        fields = {reader.names.field(test.spot, name): value for name, value in values.items()}
        given = test.given and slug(test.given)
        if test.output is not None:
            fields[OUTPUT] = _recorded(test.output)
        yield Case(
            given or f"case-{short(digest(fields))}",
            fields,
            for_case(test.spot, specs, fields),
            test.spot,
            mark,
            prompts,
        )


def _mark(test: Test) -> float | None:
    mark = None if test.threshold is None else test.threshold.value
    if isinstance(mark, bool) or not isinstance(mark, int | float | None) or not math.isfinite(mark or 0):
        place = test.threshold or test.spot
        place.report("import-value", f"threshold {mark!r}", "a number", "correct the threshold")
        return None
    return mark


def _prompts(test: Test) -> tuple[str, ...] | None:
    listed = None if test.prompts is None else test.prompts.value
    if listed is None:
        return None
    return tuple(map(str, listed)) if isinstance(listed, list) else (str(listed),)


def _recorded(spot: Spot) -> str:
    spot.note(
        "a recorded output", "answers of a model", f"it is kept in the field {OUTPUT}; a run judges new answers instead"
    )
    return (
        spot.value if isinstance(spot.value, str) else json.dumps(spot.value, ensure_ascii=False, separators=(",", ":"))
    )


def _with_free_id(case: Case, taken: set[str]) -> Case:
    """Number a case whose id is taken already (the same variables twice)."""
    number, name = 2, case.id
    while name in taken:
        name, number = f"{case.id}-{number}", number + 1
    taken.add(name)
    return replace(case, id=name)


# Variables


def _choices_of(test: Test, sources: Sources) -> list[list[Any]]:
    """Return the values of each variable, in the order of the variables."""
    expand = test.option("disableVarExpansion") is not True
    return [list(_choices(spot, sources, expand)) for spot in test.variables.values()]


def _combinations(test: Test, choices: Sequence[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield the variables of each case: the cross product over lists of texts and files, as promptfoo does."""
    for chosen in itertools.product(*choices):
        values = dict(zip(test.variables, chosen, strict=True))
        yield _resolved(values, test)


def _choices(spot: Spot, sources: Sources, expand: bool) -> Iterator[Any]:
    value = spot.value
    values = value if expand and isinstance(value, list) and value and isinstance(value[0], str) else [value]
    for one in values:
        if isinstance(one, str) and one.startswith(SCHEME):
            yield from sources.variables(spot, one)
        else:
            yield one.removesuffix("\n") if isinstance(one, str) else one


def _resolved(values: dict[str, Any], test: Test) -> dict[str, Any]:
    """Insert variables into variables: in each of five rounds the first placeholder of each text, as promptfoo does."""
    values = dict(values)
    for _ in range(_ROUNDS):
        changed = False
        for name, value in values.items():
            match = _PLACEHOLDER.search(value) if isinstance(value, str) else None
            if match and values.get(match[1]) is not None:
                values[name] = value.replace(match[0], _js_text(values[match[1]], test.variables[name]), 1)
                changed = True
        if not changed:
            break
    for name, value in values.items():
        if isinstance(value, str) and _would_render(value, values):
            fix = "write the value out"
            test.variables[name].refuse("a variable that inserts others; cases hold data, which is never rendered", fix)
    return values


def _would_render(value: str, values: Mapping[str, Any]) -> bool:
    """Whether promptfoo would render a text once more: not where it names a variable that does not exist."""
    roots = re.findall(r"\{\{-?\s*([A-Za-z_]\w*)", value)
    missing = any(root != "env" and values.get(root) is None for root in roots)
    return is_rendered(value) and not (missing and "{%" not in value and "{#" not in value)


def _js_text(value: Any, spot: Spot) -> str:
    text = printed_text(value)
    if text is None:
        spot.refuse("a variable that inserts an object, which promptfoo prints as [object Object]", "write it out")
    return text or ""


def printed_text(value: Any) -> str | None:
    """Return what JavaScript prints for a value, or None for objects, whose print says nothing."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value) if isinstance(value, float) and value.is_integer() else value)
    if isinstance(value, list):
        texts = [printed_text(item) for item in value]
        return None if None in texts else ",".join(text or "" for text in texts)
    return None
