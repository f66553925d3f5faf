"""Killed anywhere and resumed, two at once, and an API server that is gone for a while."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from e2e.cluster.portal import Heard

pytestmark = pytest.mark.slow
DRIVER = Path(__file__).with_name("killed.py")
SOURCE = Path(__file__).resolve().parents[3] / "src"


def start(here, wanted, directory, point=0, during=False):
    """Roll a release out in another process."""
    told = {
        "kubectl": str(here.plane.kubectl), "kubeconfig": str(here.plane.kubeconfig), "release": asdict(wanted),
        "point": point, "during": during,
    }  # fmt: skip
    directory.mkdir(exist_ok=True)
    (directory / "site.json").write_text(json.dumps(told))
    return subprocess.Popen(
        [sys.executable, str(DRIVER), str(directory / "site.json")],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def state(here):
    """What is left when all is done, whatever way it went."""
    kinds = "deployments,services,jobs,configmaps"
    return {(one["kind"], one["metadata"]["name"]) for one in here.get(kinds)["items"]}


def test_killed_at_ten_points_and_resumed(site, tmp_path):
    here = site(2)
    here.roll(here.release(1, prompt="p1", model="m1"))
    deaths = 0
    for point in range(1, 11):
        number = point + 1
        wanted = here.release(number, prompt=f"p{number}", model=f"m{number}", strategy="recreate")
        killed = start(here, wanted, tmp_path / str(point), (point + 1) // 2, during=point % 2 == 0)
        killed.communicate(timeout=120)
        deaths += killed.returncode == -signal.SIGKILL
        done = here.roll(wanted)
        assert done.healthy, done.failures
        known = here.ledger()
        assert known.healthy.number == number and known.attempt is None
        images = {pod["spec"]["containers"][0]["image"] for pod in here.pods("tgi").values()}
        assert images == {f"registry.example/tgi:m{number}"}
        wanted_names = {(value["kind"], value["metadata"]["name"]) for value in wanted.objects}
        assert wanted_names - {("Namespace", here.namespace)} <= state(here)
        assert {name for kind, name in state(here) if kind == "Job"} == {n for k, n in wanted_names if k == "Job"}
    assert deaths == 10


def test_of_two_at_once_one_rolls_out_and_the_other_is_told(site, tmp_path):
    here = site(2)
    here.roll(here.release(1))
    slow = {"sluice.test/ready-after": "8s"}
    wanted = here.release(2, model="two", behave=slow)
    both = [start(here, wanted, tmp_path / name) for name in ("a", "b")]
    told = [one.communicate(timeout=120)[1] for one in both]
    assert sorted(one.returncode for one in both) == [0, 4], told
    refused = told[0] if both[0].returncode else told[1]
    assert "another rollout" in refused
    assert here.ledger().healthy.number == 2 and here.ready("tgi") == 1


@pytest.mark.parametrize("pause", [False, True])
def test_an_api_server_that_is_gone_for_a_while_is_waited_for(site, pause):
    here = site(2)
    here.roll(here.release(1))
    heard, outcome = Heard(), []
    wanted = here.release(2, model="two", behave={"sluice.test/ready-after": "5s"})
    thread = threading.Thread(target=lambda: outcome.append(here.roll(wanted, heard, lease=5)))
    thread.start()
    deadline = time.monotonic() + 30
    while not heard.states and time.monotonic() < deadline:
        time.sleep(0.1)
    process = here.plane.processes["kube-apiserver"]
    if pause:
        process.send_signal(signal.SIGSTOP)
        time.sleep(6)
        process.send_signal(signal.SIGCONT)
    else:
        here.plane.kill("kube-apiserver")
        time.sleep(6)
        here.plane.launch("kube-apiserver")
    here.plane.wait_served()
    thread.join(timeout=120)
    assert outcome and outcome[0].healthy, heard.words
    assert here.ledger().healthy.number == 2
    assert pause or any("does not answer" in words for words in heard.words)
