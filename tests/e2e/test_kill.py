"""`kill -9` at random moments, then the same command: the same result, and nothing journalled is asked for twice."""

import collections
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from miniature import edit_prompt, miniature
from servers.fixtures import tgi  # noqa: F401 - the fixture is used by name
from servers.tgi_contract import text_of

from sluice.journal import parse

KILLS = 20
CONCURRENCY = 8
SOURCE = Path(__file__).resolve().parents[2] / "src"


def answer(generation):
    time.sleep(0.002)
    return text_of(generation.messages[-1]).split()[-1] if "brief" in text_of(generation.messages[0]) else "no"


def start(root, url):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "SLUICE_ENDPOINT": url, "CI": "true"}
    command = [sys.executable, "-m", "sluice.cli", "eval", "--complete", "--format", "json"]
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0
    )


def told(output):
    """The judgement without what time decides."""
    judgement = json.loads(output)
    cases = {
        pair["info"]["id"]: (pair["base"][0]["output"], pair["head"][0]["output"], pair["change"])
        for pair in judgement["suites"][0]["comparison"]["pairs"]
    }
    return judgement["verdict"]["word"], cases


def repository(root):
    root.mkdir()
    miniature(root, count=170)
    edit_prompt(root, "Answer with the last word.\nBe brief, and kind.")
    return root


def journalled(root):
    counts = collections.Counter()
    for path in root.glob(".sluice/runs/answer/*/journal.jsonl"):
        data = path.read_bytes()
        for record in parse(path, data[: data.rfind(b"\n") + 1]):
            counts.update(list(record.get("outcomes", {})))
    return counts


@pytest.mark.slow
@pytest.mark.fault("SIGKILL at any moment", "the same command goes on; nothing journalled is asked again")
def test_killed_runs_end_like_uninterrupted_ones(tmp_path, tgi):  # noqa: F811
    server = tgi(answer)
    whole = repository(tmp_path / "whole")
    expected, _ = start(whole, server.url).communicate(timeout=120)
    needed = len(server.generations)
    assert needed == 340

    killed = repository(tmp_path / "killed")
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    for _ in range(KILLS):
        process = start(killed, server.url)
        time.sleep(rng.uniform(0.05, 1.2))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    process = start(killed, server.url)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 0, f"seed {seed}"
    assert told(output) == told(expected), f"seed {seed}"
    answered = journalled(killed)
    assert len(answered) == needed
    assert set(answered.values()) == {1}, f"seed {seed}: something journalled was asked for again"
    assert len(server.generations) - needed <= needed + (KILLS + 1) * CONCURRENCY
