"""The real promptfoo, pinned by package-lock.json beside this file; scripts/test-promptfoo installs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outside_tools import ROOT, missing

HOME = ROOT / ".cache/promptfoo"
PROGRAM = HOME / "node_modules/promptfoo/dist/src/entrypoint.js"
VERSION = json.loads((Path(__file__).parent / "package.json").read_text("utf-8"))["dependencies"]["promptfoo"]
_OFF = ("TELEMETRY", "UPDATE", "REMOTE_GENERATION", "SHARING", "REDTEAM_REMOTE_GENERATION", "ADAPTIVE_SCHEDULER")


@dataclass(frozen=True)
class Row:
    """One evaluated case: `error` where an assertion or the provider could not run."""

    id: str
    vars: dict[str, Any]
    prompt: str
    output: str
    passed: bool
    score: float
    named: dict[str, float]
    error: bool
    said: str


def environment(home: Path) -> dict[str, str]:
    """Everything that would leave this machine is off; state goes to a directory of the test."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    off = {f"PROMPTFOO_DISABLE_{name}": "1" for name in _OFF}
    places = {"HOME": str(home), "PROMPTFOO_CONFIG_DIR": str(home / "state"), "PROMPTFOO_LOG_DIR": str(home / "logs")}
    return kept | off | places | {"NO_COLOR": "1", "CI": "1", "NODE_NO_WARNINGS": "1"}


def run(home: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of promptfoo, or skip in words where it is not installed."""
    node = shutil.which("node")
    if node is None or not PROGRAM.is_file():
        missing(f"promptfoo {VERSION} is not installed here; scripts/test-promptfoo (with Node and npm) brings it")
    return subprocess.run(
        [node, str(PROGRAM), *arguments],
        cwd=cwd, env=environment(home), capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def evaluate(home: Path, config: Path, *options: str) -> dict[str, Any]:
    """Return what `promptfoo eval` wrote: 0 is all passed, 100 is that something did not."""
    out = home / f"{config.stem}.out.json"
    answer = run(
        home, "eval", "-c", config.name, "-o", str(out), "--no-write", "--no-cache", "--no-table", "--no-progress-bar",
        *options, cwd=config.parent,
    )  # fmt: skip
    assert answer.returncode in (0, 100), answer.stdout + answer.stderr
    return json.loads(out.read_text("utf-8"))


def rows(evaluated: dict[str, Any]) -> list[Row]:
    """Return the cases in the order of the configuration: tests, then prompts."""
    results = sorted(evaluated["results"]["results"], key=lambda one: (one["testIdx"], one["promptIdx"]))
    return [
        Row(
            id=str((one.get("metadata") or {}).get("id")),
            vars=one["vars"],
            prompt=one["prompt"]["raw"],
            output=_text(one["testCase"].get("providerOutput") or (one.get("response") or {}).get("output")),
            passed=one["success"],
            score=one["score"],
            named=one.get("namedScores") or {},
            error=one["failureReason"] == 2,
            said=str(one.get("error") or (one.get("gradingResult") or {}).get("reason")),
        )
        for one in results
    ]


def _text(output: Any) -> str:
    """Return a recorded output, or an answer, as the text that assertions see."""
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, separators=(",", ":"))
