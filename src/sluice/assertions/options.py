"""Reads `value` and `threshold` of an assertion, with the errors that their author needs."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from sluice.assertions.model import AssertionConfigError, AssertionProblem, shown
from sluice.assertions.values import Template
from sluice.digest import canonical_json
from sluice.errors import nearest
from sluice.schema import Assertion


def scalar_text(value: Any) -> str:
    """Return a text as it is, and any other scalar as its JSON text (`true`, `5`, `0.5`)."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def no_value(assertion: Assertion) -> None:
    """Refuse a `value` where the type reads none."""
    if assertion.value is not None:
        raise AssertionConfigError(f"{assertion.type} takes no value; remove it", "value")


def no_threshold(assertion: Assertion) -> None:
    """Refuse a `threshold` where the type reads none: it would promise what is not checked."""
    if assertion.threshold is not None:
        raise AssertionConfigError(f"{assertion.type} takes no threshold; remove it", "threshold")


def threshold(assertion: Assertion, default: float | None, unit: str, high: float = math.inf) -> float:
    """Return the threshold or its default; raise where it is missing, negative or above `high`."""
    value = default if assertion.threshold is None else assertion.threshold
    if value is None:
        raise AssertionConfigError(f"{assertion.type} needs a threshold: {unit}", "threshold")
    if not 0 <= value <= high:
        allowed = "0 or more" if math.isinf(high) else f"from 0 to {high:g}"
        raise AssertionConfigError(
            f"threshold {value:g} is out of range; {assertion.type} wants {unit}, {allowed}", "threshold"
        )
    return value


def text_template(assertion: Assertion, *, may_be_empty: bool = False) -> Template:
    """Return the value as a template; numbers are taken as their text."""
    value = assertion.value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise AssertionConfigError(f"{assertion.type} needs text as its value, not {_kind(value)}", "value")
    if value == "" and not may_be_empty:
        raise AssertionConfigError(f"an empty value would match every output; give {assertion.type} a text", "value")
    return Template(scalar_text(value))


def text_templates(assertion: Assertion) -> list[Template]:
    """Return the value as one or more templates: a text, or a list of texts."""
    value = assertion.value
    if not isinstance(value, list):
        return [text_template(assertion)]
    if not value:
        raise AssertionConfigError(f"an empty list says nothing; give {assertion.type} at least one text", "value")
    for item in value:
        if isinstance(item, bool) or not isinstance(item, str | int | float) or item == "":
            raise AssertionConfigError(f"{assertion.type} needs non-empty texts, not {_kind(item)}", "value")
    return [Template(scalar_text(item)) for item in value]


def not_empty(text: str) -> str:
    """Return a rendered text; raise AssertionProblem where it is empty and would match every output."""
    if not text:
        raise AssertionProblem("the value is empty for this case and would match every output")
    return text


def settings(assertion: Assertion, known: Collection[str], main: str | None) -> dict[str, Any]:
    """Return the value as a mapping of known settings; what is no mapping stands for the setting `main`."""
    value = assertion.value
    if value is None and main is None:
        return {}
    if not isinstance(value, dict):
        if main is None:
            raise AssertionConfigError(f"{assertion.type} takes a mapping of {', '.join(known)}", "value")
        value = {main: value}
    for name in value:
        if name not in known:
            raise AssertionConfigError(
                f"{assertion.type} has no setting {name!r}; {nearest(str(name), known)}", "value"
            )
    if main is not None and value.get(main) in (None, "", [], {}):
        raise AssertionConfigError(f"{assertion.type} needs a value: {main}", "value")
    return value


def whole_number(assertion: Assertion, given: Mapping[str, Any], name: str) -> int | None:
    """Return a setting that counts something, from 1, or None where it is not given."""
    value = given.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise AssertionConfigError(f"{name} {shown(str(value))} is no whole number from 1", "value")
    return value


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", bool: "a boolean", type(None): "nothing"}
    return "an empty text" if value == "" else names.get(type(value), type(value).__name__)
