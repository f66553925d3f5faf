"""MLflow: a judgement becomes a run with a nested run for each suite, written once however often it is exported."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sluice.errors import CannotJudge, SluiceError

DIGEST_TAG = "sluice.digest"
"""What makes a second export of the same judgement find the first."""
COMPLETE_TAG = "sluice.complete"
"""Set last: a run without it was interrupted, and is written anew."""
PARENT_TAG = "mlflow.parentRunId"
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""Where the environment says nothing else; by itself MLflow tries a tracker that is down for four minutes."""
_MOST_TEXT = 5_000
_BATCH = 100


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """One run to be written; names are MLflow's already."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """Where the parent run is, and whether this export wrote it or an earlier one had."""

    experiment: str
    run: str
    new: bool


def track(uri: str, experiment: str, digest: str, parent: TrackedRun, nested: Sequence[TrackedRun]) -> Written:
    """Write the runs unless they are there; where that fails, take back what was written and raise CannotJudge."""
    client = _client(uri)
    try:
        where = _experiment(client, uri, experiment)
        known = _known(client, where, digest)
        if known is not None:
            return Written(where, known, new=False)
        return Written(where, _write(client, where, digest, parent, nested), new=True)
    except SluiceError:
        raise
    except Exception as error:
        raise _failed(uri, error) from None


def _client(uri: str) -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
    except ImportError:
        raise CannotJudge("MLflow is not installed: pip install '.[mlflow]' in this clone") from None
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        return MlflowClient(uri)
    except Exception as error:
        raise _failed(uri, error) from None


def _experiment(client: Any, uri: str, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, artifact_location=_beside(uri)))
    if found.lifecycle_stage != "active":
        raise CannotJudge(f"the experiment {name!r} was deleted in MLflow; restore it, or name another one")
    return str(found.experiment_id)


def _beside(uri: str) -> str | None:
    """Return where a database file keeps artifacts: beside itself, not in whatever directory this runs in."""
    path = uri.removeprefix("sqlite:///")
    return None if path == uri or not path else (Path(path).absolute().parent / "artifacts").as_uri()


def _known(client: Any, experiment: str, digest: str) -> str | None:
    """Return the run that holds this judgement; remove what an interrupted export has left of it."""
    found = client.search_runs([experiment], f"tags.`{DIGEST_TAG}` = '{digest}'")
    whole = [run for run in found if run.data.tags.get(COMPLETE_TAG) == "true"]
    if whole:
        return str(whole[0].info.run_id)
    for run in found:
        below = client.search_runs([experiment], f"tags.`{PARENT_TAG}` = '{run.info.run_id}'")
        _remove(client, [one.info.run_id for one in (*below, run)])
    return None


def _write(client: Any, experiment: str, digest: str, parent: TrackedRun, nested: Sequence[TrackedRun]) -> str:
    made: list[str] = []
    try:
        root = _start(client, experiment, parent, {DIGEST_TAG: digest}, made)
        for one in nested:
            run = _start(client, experiment, one, {PARENT_TAG: root}, made)
            client.set_terminated(run)
        client.set_tag(root, COMPLETE_TAG, "true")
        client.set_terminated(root)
    except BaseException:
        _remove(client, made)
        raise
    return root


def _start(client: Any, experiment: str, run: TrackedRun, tags: Mapping[str, str], made: list[str]) -> str:
    """Create a run with everything in it but its end."""
    now = int(time.time() * 1000)
    info = client.create_run(experiment, start_time=now, tags={**_clipped(run.tags), **tags}, run_name=run.name).info
    made.append(info.run_id)
    for batch in _batches(run, now):
        client.log_batch(info.run_id, **batch)
    for path, data in run.artifacts.items():
        client.log_text(info.run_id, data.decode(), path)
    return str(info.run_id)


def _batches(run: TrackedRun, now: int) -> Iterator[dict[str, Any]]:
    from mlflow.entities import Metric, Param

    metrics = [Metric(name, value, now, 0) for name, value in run.metrics.items()]
    yield {"params": [Param(name, value) for name, value in _clipped(run.params).items()]}
    yield from ({"metrics": metrics[start : start + _BATCH]} for start in range(0, len(metrics), _BATCH))


def _clipped(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text[:_MOST_TEXT] for name, text in texts.items()}


def _remove(client: Any, runs: Sequence[str]) -> None:
    """Delete runs as far as the tracker still answers: what stays has no mark of completeness."""
    for run in reversed(runs):
        try:
            client.delete_run(run)
        except Exception:
            return


def _failed(uri: str, error: Exception) -> CannotJudge:
    """Say what the tracker said, without the credentials that its address may hold."""
    parts = urlsplit(uri)
    login = parts.netloc.rpartition("@")[0]
    shown, told = (text.replace(f"{login}@", "") if login else text for text in (uri, " ".join(str(error).split())))
    return CannotJudge(
        f"MLflow at {shown} could not be written to: {type(error).__name__}: {told[:400]}; nothing of it counts, "
        "and the next export writes it whole"
    )
