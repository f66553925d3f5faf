"""What a tracker is told of a judgement: one run for the change, and one for each suite with its figures."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sluice.compare import MetricPairs
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.gate.verdict import MetricVerdict
from sluice.interchange.comma_separated import encode
from sluice.interchange.exported import exported_runs
from sluice.interchange.mlflow import TrackedRun

_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_./ -]")


def change(judgement: Judgement, suites: Sequence[SuiteJudgement], artifacts: Mapping[str, bytes]) -> TrackedRun:
    """Return the run of the whole change."""
    params = {
        "base": judgement.base, "head": judgement.head, "base_commit": judgement.base_commit,
        "commit": judgement.head_commit, "suites": ", ".join(suite.name for suite in suites),
    }  # fmt: skip
    name = f"{judgement.base} -> {judgement.head}"
    return TrackedRun(name, _known(params), {}, {"sluice.verdict": judgement.verdict.word}, artifacts)


def suite_run(judgement: Judgement, suite: SuiteJudgement) -> TrackedRun:
    """Return the run of one suite: plain names are head's figures."""
    verdicts = {verdict.suite: verdict for verdict in judgement.verdict.suites}
    verdict = verdicts.get(suite.name)
    gated = {one.metric: one for one in verdict.metrics} if verdict else {}
    metrics = {**_means(suite.comparison.metrics), **_figures(gated), **_counts(suite)}
    cases = encode(exported_runs(judgement, suites=(suite.name,)))
    tags = {"sluice.verdict": verdict.word} if verdict else {}
    return TrackedRun(suite.name, _params(suite), _named(metrics), tags, {"cases.csv": cases})


def _params(suite: SuiteJudgement) -> dict[str, str]:
    base, head = suite.comparison.base, suite.comparison.head
    named = {"suite": suite.name, "prompt": suite.prompt, "dataset": suite.dataset, "model": suite.model}
    digests = {"closure": head.closure, "base_closure": base.closure, "plan": head.plan}
    commits = {"commit": head.commit, "base_commit": base.commit}
    planned = {"planned": str(head.planned), "compared": str(suite.comparison.compared)}
    engine = json.dumps(dict(head.engine), sort_keys=True)
    return _known({**named, **digests, **commits, **planned, "engine": engine})


def _known(params: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in params.items() if text}


def _means(metrics: Mapping[str, MetricPairs]) -> dict[str, float | None]:
    """Return each metric's mean on both sides, gated or not."""
    means: dict[str, float | None] = {}
    for name, pairs in metrics.items():
        if pairs.cases:
            means |= {name: sum(pairs.head) / len(pairs.head), f"{name}.base": sum(pairs.base) / len(pairs.base)}
    return means


def _figures(gated: Mapping[str, MetricVerdict]) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for name, one in gated.items():
        difference = "ratio" if one.kind == "ratio" else "difference"
        figures |= {name: one.head, f"{name}.base": one.base, f"{name}.{difference}": one.difference}
        figures |= {f"{name}.lower": one.lower, f"{name}.upper": one.upper}
    return figures


def _counts(suite: SuiteJudgement) -> dict[str, float | None]:
    states = Counter(result.state for pair in suite.comparison.pairs for result in pair.head)
    usage = suite.usage
    spent = {"usage.calls": usage.calls, "usage.cost_usd": usage.cost, "usage.seconds": usage.seconds}
    return {**{f"cases.{state}": states[state] for state in ("pass", "fail", "error", "skipped")}, **spent}


def _named(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Leave out what is unknown; characters that MLflow refuses in names become underscores."""
    return dict(_names({name: value for name, value in metrics.items() if value is not None}))


def _names(metrics: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    taken: Counter[str] = Counter()
    for name, value in metrics.items():
        plain = _UNNAMEABLE.sub("_", name)
        taken[plain] += 1
        yield (plain if taken[plain] == 1 else f"{plain}_{taken[plain]}"), float(value)
