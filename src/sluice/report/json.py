"""A judgement as stable JSON, and back: what `--format json` prints and what an artifact holds.

The fields are documented in docs/report-json.md. What the dataset's card keeps from artifacts is not written.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sluice.compare import Pair
from sluice.digest import canonical_json, encode_normal
from sluice.errors import CannotJudge
from sluice.gate.judgement import Judgement
from sluice.report.cases import count
from sluice.report.content import title
from sluice.report.privacy import shown_to
from sluice.report.stored import FORMAT, StoredJudgement
from sluice.report.visible import clipped, one_line

MOST_PROBLEMS = 5


def to_json(judgement: Judgement) -> Iterator[bytes]:
    """Yield the judgement as canonical JSON of format 1, piece by piece, without outputs that no artifact may hold.

    Numbers are finite (unknown and unbounded ones are null); lone surrogates become U+FFFD, so that it is UTF-8.
    """
    shown = shown_to(judgement, "private")
    written: dict[str, Any] = _plain(shown)
    yield from _chunks({"format": FORMAT, **written, "summary": _plain(_summary(shown))})


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
    return TypeAdapter(Judgement).validate_python(stored.values())


def _plain(value: Any) -> Any:
    """Turn dataclasses, mappings and sequences into JSON values in their normal form, keys sorted."""
    if value is None or value is True or value is False:
        return value
    kind: Any = type(value)
    if kind is str:
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float):
        return _number(value)
    if names := _names(kind):
        return _pair(value) if kind is Pair else {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        # The pairs are many: each is made when it is written.
        return map(_plain, value) if value and isinstance(value[0], Pair) else [_plain(item) for item in value]
    return value


def _pair(pair: Pair) -> dict[str, Any]:
    head = _plain(pair.head)
    # A suite without a base is paired with itself.
    base = head if pair.base is pair.head else _plain(pair.base)
    return {"base": base, "change": pair.change, "head": head, "info": _plain(pair.info)}


def _number(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    """Return the sorted fields of a dataclass; none of another type."""
    return tuple(sorted(field.name for field in fields(kind))) if is_dataclass(kind) else ()


def _chunks(value: Any) -> Iterator[bytes]:
    """Encode piece by piece; an iterator is a list whose items are made as they are written."""
    if isinstance(value, Iterator):
        yield b"["
        for number, item in enumerate(value):
            yield b"," * bool(number) + encode_normal(item)
        yield b"]"
    elif isinstance(value, dict) and value:
        for number, key in enumerate(sorted(value)):
            yield (b"," if number else b"{") + encode_normal(key) + b":"
            yield from _chunks(value[key])
        yield b"}"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, item in enumerate(value):
            yield b"," if number else b"["
            yield from _chunks(item)
        yield b"]"
    else:
        yield encode_normal(value)


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
