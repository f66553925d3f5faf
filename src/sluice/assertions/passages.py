"""Passages of a case, retrieved or given by its row, and which are relevant: what ranking and grounding read."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.assertions.model import AssertionConfigError, AssertionProblem, shown
from sluice.assertions.options import scalar_text
from sluice.assertions.values import Data, Row

PASSAGES = "{{ passages }}"
"""Where passages are, unless the value says otherwise."""


def field_name(given: Mapping[str, Any], name: str, default: str) -> str:
    """Return a setting that names a field of a passage."""
    value = given.get(name, default)
    if not isinstance(value, str) or not value:
        raise AssertionConfigError(f"{name} is the name of a field of a passage", "value")
    return value


@dataclass(frozen=True, slots=True)
class Passages:
    """How the passages of a case are read; each is a mapping, or a plain id or text."""

    read: Callable[[Row], list[Any]]
    fields: frozenset[str]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Passages:
        """Read the setting `passages`."""
        data = Data.of(given.get("passages", PASSAGES))

        def read(row: Row) -> list[Any]:
            value = data.build(row)
            if not isinstance(value, list):
                raise AssertionProblem(f"the passages are no list for this case, but {shown(str(value))}")
            return value

        return cls(read, data.fields)


def passage_id(passage: Any, key: str) -> str:
    """Return the id of a passage; raise AssertionProblem where it has none."""
    value = passage.get(key) if isinstance(passage, Mapping) else passage
    if value is None or isinstance(value, Mapping | list):
        raise AssertionProblem(f"a passage has no id in its field {key!r}")
    return scalar_text(value)


def passage_text(passage: Any, keys: Collection[str] | None) -> str:
    """Return the text of a passage: all of its values, or those of the named fields, one to a line."""
    if not isinstance(passage, Mapping):
        return scalar_text(passage)
    wanted = passage if keys is None else [key for key in keys if key in passage]
    return "\n".join(_texts([passage[key] for key in wanted]))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)
    elif value is not None:
        yield scalar_text(value)


def grades_of(value: Any) -> dict[str, float]:
    """Return id -> grade of what is relevant: an id, a list of ids (grade 1), or a mapping of ids to grades."""
    if isinstance(value, Mapping):
        grades = {str(name): _grade(name, grade) for name, grade in value.items()}
    else:
        grades = dict.fromkeys((_id(item) for item in (value if isinstance(value, list) else [value])), 1.0)
    relevant = {name: grade for name, grade in grades.items() if grade > 0}
    if not relevant:
        raise AssertionProblem("no passage is relevant to this case; leave such cases out with `when`")
    return relevant


def _id(value: Any) -> str:
    if value is None or value == "" or isinstance(value, Mapping | list):
        raise AssertionProblem(f"{shown(str(value))} is no id of a relevant passage")
    return scalar_text(value)


def _grade(name: Any, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise AssertionProblem(f"the grade of passage {shown(str(name))} is {shown(str(value))}, no number from 0")
    return float(value)
