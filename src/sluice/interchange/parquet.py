"""Parquet by pyarrow: the table of cases with one type for each column, and what the runs are as metadata."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from sluice.errors import CannotJudge
from sluice.interchange.exported import ExportedRun
from sluice.interchange.table import columns, rows

RUNS_KEY = "sluice.runs"
"""The metadata that says what ran: a JSON list, one object for each suite and side."""


def encode(runs: Sequence[ExportedRun]) -> bytes:
    """Return the file; columns that may lack a value are nullable, the others are not."""
    arrow, parquet = _library()
    types = {"text": arrow.string(), "integer": arrow.int64(), "number": arrow.float64(), "truth": arrow.bool_()}
    table = columns(runs)
    fields = [arrow.field(one.name, types[one.kind], nullable=not one.required) for one in table]
    schema = arrow.schema(fields, metadata={RUNS_KEY: json.dumps([_described(run) for run in runs], sort_keys=True)})
    cells = list(zip(*rows(runs, table), strict=True)) or [()] * len(table)
    arrays = [arrow.array(column, field.type) for column, field in zip(cells, fields, strict=True)]
    file = io.BytesIO()
    parquet.write_table(arrow.Table.from_arrays(arrays, schema=schema), file, compression="zstd")
    return file.getvalue()


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise CannotJudge("pyarrow is not installed: pip install '.[parquet]' in this clone") from None
    return pyarrow, pyarrow.parquet


def _described(run: ExportedRun) -> dict[str, Any]:
    header = run.header
    return {
        "suite": run.suite, "side": run.side, "prompt": run.prompt, "dataset": run.dataset, "model": run.model,
        "label": header.label, "commit": header.commit, "closure": header.closure, "plan": header.plan,
        "planned": header.planned, "engine": dict(header.engine),
    }  # fmt: skip
