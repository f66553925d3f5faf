"""Ctrl-C, once or twice: exit code 4, no traceback, a journal that the next run goes on from."""

import os
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

SOURCE = Path(__file__).resolve().parents[2] / "src"


def answer(generation):
    time.sleep(0.05)
    return text_of(generation.messages[-1]).split()[-1]


@pytest.fixture(autouse=True)
def _ctrl_c():
    """A shell's background job ignores SIGINT, and so would all that it starts, these tests' evals too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start(root, url):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "SLUICE_ENDPOINT": url, "CI": "true"}
    command = [sys.executable, "-m", "sluice.cli", "eval", "--complete"]
    return subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0, text=True
    )


def wait_for_a_record(root, process):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        for path in root.glob(".sluice/runs/answer/*/journal.jsonl"):
            if b'"outcomes"' in path.read_bytes():
                return path
        time.sleep(0.02)
    raise AssertionError(f"nothing was journalled: {process.communicate()}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "pauses"),
    [
        pytest.param(signal.SIGINT, (), marks=pytest.mark.fault("SIGINT", "stop with exit code 4")),
        pytest.param(signal.SIGINT, (0.02,), marks=pytest.mark.fault("SIGINT twice", "stop with exit code 4")),
        (signal.SIGINT, (0.1, 0.1)),
        pytest.param(signal.SIGTERM, (0.2,), marks=pytest.mark.fault("SIGTERM", "stop with exit code 4")),
    ],
)
def test_interrupts_end_with_exit_code_4_and_keep_the_journal(tmp_path, tgi, pauses, number):  # noqa: F811
    server = tgi(answer)
    miniature(tmp_path, count=60, suite={"gates": {"correct": {"max_drop": 0.3}}})
    edit_prompt(tmp_path, "Answer with the last word.\nBe brief, and kind.")
    process = start(tmp_path, server.url)
    journal = wait_for_a_record(tmp_path, process)
    process.send_signal(number)
    for pause in pauses:
        time.sleep(pause)
        process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 4, said
    assert "what was answered is kept" in said
    assert "Traceback" not in said and "Exception ignored" not in said
    data = journal.read_bytes()
    assert list(parse(journal, data[: data.rfind(b"\n") + 1]))

    again = start(tmp_path, server.url)
    out, said = again.communicate(timeout=120)
    assert again.returncode == 0, out + said
