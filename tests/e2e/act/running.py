"""Runs one workflow file with act in host mode, hermetically, and says which jobs and steps ran and what they said."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
STAND_INS = Path(__file__).with_name("standins")
LIMIT = 900
RUNNERS = ("ubuntu-latest", "gpu-runner")
TOKEN = "ghs_the-token-of-the-job"


@dataclass
class Job:
    """One job as it ran: its result, and each step's result and output, in order."""

    name: str
    result: str = ""
    steps: dict[str, str] = field(default_factory=dict)
    output: dict[str, list[str]] = field(default_factory=dict)
    summary: str = ""
    began: datetime | None = None
    ended: datetime | None = None


@dataclass
class Finished:
    """What act did. `jobs` holds only jobs that ran: act ends with 0 for skipped ones too."""

    code: int
    seconds: float
    jobs: dict[str, Job]
    commands: list[dict[str, Any]]
    log: str

    @property
    def results(self) -> dict[str, str]:
        """Job -> result, of the jobs that ran."""
        return {name: job.result for name, job in self.jobs.items() if job.result}

    @property
    def summary(self) -> str:
        """The job summaries together."""
        return "\n".join(job.summary for job in self.jobs.values())

    def said(self, kind: str) -> list[str]:
        """The arguments of one kind of workflow command (`error`, `notice`, `warning`) that the runner obeyed."""
        return [str(one.get("arg", "")) for one in self.commands if one.get("command") == kind]


def pinned_actions(tree: Path) -> dict[str, str]:
    """`owner/name@sha` -> its name, of every action that the workflows of a checkout use."""
    files = [*(tree / ".github/workflows").glob("*.yml"), *(tree / ".github/actions").rglob("action.yml")]
    uses = {found for path in files for found in re.findall(r"uses: ([\w-]+/[\w-]+@[0-9a-f]{40})", path.read_text())}
    return {pin: pin.partition("/")[2].partition("@")[0] for pin in uses}


def run_workflow(
    act: Path,
    tree: Path,
    event: str,
    workflow: str,
    payload: Mapping[str, Any],
    scratch: Path,
    environment: Mapping[str, str],
    variables: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    actor: str = "octocat",
    programs: Sequence[Path] = (),
) -> Finished:
    """Run a workflow of the checkout `tree`; `environment` reaches every step, as a runner's own would.

    `programs`: directories of what this runner has besides.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "home").mkdir(exist_ok=True)
    (scratch / "event.json").write_text(json.dumps(payload), encoding="utf-8")
    files = {
        "env": environment,
        "var": variables or {},
        "secret": {"GITHUB_TOKEN": TOKEN, **(secrets or {})},
        "input": {},
    }
    for kind, values in files.items():
        (scratch / f"{kind}s").write_text("".join(f"{name}={json.dumps(value)}\n" for name, value in values.items()))
    command = [
        str(act), event, "--json", "--rm", "--no-skip-checkout", "--no-cache-server", "--concurrent-jobs", "1",
        "--workflows", f".github/workflows/{workflow}", "--eventpath", str(scratch / "event.json"),
        "--actor", actor, "--defaultbranch", "main", "--action-cache-path", str(scratch / "work"),
        *(word for kind in files for word in (f"--{kind}-file", str(scratch / f"{kind}s"))),
        *(word for label in RUNNERS for word in ("--platform", f"{label}=-self-hosted")),
        *(f"--local-repository={pin}={STAND_INS / name}" for pin, name in pinned_actions(tree).items()),
    ]  # fmt: skip
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=tree,
        env=_environment(scratch, programs),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    seconds = time.monotonic() - started
    (scratch / "act.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    return _read(done, seconds)


def _environment(scratch: Path, programs: Sequence[Path]) -> dict[str, str]:
    """What act itself and thereby every step inherits: nothing of the person who runs the tests."""
    places = {str(Path(found).parent) for name in ("git", "bash", "cut") if (found := shutil.which(name))}
    tools = [str(ROOT / ".cache/tools")] if (ROOT / ".cache/tools/kustomize").exists() else []
    return {
        "PATH": os.pathsep.join([*map(str, programs), *tools, *sorted(places)]),
        "HOME": str(scratch / "home"),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    }


def _read(done: subprocess.CompletedProcess[str], seconds: float) -> Finished:
    jobs: dict[str, Job] = {}
    commands: list[dict[str, Any]] = []
    shown: list[str] = [done.stderr] if done.stderr else []
    for line in done.stdout.splitlines():
        entry = _entry(line)
        if entry is None:
            shown.append(line)
            continue
        name = str(entry.get("job", "")).partition("/")[2] or str(entry.get("job", ""))
        shown.append(f"[{name}] {entry.get('msg', '').rstrip()}")
        if "jobID" in entry:
            _note(jobs.setdefault(_title(entry), Job(name)), entry)
        if "command" in entry:
            commands.append(entry)
    return Finished(done.returncode, seconds, jobs, commands, "\n".join(shown))


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _title(entry: Mapping[str, Any]) -> str:
    """The job's id; for one of a matrix with its suite."""
    matrix = entry.get("matrix") or {}
    return f"{entry['jobID']} ({matrix['suite']})" if "suite" in matrix else str(entry["jobID"])


def _note(job: Job, entry: Mapping[str, Any]) -> None:
    step = str(entry.get("step", ""))
    job.ended = datetime.fromisoformat(entry["time"])
    job.began = job.began or job.ended
    if "jobResult" in entry:
        job.result = str(entry["jobResult"])
    if step and "stepResult" in entry and entry.get("stage") in ("Main", None):
        job.steps[step] = str(entry["stepResult"])
    if entry.get("raw_output"):
        job.output.setdefault(step, []).append(str(entry.get("msg", "")).rstrip("\n"))
    if entry.get("command") == "summary":
        job.summary += str(entry.get("content", ""))


def workflow_file(name: str) -> dict[str, Any]:
    """A workflow as data."""
    return dict(yaml.safe_load((ROOT / ".github/workflows" / name).read_text(encoding="utf-8")))


PYTHON = os.path.realpath(sys.executable)
