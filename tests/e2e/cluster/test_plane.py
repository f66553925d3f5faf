"""The control plane of these tests itself: nothing of it outlives whoever started it, however that one ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
TESTS = Path(__file__).resolve().parents[2]


def command(*words):
    return [sys.executable, "-m", "e2e.cluster.plane", *map(str, words)]


def alive(directory):
    """Processes whose command line names this directory."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [place.parent.name] if str(directory).encode() in place.read_bytes() else []
        except OSError:
            continue
    return set(found) - {str(os.getpid())}


def gone(directory):
    deadline = time.monotonic() + 10
    while alive(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not alive(directory)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed process")
def test_up_and_down_and_a_killed_keeper(plane, tmp_path):
    here = tmp_path / "cluster"
    started = subprocess.run(command("up", here, "--gpus", 1), cwd=TESTS, capture_output=True, text=True, check=True)
    assert started.stdout.startswith(f"export KUBECONFIG={here}/kubeconfig")
    kubectl = [here / "bin/kubectl", "--kubeconfig", here / "kubeconfig", "get", "node", "-o", "name"]
    assert subprocess.run(kubectl, capture_output=True, text=True, check=True).stdout == "node/node-0\n"
    assert len(alive(here)) >= 5
    subprocess.run(command("down", here), cwd=TESTS, check=True)
    assert gone(here) and not (here / "keys").exists()
    subprocess.run(command("up", here), cwd=TESTS, capture_output=True, check=True)
    os.kill(int((here / "keeper").read_text()), signal.SIGKILL)
    assert gone(here)
    subprocess.run(command("down", here), cwd=TESTS, check=True)
