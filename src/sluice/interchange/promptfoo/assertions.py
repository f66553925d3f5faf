"""Assertions of a promptfoo test: the deterministic types are kept, everything else is refused by name."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.assertions import NEGATION, AssertionConfigError, compile_assertion
from sluice.errors import nearest
from sluice.interchange.promptfoo.code import Code
from sluice.interchange.promptfoo.js_regex import NotRead, read_pattern
from sluice.interchange.promptfoo.js_yaml import read_js_yaml
from sluice.interchange.promptfoo.providers import Functions
from sluice.interchange.promptfoo.sources import SCHEME, Sources
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.templates import Names, has_syntax, slug
from sluice.interchange.promptfoo.transforms import Step, read_steps
from sluice.interchange.promptfoo.vocabulary import CALLS, KEPT, NAMES, REFUSED, SAME_AS, SET
from sluice.schema import RESERVED_METRICS, Assertion

_KEYS = ("type", "value", "threshold", "weight", "metric", "transform")
_SET_KEYS = ("type", "assert", "threshold", "weight", "metric")
_IGNORED = ("provider", "rubricPrompt", "config", "description")
_REFUSED = {"contextTransform": "it is read by assertions that ask a model"}
_SCHEMA_TYPES = ("is-json", "contains-json")
_XML_TYPES = ("is-xml", "contains-xml")
_VALUELESS = ("is-refusal", "latency", "cost", "is-html", "contains-html")
_OLD_KEYWORDS = re.compile(r'"(?:additionalItems|dependencies|items": ?\[)')
_PIECE = re.compile(r"\\.|.", re.DOTALL)
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


@dataclass(frozen=True, slots=True)
class Spec:
    """One assertion of one test, with translated templates; a set has parts."""

    metric: str
    type: str
    value: Any
    threshold: float | None
    weight: float
    transform: tuple[Step, ...] = ()
    parts: tuple[Spec, ...] = ()


@dataclass(slots=True)
class Reader:
    """Reads assertions; it knows the names that variables and metrics got, and what code was taken over."""

    sources: Sources
    names: Names
    functions: Functions
    code: Code
    metrics: dict[str, str] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)

    def read(self, spots: Iterable[Spot], options: Mapping[str, Spot]) -> tuple[Spec, ...]:
        """Return the assertions of a test that can be kept; each other one becomes a finding."""
        steps = read_steps(options.get("transform") or options.get("postprocess"))
        specs = (self._one(spot, () if steps is None else steps) for spot in spots)
        return tuple(spec for spec in specs if spec is not None)

    def _one(self, spot: Spot, steps: tuple[Step, ...], outer: str | None = None) -> Spec | None:
        if not isinstance(spot.value, dict) or not isinstance(spot.value.get("type"), str):
            spot.report("import-value", "an assertion without a type", "a mapping with `type`", "add the type")
            return None
        name = spot.value["type"]
        self.given.add(str(spot.value.get("metric")))
        if name == SET and outer is None:
            return self._set(spot, steps)
        if not self._known(spot, name):
            return None
        spot.check_keys(_KEYS, _IGNORED, _REFUSED)
        own = read_steps(spot.get("transform"))
        metric, weight = self._metric(spot, name, outer), spot.value.get("weight", 1)
        if metric is None or own is None or not _counts(spot, weight) or any(key in spot.value for key in _REFUSED):
            return None
        base = name.removeprefix(NEGATION)
        if base == "python":
            name, kept, value = self.code.function(spot, name)
        else:
            name = _own_name(spot, name)
            kept, value = self._value(spot, base)
        spec = Spec(metric, name, value, spot.value.get("threshold"), weight, (*steps, *own))
        return self._sound(spot, spec) if kept else None

    def _set(self, spot: Spot, steps: tuple[Step, ...]) -> Spec | None:
        spot.check_keys(_SET_KEYS, _IGNORED)
        metric, weight = self._metric(spot, SET, None), spot.value.get("weight", 1)
        inner = spot.get("assert")
        if metric is None or not _counts(spot, weight):
            return None
        if inner is None or not isinstance(inner.value, list) or not inner.value:
            spot.report("import-value", "an assert-set without assertions", "a list `assert`", "add assertions")
            return None
        parts = [self._one(part, steps, metric) for part in inner.items()]
        kept = tuple(part for part in parts if part is not None)
        if len(kept) < len(parts):
            return None
        return self._sound(spot, Spec(metric, SET, None, spot.value.get("threshold"), weight, parts=kept))

    def _known(self, spot: Spot, name: str) -> bool:
        base, place = name.removeprefix(NEGATION), spot.child("type")
        if base in KEPT or (base == "python" and self.code.allowed):
            return True
        if base == "python":
            place.refuse(f"{name} runs code, which an import takes over only where --allow-code says so")
        elif base in REFUSED:
            why, fix = REFUSED[base]
            place.refuse(f"{name} {why}", fix)
        elif base.startswith("promptfoo:"):
            place.refuse(f"{name} has no counterpart here", "express it by other assertions")
        elif base == SET:
            place.refuse(f"{name} inside an {SET}, or reversed, is not known to promptfoo", "write single assertions")
        else:
            place.report("import-value", f"unknown assertion type {name!r}", nearest(name, NAMES), "correct the type")
        return False

    def _metric(self, spot: Spot, name: str, outer: str | None) -> str | None:
        """Return a metric's name: the slug of the one that is given; no two given names share one."""
        given = spot.value.get("metric")
        if given is None:
            return outer or self._free(f"type:{name}", slug(name))
        if not isinstance(given, str) or has_syntax(given) or not slug(given):
            spot.child("metric").refuse("a metric's name that is computed or no text", "give the metric a fixed name")
            return None
        plain = re.fullmatch(r"[a-z0-9][a-z0-9._-]*", given)
        return self._free(given, given if plain else slug(given))

    def _free(self, key: str, wanted: str) -> str:
        if key not in self.metrics:
            wanted = f"{wanted}-limit" if wanted in RESERVED_METRICS else wanted
            number, name = 2, wanted
            while name in self.metrics.values() or name == "score":
                name, number = f"{wanted}-{number}", number + 1
            self.metrics[key] = name
        return self.metrics[key]

    def _value(self, spot: Spot, base: str) -> tuple[bool, Any]:
        """Return (whether it can be kept, the value with our templates)."""
        if base in CALLS:
            functions = self.functions.read(spot)
            return functions is not None, functions
        place = spot.get("value")
        if place is None or base in _VALUELESS or (base in _SCHEMA_TYPES and not place.value):
            return True, None
        value = place.value
        if isinstance(value, str) and value.startswith(SCHEME):
            value = self.sources.value(place, value)
            if value is None:
                return False, None
            value = value.strip() if isinstance(value, str) else value
            if base == "regex" and isinstance(value, str):
                return self._pattern(place, value), _end_anchors(value)
            return True, (_own_schema(value) if base in _SCHEMA_TYPES else value)
        if base in _SCHEMA_TYPES:
            value = _own_schema(_parsed(place, value) if isinstance(value, str) else value)
        if base in _XML_TYPES and isinstance(value, dict):
            value = value.get("requiredElements")
        if base == "regex" and isinstance(value, str):
            if not self._pattern(place, value):
                return False, None
            value = _end_anchors(value)
        return self._translated(place.with_value(value))

    def _pattern(self, spot: Spot, pattern: str) -> bool:
        if (wider := readable(spot, pattern)) is None:
            return False
        if wider and pattern not in self.patterns:
            spot.note(
                f"{', '.join(wider)} in a pattern: other than here beyond ASCII, at line ends and for unused groups",
                "outputs in ASCII, or classes such as [0-9] and [A-Za-z0-9_]",
                "see the known differences in docs/promptfoo.md",
            )
        self.patterns.add(pattern)
        return True

    def _translated(self, spot: Spot) -> tuple[bool, Any]:
        value = spot.value
        if isinstance(value, str):
            text = self.names.translate(spot, value)
            return text is not None, text
        if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
            texts = [self._item(spot, item) for item in value]
            return None not in texts, texts
        if isinstance(value, dict | list) and has_syntax(json.dumps(value, ensure_ascii=False)):
            spot.refuse("`{{` inside data, which promptfoo takes literally", "write the assertion anew here")
            return False, None
        return True, value

    def _item(self, spot: Spot, item: Any) -> Any:
        if not isinstance(item, str):
            return item
        if item.startswith(SCHEME):
            found = self.sources.value(spot, item)
            return found.strip() if isinstance(found, str) else found
        return self.names.translate(spot, item)

    def _sound(self, spot: Spot, spec: Spec) -> Spec | None:
        """Return the assertion if this repository would accept it; else report why not."""
        given = spec.threshold
        if isinstance(given, bool) or not isinstance(given, int | float | None) or not math.isfinite(given or 0):
            spot.report("import-value", f"threshold {spec.threshold!r}", "a number", "correct the threshold")
            return None
        try:
            compile_assertion(as_assertion(spec), suite_code=self.code.module)
        except AssertionConfigError as error:
            if error.key == "threshold" and spec.threshold is not None and "takes no threshold" in str(error):
                spot.note(f"{spec.type} reads no threshold, in promptfoo neither", "no threshold", "it is left out")
                return self._sound(spot, replace(spec, threshold=None))
            place = spot.get(error.key) or spot
            place.report("import-value", str(error), f"settings that {spec.type} takes", "correct the assertion")
            return None
        return spec


def _own_name(spot: Spot, name: str) -> str:
    base = name.removeprefix(NEGATION)
    if base not in CALLS:
        return name
    if base != name:
        found = f"promptfoo ignores `not-` before {base}"
        spot.child("type").note(found, f"{base}, if that is meant", f"{base} is imported, which gives the same result")
    return SAME_AS.get(base, base)


def _counts(spot: Spot, weight: Any) -> bool:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
        spot.report("import-value", f"weight {weight!r}", "a number, 0 or more", "correct the weight")
        return False
    return True


def _parsed(spot: Spot, text: str) -> Any:
    if has_syntax(text):
        return text
    parsed = read_js_yaml(spot.path, text.encode("utf-8", "replace"))
    return text if parsed.findings else parsed.data


def _own_schema(schema: Any) -> Any:
    """Say which draft a schema follows where that matters: promptfoo's default is draft 7."""
    if isinstance(schema, dict) and "$schema" not in schema and _OLD_KEYWORDS.search(json.dumps(schema)):
        return {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
    return schema


def _end_anchors(pattern: str) -> str:
    """Return a pattern whose `$` means the very end, as in JavaScript, and not also before a last line feed."""
    pieces, in_class = [], False
    for piece in _PIECE.findall(pattern):
        in_class = piece == "[" or (in_class and piece != "]")
        pieces.append(r"\Z" if piece == "$" and not in_class else piece)
    return "".join(pieces)


def _as_given(pattern: str) -> str:
    """Return a pattern as JavaScript had it, with `$` for the end."""
    return "".join("$" if piece == r"\Z" else piece for piece in _PIECE.findall(pattern))


def readable(spot: Spot, pattern: str) -> tuple[str, ...] | None:
    """Return what a pattern has that differs beyond ASCII, or None after refusing what JavaScript reads otherwise."""
    try:
        return read_pattern(pattern)
    except NotRead as problem:
        spot.refuse(f"a pattern with {problem}", problem.fix)
        return None


def for_case(spot: Spot, specs: tuple[Spec, ...], fields: Mapping[str, Any]) -> tuple[Spec, ...]:
    """Return assertions as one case needs them: what promptfoo inserts into a pattern stays a pattern."""
    return tuple(_for_case(spot, spec, fields) for spec in specs)


def _for_case(spot: Spot, spec: Spec, fields: Mapping[str, Any]) -> Spec:
    if spec.parts:
        return replace(spec, parts=for_case(spot, spec.parts, fields))
    if spec.type.removeprefix(NEGATION) != "regex" or not isinstance(spec.value, str):
        return spec
    inserted = [str(fields.get(name, "")) for name in re.findall(r"\{\{ (\w+) \}\}", spec.value)]
    if not any(map(_SPECIAL.search, inserted)):
        return spec
    pattern = re.sub(r"\{\{ (\w+) \}\}", lambda match: str(fields.get(match[1], "")), _as_given(spec.value))
    if has_syntax(pattern):
        spot.refuse("a pattern that inserts `{{`, which would be read as a template", "write the pattern out")
        return spec
    if readable(spot, pattern) is None:
        return spec
    inline = replace(spec, value=_end_anchors(pattern))
    try:
        compile_assertion(as_assertion(inline))
    except AssertionConfigError as error:
        spot.report("import-value", str(error), "a valid pattern for every case", "correct the variable")
        return spec
    return inline


def as_assertion(spec: Spec) -> Assertion:
    """Return the assertion of a suite file."""
    return Assertion.model_validate(
        {
            "metric": spec.metric,
            "type": spec.type,
            "value": spec.value,
            "threshold": None if spec.threshold is None else float(spec.threshold),
            "weight": float(spec.weight),
            "transform": spec.transform,
            "assertions": tuple(map(as_assertion, spec.parts)),
        },
        strict=False,
    )
