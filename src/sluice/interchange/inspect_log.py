"""Reads logs of inspect (`.eval` and `.json`, version 2): one run for a log, a result for each sample and epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from sluice.digest import digest, digest_bytes
from sluice.errors import CannotJudge, UsageError
from sluice.interchange.foreign import ForeignRun, Harness, scores
from sluice.interchange.log_archive import MOST_BYTES, Archive, is_archive
from sluice.results import CaseInfo, CaseResult, MetricScore, State

TOOL = "inspect"
VERSION = 2
_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Correct, partially, incorrect, no answer: as inspect itself counts them."""


class _Part(BaseModel):
    """As far as it is needed of a log; inspect adds to it in every version."""

    model_config = ConfigDict(frozen=True)


Known = TypeVar("Known", bound=_Part)


class _Dataset(_Part):
    name: str | None = None


class _Eval(_Part):
    task: str
    task_version: JsonValue = None
    task_args: JsonValue = None
    model: str
    dataset: _Dataset = _Dataset()
    model_generate_config: JsonValue = None
    config: dict[str, JsonValue] = {}
    packages: dict[str, str] = {}


class _Totals(_Part):
    completed_samples: int


class _Header(_Part):
    version: int
    status: str
    eval: _Eval
    results: _Totals | None = None


class _Score(_Part):
    value: JsonValue = None


class _Output(_Part):
    completion: str = ""


class _Usage(_Part):
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)


class _Error(_Part):
    message: str


class _Sample(_Part):
    id: int | str
    epoch: int = Field(ge=1)
    input: JsonValue
    target: JsonValue
    metadata: dict[str, JsonValue] = {}
    output: _Output = _Output()
    scores: dict[str, _Score] | None = None
    model_usage: dict[str, _Usage] = {}
    total_time: float | None = Field(default=None, ge=0)
    working_time: float | None = Field(default=None, ge=0)
    error: _Error | None = None


class _Log(_Header):
    """A whole log in one JSON file."""

    samples: list[_Sample] = []


def read_runs(path: Path) -> list[ForeignRun]:
    """Return the one run of a log."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CannotJudge(f"{path} has more than {MOST_BYTES:,} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; name a log of inspect") from None
    header, samples = _archived(path, data) if is_archive(data) else _plain(path, data)
    if header.version != VERSION:
        raise CannotJudge(f"{path} is a log of version {header.version}; this version of Sluice reads {VERSION}")
    return [_run(path, header, samples, digest_bytes(data))]


def _plain(path: Path, data: bytes) -> tuple[_Header, list[_Sample]]:
    log = _read(_Log, data, str(path))
    return log, log.samples


def _archived(path: Path, data: bytes) -> tuple[_Header, list[_Sample]]:
    archive = Archive(path, data)
    header = _read(_Header, archive.member("header.json"), f"{path}: header.json")
    names = [name for name in archive.names if name.startswith("samples/") and name.endswith(".json")]
    return header, [_read(_Sample, archive.member(name), f"{path}: {name}") for name in names]


def _read(kind: type[Known], data: bytes, where: str) -> Known:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise CannotJudge(f"{where} is no log of inspect: {place or 'the file'}: {problem['msg']}") from None


def _run(path: Path, header: _Header, samples: Sequence[_Sample], source: str) -> ForeignRun:
    done = sorted(samples, key=lambda sample: (str(sample.id), sample.epoch))
    keys = [(str(sample.id), sample.epoch) for sample in done]
    if len(set(keys)) != len(keys):
        raise CannotJudge(f"{path} holds a sample and epoch twice")
    counted = header.results.completed_samples if header.results else len(done)
    completed = sum(sample.error is None for sample in done)
    if not done or counted != completed:
        raise CannotJudge(f"{path} holds {completed:,} completed samples, and its results speak of {counted:,}")
    first = {str(sample.id): sample for sample in reversed(done)}
    left_out = _left_out(done)
    graded = scores([_grades(sample, left_out) for sample in done])
    about = header.eval
    return ForeignRun(
        harness=Harness(TOOL, about.packages.get("inspect_ai", "")),
        task=about.task,
        model=about.model,
        dataset=about.dataset.name or about.task,
        source=source,
        cases=tuple(CaseInfo(case, _row(first[case]), None, {}) for case in dict.fromkeys(case for case, _ in keys)),
        results=tuple(_result(sample, metrics) for sample, metrics in zip(done, graded, strict=True)),
        setting=_setting(about, first),
        notes=tuple(_notes(header, left_out)),
    )


def _setting(about: _Eval, samples: Mapping[str, _Sample]) -> dict[str, Any]:
    """Return what must be equal for two logs to be runs of one task."""
    asked = {case: [sample.input, sample.target] for case, sample in samples.items()}
    return {
        "task_version": about.task_version, "task_args": about.task_args, "epochs": about.config.get("epochs"),
        "generate_config": about.model_generate_config, "samples": digest(asked),
    }  # fmt: skip


def _notes(header: _Header, left_out: Iterable[str]) -> Iterator[str]:
    if header.status != "success":
        yield f"the log's status is {header.status}"
    yield from (f"{name} is left out: its values are no grades within 0 and 1" for name in sorted(left_out))


def _row(sample: _Sample) -> dict[str, Any]:
    return {
        "input": sample.input,
        "target": sample.target,
        **({"metadata": sample.metadata} if sample.metadata else {}),
    }


def _values(sample: _Sample) -> Iterator[tuple[str, JsonValue]]:
    """Yield each score; one that is a mapping is several."""
    for name, score in (sample.scores or {}).items():
        if isinstance(score.value, dict):
            yield from ((f"{name}.{key}", value) for key, value in score.value.items())
        else:
            yield name, score.value


def _left_out(samples: Iterable[_Sample]) -> set[str]:
    return {name for one in samples for name, value in _values(one) if not _unscored(value) and _grade(value) is None}


def _unscored(value: JsonValue) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _grade(value: JsonValue) -> float | None:
    """Return a grade within 0 and 1, None for anything else."""
    if isinstance(value, str):
        return _GRADES.get(value)
    fits = isinstance(value, int | float) and 0 <= value <= 1
    return float(value) if fits and isinstance(value, int | float) else None


def _grades(sample: _Sample, left_out: set[str]) -> dict[str, float]:
    grades = {name: _grade(value) for name, value in _values(sample) if name not in left_out}
    return {name: grade for name, grade in grades.items() if grade is not None}


def _result(sample: _Sample, metrics: Mapping[str, MetricScore]) -> CaseResult:
    usage = list(sample.model_usage.values())
    state, kind, message = _state(sample, metrics)
    return CaseResult(
        case=str(sample.id),
        repeat=sample.epoch - 1,
        state=state,
        request=digest({"tool": TOOL, "input": sample.input}),
        output=sample.output.completion,
        metrics={} if state == "error" else metrics,
        error_kind=kind,
        error=message,
        latency=sample.working_time if sample.working_time is not None else sample.total_time,
        prompt_tokens=sum(one.input_tokens for one in usage) if usage else None,
        completion_tokens=sum(one.output_tokens for one in usage) if usage else None,
    )


def _state(sample: _Sample, metrics: Mapping[str, MetricScore]) -> tuple[State, str | None, str | None]:
    """An error is never a failure, and a sample that nothing graded is an error: no answer is no number."""
    if sample.error is not None:
        return "error", "harness", sample.error.message
    if not metrics:
        return "error", "unscored", "no scorer gave a grade"
    return ("pass" if all(score.passed for score in metrics.values()) else "fail"), None, None
