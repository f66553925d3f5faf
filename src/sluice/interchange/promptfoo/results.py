"""Runs as a result file of promptfoo, for `promptfoo import` and `promptfoo view`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sluice.digest import digest
from sluice.interchange.exported import ExportedRun
from sluice.results import CaseInfo, CaseResult, MetricScore

VERSION = 3
MADE_FOR = "0.121.20"
_EPOCH = "1970-01-01T00:00:00.000Z"
_FAILURES = {"pass": 0, "fail": 1, "error": 2, "skipped": 2}
_NO_TOKENS = {"total": 0, "prompt": 0, "completion": 0, "cached": 0, "numRequests": 0}


def encode(runs: Sequence[ExportedRun], prompts: Mapping[str, str], timestamp: str = _EPOCH) -> bytes:
    """Return the result file: a column for each run, a row for each case and repeat. `prompts` are the raw texts."""
    rows = [row for column, run in enumerate(runs) for row in _rows(run, column, prompts[run.suite])]
    heads = [_head(run, prompts[run.suite]) for run in runs]
    name = digest([[run.suite, run.side, run.header.closure] for run in runs]).removeprefix("sha256:")[:12]
    content = {
        "evalId": f"eval-sluice-{name}",
        "results": {
            "version": VERSION,
            "timestamp": timestamp,
            "prompts": heads,
            "results": rows,
            "stats": {
                "successes": sum(row["success"] for row in rows),
                "failures": sum(row["failureReason"] == 1 for row in rows),
                "errors": sum(row["failureReason"] == 2 for row in rows),
                "tokenUsage": _NO_TOKENS,
            },
        },
        "config": {
            "description": "Sluice: " + ", ".join(f"{run.suite} ({run.side})" for run in runs),
            "prompts": [head["raw"] for head in heads],
            "providers": sorted({head["provider"] for head in heads}),
            "tests": [],
        },
        "shareableUrl": None,
        "metadata": {"promptfooVersion": MADE_FOR, "exportedAt": timestamp, "platform": "sluice"},
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _head(run: ExportedRun, raw: str) -> dict[str, Any]:
    results = [result for _, result in run.results]
    scores = [_score(result) for result in results]
    named: dict[str, float] = {}
    for result in results:
        for metric, score in result.metrics.items():
            named[metric] = named.get(metric, 0) + score.value
    return {
        "id": _prompt_id(raw),
        "raw": raw,
        "label": f"{run.prompt} ({run.side})",
        "provider": run.model,
        "metrics": {
            "score": sum(scores),
            "testPassCount": sum(result.state == "pass" for result in results),
            "testFailCount": sum(result.state == "fail" for result in results),
            "testErrorCount": sum(_FAILURES[result.state] == 2 for result in results),
            "assertPassCount": sum(score.passed for result in results for score in result.metrics.values()),
            "assertFailCount": sum(not score.passed for result in results for score in result.metrics.values()),
            "totalLatencyMs": sum(round((result.latency or 0) * 1000) for result in results),
            "tokenUsage": _NO_TOKENS,
            "namedScores": named,
            "namedScoresCount": {metric: sum(metric in result.metrics for result in results) for metric in named},
            "cost": sum(result.cost or 0 for result in results),
        },
    }


def _prompt_id(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()


def _score(result: CaseResult) -> float:
    """Return the score of a case: the suite's own where it has one, else the mean of its metrics."""
    if "score" in result.metrics:
        return result.metrics["score"].value
    values = [score.value for score in result.metrics.values()]
    return sum(values) / len(values) if values else float(result.state == "pass")


def _rows(run: ExportedRun, column: int, raw: str) -> Iterator[dict[str, Any]]:
    for number, (info, result) in enumerate(run.results):
        yield _row(run, column, number, raw, info, result)


def _row(run: ExportedRun, column: int, number: int, raw: str, info: CaseInfo, result: CaseResult) -> dict[str, Any]:
    failure = _FAILURES[result.state]
    variables = {name: value for name, value in info.row.items() if name != "id"}
    tokens = {
        "total": (result.prompt_tokens or 0) + (result.completion_tokens or 0),
        "prompt": result.prompt_tokens or 0,
        "completion": result.completion_tokens or 0,
        "cached": 0,
        "numRequests": int(result.called),
    }
    grading = {
        "pass": failure == 0,
        "score": _score(result),
        "reason": result.error or "; ".join(_reasons(result)) or "All assertions passed",
        "namedScores": {name: score.value for name, score in result.metrics.items()},
        "tokensUsed": _NO_TOKENS,
        "componentResults": [_component(name, score) for name, score in result.metrics.items()],
    }
    row = {
        "id": digest([run.suite, run.side, info.id, result.repeat]).removeprefix("sha256:")[:32],
        "promptIdx": column,
        "testIdx": number,
        "promptId": _prompt_id(raw),
        "provider": {"id": run.model, "label": run.model},
        "prompt": {"raw": raw, "label": f"{run.prompt} ({run.side})"},
        "vars": variables,
        "testCase": {"description": info.id, "vars": variables, "assert": [], "metadata": {"id": info.id}},
        "success": failure == 0,
        "score": grading["score"],
        "namedScores": grading["namedScores"],
        "latencyMs": round((result.latency or 0) * 1000),
        "cost": result.cost or 0,
        "metadata": {"id": info.id, "repeat": result.repeat},
        "failureReason": failure,
        "gradingResult": None if failure == 2 else grading,
    }
    if failure == 2:
        return row | {"error": result.error or result.state}
    return row | {"response": {"output": result.output or "", "tokenUsage": tokens, "cached": not result.called}}


def _reasons(result: CaseResult) -> list[str]:
    return [f"{name}: {score.reason}" for name, score in result.metrics.items() if not score.passed]


def _component(name: str, score: MetricScore) -> dict[str, Any]:
    return {
        "pass": score.passed,
        "score": score.value,
        "reason": score.reason or "Assertion passed",
        "assertion": {"type": "equals", "metric": name, "value": name},
    }
