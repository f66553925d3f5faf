"""Reads what lm-evaluation-harness stores: `results_*.json`, and beside it `samples_*.jsonl` (--log_samples)."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from sluice.digest import digest, digest_bytes
from sluice.errors import CannotJudge, UsageError
from sluice.interchange.foreign import ForeignRun, Harness, scores
from sluice.results import CaseInfo, CaseResult, MetricScore

TOOL = "lm-eval"
ANSWERED = "sluice.json"
MOST_BYTES = 1_000_000_000
_SETTING = ("num_fewshot", "output_type", "generation_kwargs", "repeats")
_NO_FILTER = "none"
_CLOSE = 1e-9


class _Count(BaseModel):
    effective: int = Field(ge=0)


class _Results(BaseModel):
    """As far as it is needed of the file; lm-eval adds to it in every version."""

    model_config = ConfigDict(frozen=True)

    results: dict[str, dict[str, JsonValue]]
    configs: dict[str, dict[str, JsonValue]] = {}
    higher_is_better: dict[str, dict[str, bool | None]] = {}
    counts: dict[str, _Count] = Field(alias="n-samples")
    versions: dict[str, JsonValue] = {}
    task_hashes: dict[str, str] = {}
    lm_eval_version: str = ""
    model_name: str


class _Sample(BaseModel):
    """One line: a document under one filter; each of `metrics` is a further key."""

    model_config = ConfigDict(frozen=True, extra="allow")

    doc_id: int
    doc: JsonValue
    doc_hash: str = Field(min_length=8, max_length=128)
    prompt_hash: str
    target_hash: str = ""
    resps: list[JsonValue]
    filtered_resps: JsonValue
    filter: str = _NO_FILTER
    metrics: list[str]

    def values(self) -> Iterator[tuple[str, Any]]:
        """Yield name and value of each metric, named as the results name them."""
        for name in self.metrics:
            full = name if self.filter == _NO_FILTER else f"{name}.{self.filter}"
            yield full, (self.model_extra or {}).get(name)


class Answered(BaseModel):
    """What Sluice notes beside results that it let lm-eval make: which of its models answered, and as what server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    server: dict[str, JsonValue]


def read_runs(place: Path) -> list[ForeignRun]:
    """Return a run for each task of a results file, or of the one below a directory."""
    path = _results_file(place)
    answered = _answered(place / ANSWERED)
    data = _bytes(path)
    try:
        results = _Results.model_validate_json(data)
    except ValidationError as error:
        raise CannotJudge(f"{path} holds no results of lm-eval: {_first(error)}") from None
    stamp = path.stem.removeprefix("results_")
    files = {task: path.parent / f"samples_{_file_name(task)}_{stamp}.jsonl" for task in sorted(results.results)}
    runs = [_run(results, task, file, data) for task, file in files.items() if file.is_file()]
    if not runs:
        raise CannotJudge(f"there are no samples beside {path}; run lm-eval with --log_samples")
    return [replace(run, model=answered.model, server=answered.server) for run in runs] if answered else runs


def _answered(path: Path) -> Answered | None:
    if not path.is_file():
        return None
    try:
        return Answered.model_validate_json(_bytes(path))
    except ValidationError as error:
        raise CannotJudge(f"{path} does not say which model answered: {_first(error)}") from None


def _results_file(place: Path) -> Path:
    if place.is_file():
        return place
    found = sorted(place.rglob("results_*.json")) if place.is_dir() else []
    if len(found) != 1:
        several = f"{len(found)} files results_*.json are below {place}" if found else f"no results_*.json in {place}"
        raise UsageError(f"{several}; name one, or the directory (--output_path) of one run of lm-eval")
    return found[0]


def _file_name(task: str) -> str:
    """Return a task's name as it stands in a file's; one that would leave the directory names no file."""
    return "".join("_" if character in '/\\:*?"<>|' else character for character in task)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CannotJudge(f"{path} has more than {MOST_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"


def _run(results: _Results, task: str, file: Path, data: bytes) -> ForeignRun:
    lines = _bytes(file)
    samples = list(_samples(file, lines))
    kept, left_out = _metrics(samples, results.higher_is_better.get(task, {}))
    documents = _documents(samples)
    expected = results.counts.get(task)
    if expected is None or expected.effective != len(documents):
        told = "not told" if expected is None else f"{expected.effective:,}"
        raise CannotJudge(f"{file} has {len(documents):,} documents, and the results speak of {told}")
    cases = tuple(CaseInfo(case, _row(of[0]), None, {}) for case, of in documents.items())
    found = scores([_kept(of, kept) for of in documents.values()])
    done = tuple(_result(case, of, one) for (case, of), one in zip(documents.items(), found, strict=True))
    config = results.configs.get(task, {})
    _agree(file, done, results.results[task], set(_averaged(config)))
    return ForeignRun(
        harness=Harness(TOOL, results.lm_eval_version),
        task=task,
        model=results.model_name,
        dataset=str(config.get("dataset_path") or task),
        source=digest_bytes(data + lines),
        cases=cases,
        results=done,
        setting=_setting(results, task, config),
        notes=tuple(f"{name} is left out: {why}" for name, why in left_out.items()),
    )


def _samples(path: Path, data: bytes) -> Iterator[_Sample]:
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            yield _Sample.model_validate_json(line)
        except ValidationError as error:
            raise CannotJudge(f"{path}:{number} is no sample of lm-eval: {_first(error)}") from None


def _documents(samples: Iterable[_Sample]) -> dict[str, list[_Sample]]:
    """Group by document; its hash is its id, with a number where the same document stands in the task again."""
    by_place: dict[tuple[int, str], list[_Sample]] = defaultdict(list)
    for sample in samples:
        by_place[sample.doc_id, sample.doc_hash].append(sample)
    seen: Counter[str] = Counter()
    documents: dict[str, list[_Sample]] = {}
    for (_, full), of in sorted(by_place.items()):
        short = full[:16]
        seen[short] += 1
        documents[short if seen[short] == 1 else f"{short}-{seen[short]}"] = of
    return documents


def _metrics(samples: Sequence[_Sample], higher: Mapping[str, bool | None]) -> tuple[set[str], dict[str, str]]:
    """Return the metrics that our statistics can compare, and why others are left out."""
    values: dict[str, list[Any]] = defaultdict(list)
    for sample in samples:
        for name, value in sample.values():
            values[name].append(value)
    left_out = {name: why for name, found in values.items() if (why := _unfit(found, higher.get(name.split(".")[0])))}
    return set(values) - set(left_out), left_out


def _unfit(values: Iterable[Any], higher: bool | None) -> str | None:
    if higher is False:
        return "lower is better"
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
        return "its values are no numbers"
    return None if all(0 <= value <= 1 for value in values) else "its values are not within 0 and 1"


def _row(sample: _Sample) -> dict[str, Any]:
    return sample.doc if isinstance(sample.doc, dict) else {"doc": sample.doc}


def _kept(samples: Sequence[_Sample], kept: set[str]) -> dict[str, float]:
    return {name: float(value) for sample in samples for name, value in sample.values() if name in kept}


def _result(case: str, samples: Sequence[_Sample], metrics: Mapping[str, MetricScore]) -> CaseResult:
    passed = bool(metrics) and all(score.passed for score in metrics.values())
    request = digest({"tool": TOOL, "prompt": samples[0].prompt_hash, "target": samples[0].target_hash})
    return CaseResult(case, 0, "pass" if passed else "fail", request, output=_output(samples[0]), metrics=metrics)


def _output(sample: _Sample) -> str:
    """Return the generated text; log-likelihoods and several answers stand as JSON."""
    answers: JsonValue = sample.resps
    while isinstance(answers, list) and len(answers) == 1:
        answers = answers[0]
    return answers if isinstance(answers, str) else json.dumps(answers, ensure_ascii=False)


def _averaged(config: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield the metrics whose result is the mean of their values, as far as the task's file says."""
    listed = config.get("metric_list")
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("aggregation") == "mean":
            yield str(entry.get("metric"))


def _agree(file: Path, results: Sequence[CaseResult], told: Mapping[str, JsonValue], averaged: set[str]) -> None:
    """Raise CannotJudge where the samples do not give the mean that the results tell: one of them was changed."""
    for name in sorted({name for result in results for name in result.metrics}):
        metric, _, filtered = name.partition(".")
        mean = told.get(f"{metric},{filtered or _NO_FILTER}")
        values = [score.value for result in results if (score := result.metrics.get(name))]
        found = math.fsum(values) / len(values)
        if metric not in averaged or not isinstance(mean, int | float):
            continue
        if not math.isclose(mean, found, rel_tol=_CLOSE, abs_tol=_CLOSE):
            raise CannotJudge(f"{file} gives {name} {found:.6f}, and the results tell {mean:.6f}")


def _setting(results: _Results, task: str, config: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return what must be equal for two runs to be runs of one task."""
    setting = {name: config[name] for name in _SETTING if name in config}
    return {**setting, "version": results.versions.get(task), "task_hash": results.task_hashes.get(task)}
