"""Transforms that are declarative enough to keep: JavaScript that trims, changes case, or reads a JSON value."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from sluice.interchange.promptfoo.spots import Spot

Step: TypeAlias = str | dict[str, Any]
_MOST_PARSED = 20
_CALLS = {"trim": "trim", "toLowerCase": "lower", "toUpperCase": "upper"}
_PIECE = re.compile(
    r"\s*(?:\??\.(?P<call>trim|toLowerCase|toUpperCase)\(\)|\??\.(?P<name>[A-Za-z_$][\w$]*)(?!\s*\()"
    r"|(?:\?\.)?\[(?:(?P<index>\d+)|'(?P<single>[^'\\]*)'|\"(?P<double>[^\"\\]*)\")\])",
    re.ASCII,
)


def read_steps(spot: Spot | None) -> tuple[Step, ...] | None:
    """Return the steps that a transform stands for (none without one), or None after refusing it."""
    if spot is None:
        return ()
    steps = _steps(spot.value.strip()) if isinstance(spot.value, str) else None
    if steps is None:
        spot.refuse(
            "a transform that is code",
            "kept are output.trim(), .toLowerCase(), .toUpperCase() and JSON.parse(output) with a path",
        )
    return steps


def _steps(text: str) -> tuple[Step, ...] | None:
    if text.count("JSON.parse(") > _MOST_PARSED:
        return None
    if text.startswith("JSON.parse("):
        end = _closing(text, len("JSON.parse(") - 1)
        inner = None if end is None else _steps(text[len("JSON.parse(") : end].strip())
        return None if inner is None or end is None else _after_json(inner, text[end + 1 :])
    if not text.startswith("output"):
        return None
    pieces = _pieces(text[len("output") :])
    calls = None if pieces is None else [piece["call"] for piece in pieces]
    return None if calls is None or None in calls else tuple(_CALLS[str(call)] for call in calls)


def _after_json(inner: tuple[Step, ...], rest: str) -> tuple[Step, ...] | None:
    pieces = _pieces(rest)
    if pieces is None:
        return None
    path: list[str | int] = []
    calls: list[Step] = []
    for piece in pieces:
        if piece["call"]:
            calls.append(_CALLS[piece["call"]])
        elif calls:
            return None
        else:
            name = next((piece[key] for key in ("name", "single", "double") if piece[key] is not None), None)
            path.append(int(piece["index"]) if name is None else name)
    return (*inner, {"json": path}, *calls)


def _pieces(text: str) -> list[re.Match[str]] | None:
    pieces, place = [], 0
    while text[place:].strip():
        match = _PIECE.match(text, place)
        if match is None:
            return None
        pieces.append(match)
        place = match.end()
    return pieces


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for index in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return None
