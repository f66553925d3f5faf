"""Runs a task of lm-evaluation-harness against a served model: a process in the harness's own environment."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.errors import CannotJudge, UsageError
from sluice.providers.endpoint import Endpoint

_OURS = ("SLUICE_", "GITHUB_", "ACTIONS_")
"""Variables that are none of the harness's business; keys of endpoints and forges are among them."""
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
_NO_KEY = "none"
STANDARD_ERROR = 2


@dataclass(frozen=True, slots=True)
class Task:
    """What is run: a task's name, where files of own tasks lie, and how many calls are made at a time."""

    name: str
    include: Path | None
    concurrency: int
    limit: int | None = None
    online: bool = False


def run_task(
    program: str, task: Task, model: str, endpoint: Endpoint, output: Path, environ: Mapping[str, str]
) -> None:
    """Run a task by chat completions; what the harness says goes to standard error, its results below `output`."""
    found = shutil.which(program, path=environ.get("PATH"))
    if found is None:
        raise CannotJudge(
            f"{program} is not installed here: in an environment of its own, pip install 'lm_eval[api]', and name its "
            "lm_eval with --program"
        )
    if output.is_dir() and any(output.rglob("results_*.json")):
        raise UsageError(f"{output} holds results already; import them without --run, or name another directory")
    try:
        done = subprocess.run(
            [found, *_words(task, model, endpoint, output)], env=_environment(task, endpoint, environ),
            stdin=subprocess.DEVNULL, stdout=STANDARD_ERROR, check=False,
        )  # fmt: skip
    except OSError as error:
        raise CannotJudge(f"{program} cannot be run: {error.strerror}") from None
    if done.returncode:
        raise CannotJudge(f"lm-eval ended with {done.returncode}; what it said stands above")


def _words(task: Task, model: str, endpoint: Endpoint, output: Path) -> list[str]:
    url = f"{endpoint.url}/v1/chat/completions"
    arguments = f"model={model},base_url={url},num_concurrent={task.concurrency},tokenized_requests=False"
    words = ["run", "--model", "local-chat-completions", "--model_args", arguments, "--apply_chat_template"]
    words += ["--tasks", task.name, "--output_path", str(output), "--log_samples"]
    words += ["--include_path", str(task.include)] if task.include else []
    return [*words, "--limit", str(task.limit)] if task.limit else words


def _environment(task: Task, endpoint: Endpoint, environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith(_OURS)}
    key = {"OPENAI_API_KEY": endpoint.api_key or _NO_KEY}
    return {**kept, **key} if task.online else {**kept, **_OFFLINE, **key}
