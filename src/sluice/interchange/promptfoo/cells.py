"""Rows of CSV files: columns are variables, those with two underscores in front say how the case is judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sluice.assertions import AssertionProblem
from sluice.assertions.contains import split_commas
from sluice.interchange.promptfoo.sources import SCHEME
from sluice.interchange.promptfoo.spots import Spot
from sluice.interchange.promptfoo.vocabulary import ALL_TYPES

_ALIASES = {"fn": "javascript", "eval": "javascript", "grade": "llm-rubric"}
_TYPES = sorted((*ALL_TYPES, *_ALIASES), key=len, reverse=True)
_CELL = re.compile(
    rf"(?P<type>(?:not-)?(?:{'|'.join(map(re.escape, _TYPES))}))"
    r"(?:\((?P<threshold>\d+(?:\.\d+)?)\))?(?::(?P<value>.*))?",
    re.DOTALL,
)
_WITH_THRESHOLD = (
    "answer-relevance", "classifier", "context-faithfulness", "context-recall", "context-relevance", "cost", "latency",
    "levenshtein", "perplexity", "perplexity-score", "rouge-n", "similar", "starts-with",
)  # fmt: skip
_LISTS = ("contains-all", "contains-any", "icontains-all", "icontains-any")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_CONFIG = re.compile(r"__config:__expected([1-9]\d*)?:threshold")


def from_cell(text: str) -> Mapping[str, Any]:
    """Return the assertion that a cell of an `__expected` column stands for; plain text means `equals`.

    As in promptfoo, types that it gives a threshold take 0.75 where the cell has none, and no other type takes one.
    """
    if text.startswith(SCHEME):
        return {"type": "python" if ".py" in text else "javascript", "value": text}
    match = _CELL.fullmatch(text)
    if match is None or (match["type"] in _ALIASES and match["value"] is None):
        return {"type": "equals", "value": text}
    name = _ALIASES.get(match["type"], match["type"])
    base = name.removeprefix("not-")
    cell: dict[str, Any] = {"type": name}
    if match["value"]:
        cell["value"] = match["value"] if base in ("is-json", "contains-json") else match["value"].strip()
    if base in _LISTS and "value" in cell:
        cell["value"] = _listed(cell["value"])
    if base in _WITH_THRESHOLD:
        cell["threshold"] = float(match["threshold"] or 0.75)
    return cell


def _listed(value: str) -> list[str] | str:
    try:
        return split_commas(value)
    except AssertionProblem:
        return value


def from_columns(spot: Spot) -> Spot:
    """Turn a CSV row into a test."""
    test: dict[str, Any] = {"vars": {}, "assert": [], "metadata": {}, "options": {}}
    metric, thresholds = None, {}
    for column, cell in ((key.strip(), cell) for key, cell in spot.value.items()):
        if column.startswith("__expected"):
            test["assert"] += [dict(from_cell(cell.strip()))] if cell.strip() else []
        elif column.startswith("__metadata:"):
            test["metadata"][column.removeprefix("__metadata:")] = cell
        elif column == "__metric":
            metric = cell.strip() or None
        elif match := _CONFIG.fullmatch(column):
            thresholds[int(match[1] or 1) - 1] = _number(cell)
        elif column.startswith("__"):
            _special(spot, column, cell, test)
        else:
            test["vars"][column] = cell
    for index, assertion in enumerate(test["assert"]):
        assertion.update({"metric": metric} if metric else {})
        assertion.update({"threshold": thresholds[index]} if thresholds.get(index) is not None else {})
    return spot.with_value({key: value for key, value in test.items() if value or key == "vars"})


def _special(spot: Spot, column: str, cell: str, test: dict[str, Any]) -> None:
    name = column.removeprefix("__")
    if name in ("description", "providerOutput"):
        test[name] = cell or None
    elif name in ("prefix", "suffix"):
        test["options"][name] = cell
    elif name == "threshold":
        test["threshold"] = _number(cell)
    elif name != "metadata" and cell.strip():
        spot.refuse(f"column {column} is not imported: it has no counterpart here")


def _number(cell: str) -> float | None:
    return float(cell) if _NUMBER.fullmatch(cell.strip()) else None
