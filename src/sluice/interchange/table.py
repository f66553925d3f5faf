"""Runs as one table: which columns there are, of which kind, and a row for each case and repeat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sluice.interchange.exported import ExportedRun
from sluice.results import CaseInfo, CaseResult

Kind = Literal["text", "integer", "number", "truth"]
Cell = str | int | float | bool | None
Read = Callable[[ExportedRun, CaseInfo, CaseResult], Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `read` gives its cell, None where there is no value; `required` ones have one in every row."""

    name: str
    kind: Kind
    read: Read
    required: bool = False


_FIXED = (
    Column("suite", "text", lambda run, _, __: run.suite, required=True),
    Column("side", "text", lambda run, _, __: run.side, required=True),
    Column("case", "text", lambda _, info, __: info.id, required=True),
    Column("repeat", "integer", lambda _, __, result: result.repeat, required=True),
    Column("state", "text", lambda _, __, result: result.state, required=True),
    Column("error_kind", "text", lambda _, __, result: result.error_kind),
    Column("error", "text", lambda _, __, result: result.error),
    Column("output", "text", lambda _, __, result: result.output),
    Column("finish_reason", "text", lambda _, __, result: result.finish_reason),
    Column("latency_seconds", "number", lambda _, __, result: result.latency),
    Column("prompt_tokens", "integer", lambda _, __, result: result.prompt_tokens),
    Column("completion_tokens", "integer", lambda _, __, result: result.completion_tokens),
    Column("cost_usd", "number", lambda _, __, result: result.cost),
    Column("attempts", "integer", lambda _, __, result: result.attempts, required=True),
    Column("called", "truth", lambda _, __, result: result.called, required=True),
    Column("request", "text", lambda _, __, result: result.request, required=True),
    Column("cluster", "text", lambda _, info, __: info.cluster),
    Column("prompt", "text", lambda run, _, __: run.prompt, required=True),
    Column("dataset", "text", lambda run, _, __: run.dataset, required=True),
    Column("model", "text", lambda run, _, __: run.model, required=True),
    Column("commit", "text", lambda run, _, __: run.header.commit),
    Column("closure", "text", lambda run, _, __: run.header.closure, required=True),
)
_ROW = Column("row", "text", lambda _, info, __: _json(info) if info.row else None)


def columns(runs: Sequence[ExportedRun]) -> list[Column]:
    """Return the columns of these runs; prefixes keep slices and metrics apart from every other name."""
    infos = [info for run in runs for info, _ in run.results]
    slices = sorted({name for info in infos for name in info.slices})
    declared = {name for run in runs for name in run.header.metrics}
    metrics = sorted(declared.union(*(result.metrics for run in runs for _, result in run.results)))
    measured = [column for metric in metrics for column in _metric_columns(metric)]
    return [*_FIXED, *map(_slice_column, slices), *measured, _ROW]


def rows(runs: Sequence[ExportedRun], read: Sequence[Column]) -> Iterator[list[Cell]]:
    """Yield the cells of each case and repeat; text is valid UTF-8."""
    for run in runs:
        for info, result in run.results:
            yield [_whole(column.read(run, info, result)) for column in read]


def _slice_column(name: str) -> Column:
    return Column(f"slice:{name}", "text", lambda _, info, __: info.slices.get(name))


def _metric_columns(metric: str) -> Iterator[Column]:
    def score(part: str) -> Read:
        return lambda _, __, result: getattr(result.metrics.get(metric), part, None)

    yield Column(f"value:{metric}", "number", score("value"))
    yield Column(f"passed:{metric}", "truth", score("passed"))
    yield Column(f"reason:{metric}", "text", lambda *where: score("reason")(*where) or None)


def _json(info: CaseInfo) -> str:
    return json.dumps(info.row, ensure_ascii=False, sort_keys=True)


def _whole(cell: Cell) -> Cell:
    """Replace lone surrogates, which no encoding can write."""
    return cell.encode("utf-8", "replace").decode() if isinstance(cell, str) and not cell.isascii() else cell
