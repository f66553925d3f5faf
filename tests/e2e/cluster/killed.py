"""A rollout in a process of its own that dies at a chosen request: `killed.py SITE.json`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from sluice.errors import SluiceError
from sluice.rollout import cluster as clusters
from sluice.rollout.apply import Settings, rollout
from sluice.rollout.cluster import Cluster
from sluice.rollout.health import Health
from sluice.rollout.release import release

WRITES = {"apply", "create", "replace", "delete"}


class Teller:
    """Tells on standard error."""

    def said(self, words: str) -> None:
        sys.stderr.write(words + "\n")

    def waits(self, states: list[Health]) -> None:
        return None


def die_at(point: int, during: bool) -> None:
    """Let this process be killed before its n-th writing request, or while that one runs."""
    real, seen, lock = subprocess.run, 0, threading.Lock()

    def run(command: list[str], **settings: Any) -> Any:
        nonlocal seen
        if threading.current_thread() is threading.main_thread() and WRITES & set(command):
            with lock:
                seen += 1
            if seen == point:
                if during:
                    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
                    child.communicate(settings.get("input"))
                os.kill(os.getpid(), signal.SIGKILL)
        return real(command, **settings)

    clusters.subprocess.run = run  # type: ignore[attr-defined]


def main() -> int:
    """Roll out; the exit code says how it ended."""
    told = json.loads(Path(sys.argv[1]).read_text())
    if told["point"]:
        die_at(told["point"], told["during"])
    wanted = release(**told["release"])
    cluster = Cluster(told["kubectl"], told["kubeconfig"], patience=60.0)
    try:
        done = rollout(cluster, wanted, Teller(), Settings(timeout=60.0, poll=0.3, lease=2))
    except SluiceError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    return 0 if done.healthy else 1


if __name__ == "__main__":
    sys.exit(main())
