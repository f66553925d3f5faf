"""Format 1 of a stored run: every result of one suite on one closure, gzipped; checked before it becomes a value."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Literal, Self

from pydantic import TypeAdapter, ValidationError, model_validator

from sluice.digest import canonical_json
from sluice.evidence.unverified import Unverified
from sluice.results import CaseInfo, Run
from sluice.stored import MetricKind, OutputsRule, Stored, StoredCase, StoredHeader, StoredResult

FORMAT = 1
"""Raised when an older reader would misread a newer file."""
MAX_BYTES = 512 * 2**20
"""The most that a run may unpack to."""


class StoredRun(Stored):
    """The whole file: cases in the order of the plan, and one result for each case and repeat."""

    format: Literal[1]
    outputs: OutputsRule
    kinds: dict[str, MetricKind]
    header: StoredHeader
    cases: tuple[StoredCase, ...]
    results: tuple[StoredResult, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Hold the file to its word: every planned case has its results, and none stands there twice."""
        cases = [case.id for case in self.cases]
        results = [(result.case, result.repeat) for result in self.results]
        if len(set(cases)) != len(cases) or len(set(results)) != len(results):
            raise ValueError("a case or a result stands twice in it")
        if len(cases) != self.header.planned or {case for case, _ in results} != set(cases):
            raise ValueError("a planned case is missing")
        if set(self.kinds) != set(self.header.metrics):
            raise ValueError("kinds and metrics name different metrics")
        if self.outputs == "none" and (any(case.row for case in self.cases) or any(map(_told, self.results))):
            raise ValueError("it holds rows or outputs that its card keeps to itself")
        return self


def _told(result: StoredResult) -> bool:
    return result.output is not None or result.error is not None


@dataclass(frozen=True, slots=True)
class WholeRun:
    """A complete run of one suite, with the cases as they were; `outputs` says what the card let it keep."""

    outputs: OutputsRule
    kinds: Mapping[str, MetricKind]
    run: Run
    cases: tuple[CaseInfo, ...]


def pack(whole: WholeRun) -> bytes:
    """Return the file of a run; the same run gives the same bytes."""
    content = {
        "format": FORMAT,
        "outputs": whole.outputs,
        "kinds": dict(whole.kinds),
        "header": _plain(whole.run.header),
        "cases": [_plain(case) for case in whole.cases],
        "results": [_plain(result) for result in whole.run.cases],
    }
    return gzip.compress(canonical_json(content) + b"\n", compresslevel=9, mtime=0)


def _plain(value: object) -> dict[str, object]:
    return asdict(value)  # type: ignore[call-overload, no-any-return]


def unpack(data: bytes) -> WholeRun:
    """Return the run of a file; raise Unverified where it holds anything else."""
    try:
        stored = StoredRun.model_validate_json(_unzipped(data))
    except ValidationError as error:
        raise Unverified(f"the stored run cannot be read: {_first(error)}") from None
    values = stored.model_dump()
    run_of, cases_of = _adapters()
    run = run_of.validate_python({"header": values["header"], "cases": values["results"]})
    return WholeRun(stored.outputs, stored.kinds, run, cases_of.validate_python(values["cases"]))


@cache
def _adapters() -> tuple[TypeAdapter[Run], TypeAdapter[tuple[CaseInfo, ...]]]:
    """Return what makes values of checked data; built on use, as few commands read runs."""
    return TypeAdapter(Run), TypeAdapter(tuple[CaseInfo, ...])


def _unzipped(data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise Unverified("the stored run is no gzip file") from None
    if len(content) > MAX_BYTES:
        raise Unverified(f"the stored run unpacks to more than {MAX_BYTES:,} bytes")
    return content


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, problem["loc"]))[:120]
    return f"{place}: {problem['msg']}" if place else str(problem["msg"])
