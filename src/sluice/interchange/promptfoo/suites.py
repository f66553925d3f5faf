"""Folds the assertions of single tests into assertions of a suite: what differs between cases moves into the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.assertions import NEGATION
from sluice.digest import canonical_json
from sluice.interchange.promptfoo.assertions import Spec
from sluice.interchange.promptfoo.cases import Case
from sluice.interchange.promptfoo.templates import has_syntax

_TEXT_TYPES = (
    "equals",
    "contains",
    "icontains",
    "starts-with",
    "levenshtein",
    "rouge-n",
    "bleu",
    "gleu",
    "finish-reason",
)
_LIST_TYPES = ("contains-all", "contains-any", "icontains-all", "icontains-any")
MARK = "pass_mark"


@dataclass(slots=True)
class _Slot:
    """One assertion of the suite: the cases that have it, each with its value."""

    spec: Spec
    values: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Folded:
    """The suite's assertions (with `when`), the rows (each with its id first), and what makes a case pass."""

    assertions: tuple[tuple[Spec, str | None], ...]
    rows: tuple[dict[str, Any], ...]
    mark: float | str | None = None


def fold(cases: Sequence[Case]) -> Folded:
    """Return one assertion for each kind of check, applied to exactly the cases that had it."""
    rows = [{"id": case.id, **case.fields} for case in cases]
    taken = {name for row in rows for name in row}
    assertions = [_assertion(slot, rows, taken) for slot in _slots(cases)]
    return Folded(tuple(assertions), tuple(rows), _mark(cases, rows, taken))


def _mark(cases: Sequence[Case], rows: list[dict[str, Any]], taken: set[str]) -> float | str | None:
    """Return the pass mark that all cases share, or the field that has each one's."""
    marks = {case.mark for case in cases}
    if len(marks) == 1:
        return marks.pop()
    name = _free(MARK, taken)
    for case, row in zip(cases, rows, strict=True):
        row[name] = case.mark
    return name


def _slots(cases: Sequence[Case]) -> list[_Slot]:
    slots: dict[tuple[Any, ...], _Slot] = {}
    for index, case in enumerate(cases):
        seen: Counter[tuple[Any, ...]] = Counter()
        for spec in case.specs:
            key = _key(spec)
            seen[key] += 1
            slots.setdefault((*key, seen[key]), _Slot(spec)).values[index] = spec.value
    return list(slots.values())


def _key(spec: Spec) -> tuple[Any, ...]:
    value = "moves" if _may_move(spec) else canonical_json(spec.value)
    parts = tuple((_key(part), canonical_json(part.value)) for part in spec.parts)
    return spec.metric, spec.type, spec.threshold, spec.weight, value, canonical_json(list(spec.transform)), parts


def _may_move(spec: Spec) -> bool:
    """Return whether the value may stand in a row: plain text or texts, which the row's field stands for exactly."""
    base, value = spec.type.removeprefix(NEGATION), spec.value
    if base in _TEXT_TYPES:
        return isinstance(value, str) and not has_syntax(value)
    if base in _LIST_TYPES:
        return isinstance(value, list) and all(isinstance(item, str) and not has_syntax(item) for item in value)
    return False


def _assertion(slot: _Slot, rows: list[dict[str, Any]], taken: set[str]) -> tuple[Spec, str | None]:
    spec, name = slot.spec, slot.spec.metric.replace("-", "_").replace(".", "_")
    if len({canonical_json(value) for value in slot.values.values()}) > 1:
        moved = _free(f"expected_{name}", taken)
        for index, value in slot.values.items():
            rows[index][moved] = value
        spec = replace(spec, value=f"{{{{ {moved} }}}}")
    if len(slot.values) == len(rows):
        return spec, None
    flag = _free(f"checks_{name}", taken)
    for index, row in enumerate(rows):
        row[flag] = index in slot.values
    return spec, flag


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 2, name
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate)
    return candidate
