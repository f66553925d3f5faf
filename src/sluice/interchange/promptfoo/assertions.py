"""Assertions of a promptfoo test: the deterministic types are kept, everything else is refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sluice.assertions import NEGATION, OWN_TYPES, REGISTRY, AssertionConfigError, compile_assertion
from sluice.catalog.yaml_file import read_yaml
from sluice.errors import nearest
from sluice.interchange.promptfoo.sources import SCHEME, Sources
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.templates import Names, has_syntax, slug
from sluice.schema import RESERVED_METRICS, Assertion

KEPT = frozenset(name for name in REGISTRY if not name.startswith(NEGATION)) - OWN_TYPES
"""Base types that mean here what they mean in promptfoo."""

_CODE = ("javascript", "python", "ruby", "webhook")
_JUDGED = (
    "agent-rubric", "answer-relevance", "classifier", "context-faithfulness", "context-recall", "context-relevance",
    "conversation-relevance", "factuality", "g-eval", "llm-rubric", "model-graded-closedqa", "model-graded-factuality",
    "moderation", "pi", "search-rubric", "select-best", "similar", "similar:cosine", "similar:dot", "similar:euclidean",
    "trajectory:goal-success",
)  # fmt: skip
_OTHER = (
    "assert-set", "contains-html", "contains-sql", "contains-xml", "guardrails", "human", "is-html", "is-sql",
    "is-valid-function-call", "is-valid-openai-function-call", "is-valid-openai-tools-call", "max-score", "meteor",
    "perplexity", "perplexity-score", "skill-used", "tool-call-f1", "trace-error-spans", "trace-span-count",
    "trace-span-duration", "trajectory:step-count", "trajectory:tool-args-match", "trajectory:tool-sequence",
    "trajectory:tool-used",
)  # fmt: skip
_KEYS = ("type", "value", "threshold", "weight", "metric")
_IGNORED = ("provider", "rubricPrompt", "config")
_REFUSED = {"transform": "outputs are judged as they are", "contextTransform": "outputs are judged as they are"}
_SCHEMA_TYPES = ("is-json", "contains-json")


@dataclass(frozen=True, slots=True)
class Spec:
    """One assertion of one test, with translated templates."""

    metric: str
    type: str
    value: Any
    threshold: float | None
    weight: float


def read_assertion(spot: Spot, sources: Sources, names: Names) -> Spec | None:
    """Return an assertion that can be kept, or None after a finding."""
    if not isinstance(spot.value, dict) or not isinstance(spot.value.get("type"), str):
        spot.report("import-value", "an assertion without a type", "a mapping with `type`", "add the type")
        return None
    name = spot.value["type"]
    if not _known(spot, name):
        return None
    spot.check_keys(_KEYS, _IGNORED, _REFUSED)
    if any(key in spot.value for key in _REFUSED):
        return None
    metric, weight = _metric(spot, name), spot.value.get("weight", 1)
    if metric is None or not _counts(spot, weight):
        return None
    kept, value = _value(spot, name.removeprefix(NEGATION), sources, names)
    if not kept:
        return None
    return _sound(spot, Spec(metric, name, value, spot.value.get("threshold"), weight))


def _known(spot: Spot, name: str) -> bool:
    base, place = name.removeprefix(NEGATION), spot.child("type")
    if base in KEPT:
        return True
    if base in _CODE:
        place.refuse(f"{name} runs code, which an import never takes over", "write a function in evals/<suite>.py")
    elif base in _JUDGED:
        place.refuse(f"{name} asks a model, and judges are not imported", "add a judged metric by hand")
    elif base in _OTHER or base.startswith("promptfoo:"):
        place.refuse(f"{name} has no counterpart here", "express it by other assertions")
    else:
        hint = nearest(name, (*KEPT, *(NEGATION + item for item in KEPT)))
        place.report("import-value", f"unknown assertion type {name!r}", hint, "correct the type")
    return False


def _metric(spot: Spot, name: str) -> str | None:
    given = spot.value.get("metric")
    if given is None:
        metric = slug(name)
    elif not isinstance(given, str) or has_syntax(given) or not slug(given):
        spot.child("metric").refuse("a metric's name that is computed or no text", "give the metric a fixed name")
        return None
    else:
        metric = given if re.fullmatch(r"[a-z0-9][a-z0-9._-]*", given) else slug(given)
    return f"{metric}-limit" if metric in RESERVED_METRICS else metric


def _counts(spot: Spot, weight: Any) -> bool:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight < 0:
        spot.report("import-value", f"weight {weight!r}", "a number above 0", "correct the weight")
        return False
    if weight == 0:
        spot.note("an assertion of weight 0 decides nothing", "a weight above 0", "it is left out")
    return weight > 0


def _value(spot: Spot, base: str, sources: Sources, names: Names) -> tuple[bool, Any]:
    """Return (whether it can be kept, the value with our templates)."""
    place = spot.get("value")
    if place is None:
        return True, None
    value = place.value
    if isinstance(value, str) and value.startswith(SCHEME):
        value = sources.value(place, value)
        if value is None:
            return False, None
    if base in _SCHEMA_TYPES and isinstance(value, str):
        value = _parsed_schema(place, value)
    if base == "is-xml" and isinstance(value, dict):
        value = value.get("requiredElements")
    if base in ("is-refusal", "latency", "cost"):
        return True, None
    if base == "regex" and isinstance(value, str):
        value = _end_anchors(value)
    return _translated(place.with_value(value), names)


def _parsed_schema(spot: Spot, text: str) -> Any:
    parsed = read_yaml(spot.path, text.encode("utf-8", "replace"))
    return text if parsed.findings else parsed.data


def _translated(spot: Spot, names: Names) -> tuple[bool, Any]:
    value = spot.value
    if isinstance(value, str):
        text = names.translate(spot, value)
        return text is not None, text
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        texts = [names.translate(spot, item) if isinstance(item, str) else item for item in value]
        return None not in texts, texts
    if has_syntax(json.dumps(value, ensure_ascii=False)) and isinstance(value, dict | list):
        spot.refuse("`{{` inside data, which promptfoo takes literally", "write the assertion anew here")
        return False, None
    return True, value


def _end_anchors(pattern: str) -> str:
    """Return a pattern whose `$` means the very end, as in JavaScript, and not also before a last line feed."""
    pieces, in_class = [], False
    for piece in re.findall(r"\\.|.", pattern, re.DOTALL):
        in_class = piece == "[" or (in_class and piece != "]")
        pieces.append(r"\Z" if piece == "$" and not in_class else piece)
    return "".join(pieces)


def _sound(spot: Spot, spec: Spec) -> Spec | None:
    """Return the assertion if this repository would accept it; else report why not."""
    threshold = spec.threshold
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | None):
        spot.report("import-value", f"threshold {threshold!r}", "a number", "correct the threshold")
        return None
    try:
        compile_assertion(as_assertion(spec))
    except AssertionConfigError as error:
        if error.key == "threshold" and threshold is not None and "takes no threshold" in str(error):
            spot.note(f"{spec.type} reads no threshold, in promptfoo neither", "no threshold", "it is left out")
            return _sound(spot, replace(spec, threshold=None))
        place = spot.get(error.key) or spot
        place.report("import-value", str(error), f"settings that {spec.type} takes", "correct the assertion")
        return None
    return spec


def as_assertion(spec: Spec) -> Assertion:
    """Return the assertion of a suite file."""
    threshold = None if spec.threshold is None else float(spec.threshold)
    return Assertion(
        metric=spec.metric, type=spec.type, value=spec.value, threshold=threshold, weight=float(spec.weight)
    )


# The short form in CSV cells

_ALIASES = {"fn": "javascript", "eval": "javascript", "grade": "llm-rubric"}
_CELL_TYPES = sorted((*KEPT, *_CODE, *_JUDGED, *_OTHER, *_ALIASES), key=len, reverse=True)
_CELL = re.compile(
    rf"(?P<type>(?:not-)?(?:{'|'.join(map(re.escape, _CELL_TYPES))}))"
    r"(?:\((?P<threshold>\d+(?:\.\d+)?)\))?(?::(?P<value>.*))?",
    re.DOTALL,
)
_CELL_THRESHOLD = ("cost", "latency", "levenshtein", "rouge-n")


def from_cell(text: str) -> Mapping[str, Any]:
    """Return the assertion that a cell of an `__expected` column stands for; plain text means `equals`.

    As in promptfoo, cost, latency, levenshtein and rouge-n without a number take 0.75.
    """
    if text.startswith(SCHEME):
        return {"type": "python" if ".py" in text else "javascript", "value": text}
    match = _CELL.fullmatch(text)
    if match is None or (match["type"] in _ALIASES and match["value"] is None):
        return {"type": "equals", "value": text}
    name = _ALIASES.get(match["type"], match["type"])
    base = name.removeprefix(NEGATION)
    cell: dict[str, Any] = {"type": name}
    if match["value"]:
        cell["value"] = match["value"].strip()
    if base in _CELL_THRESHOLD:
        cell["threshold"] = float(match["threshold"] or 0.75)
    return cell
