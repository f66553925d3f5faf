"""A judgement as stable JSON, and back: what `--format json` prints and what an artifact holds.

The fields are documented in docs/report-json.md. What the dataset's card keeps from artifacts is not written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sluice.digest import canonical_json
from sluice.errors import CannotJudge
from sluice.gate.judgement import Judgement
from sluice.report.cases import count
from sluice.report.content import title
from sluice.report.privacy import shown_to
from sluice.report.stored import FORMAT, StoredJudgement
from sluice.report.visible import clipped, one_line

MOST_PROBLEMS = 5


def to_json(judgement: Judgement) -> dict[str, Any]:
    """Return the judgement as a JSON object of format 1, without outputs that no artifact may hold.

    Numbers are finite (unknown and unbounded ones are null); lone surrogates become U+FFFD, so that it is UTF-8.
    """
    shown = shown_to(judgement, "private")
    written: dict[str, Any] = _plain(shown)
    return {"format": FORMAT, **written, "summary": _plain(_summary(shown))}


def from_json(value: object) -> Judgement:
    """Return the judgement that a parsed JSON value of format 1 holds.

    Raises CannotJudge, naming what is wrong where, for anything else; no content of the value can do more.
    """
    if not isinstance(value, dict) or "format" not in value:
        raise CannotJudge("this is no stored judgement: it has no `format`; `sluice eval --output FILE` writes one")
    if value["format"] != FORMAT or isinstance(value["format"], bool):
        found = clipped(one_line(repr(value["format"])), 40)
        raise CannotJudge(f"the stored judgement has format {found}; this version of Sluice reads format {FORMAT}")
    try:
        stored = StoredJudgement.model_validate_json(canonical_json(value))
    except ValidationError as error:
        raise CannotJudge(f"the stored judgement cannot be read: {_problems(error)}") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise CannotJudge(f"the stored judgement cannot be read: {clipped(one_line(str(error)), 200)}") from None
    return _JUDGEMENT.validate_python(stored.values())


_JUDGEMENT = TypeAdapter(Judgement)


def _plain(value: Any) -> Any:
    """Turn dataclasses, mappings and sequences into JSON values."""
    if isinstance(value, str):
        return _text(value)
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _text(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _summary(judgement: Judgement) -> dict[str, Any]:
    return {
        "exit_code": int(judgement.verdict.exit_code),
        "title": title(judgement.verdict),
        "suites": {suite.name: _plain(count(suite.comparison)) for suite in judgement.suites},
    }


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{_place(problem['loc'])}: {problem['msg']}" for problem in found[:MOST_PROBLEMS]]
    more = len(found) - len(told)
    return one_line("; ".join([*told, f"and {more:,} more"] if more > 0 else told))


def _place(location: tuple[int | str, ...]) -> str:
    return clipped(".".join(map(str, location)), 120) or "the file"
