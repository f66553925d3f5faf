"""The values of ConfigMaps as a person reads them: JSON on one line as YAML, rows only where they differ."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from sluice.rollout.manifests import write

_ANOTHER_ORDER = "(the same rows in another order)"


def readable(key: str, before: str | None, after: str | None) -> tuple[str, str]:
    """Return both sides of a value, None where there is none, as texts of short lines."""
    if key.endswith(".jsonl"):
        return _rows(before or "", after or "")
    return _text(before), _text(after)


def _text(value: str | None) -> str:
    """Return JSON objects and lists as YAML, where texts of several lines are blocks; anything else as it is."""
    if value is None:
        return ""
    parsed = _parsed(value)
    return write(parsed) if isinstance(parsed, dict | list) else value


def _rows(before: str, after: str) -> tuple[str, str]:
    """Return the rows that only one side has, each as YAML."""
    old, new = (Counter(filter(None, text.split("\n"))) for text in (before, after))
    if old == new:
        return "(rows)", _ANOTHER_ORDER
    return _listed(old - new), _listed(new - old)


def _listed(rows: Counter[str]) -> str:
    return "".join(write([_parsed(row)]) for row in rows.elements())


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
