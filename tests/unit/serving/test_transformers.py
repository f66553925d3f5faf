"""`transformers serve` of the embedded model, asked over HTTP, answers as the local engine does."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sluice.catalog import Catalog, WorkingTree, load
from sluice.digest import digest
from sluice.errors import CannotJudge
from sluice.providers.base import Completion, Failure, Message, Provider, Request
from sluice.providers.endpoint import Endpoint
from sluice.results import CaseInfo
from sluice.runner.connect import connect
from sluice.runner.engine import Engine
from sluice.runner.requests import render_request, retriever_of, with_passages
from sluice.runner.scoring import cases_of
from sluice.schema.prompt import Parameters
from sluice.serving.deployment import deployment, locate_weights
from sluice.serving.servers import Wish, prepared, serving
from sluice.serving.start import free_port
from sluice.serving.transformers import NEEDED, lay_out, require_installed

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "src"
MODEL = "portal-small"
CATALOG = load(WorkingTree(ROOT))
installed = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, NEEDED)), reason="the packages of `.[serve]` are not installed"
)


def requests(catalog: Catalog, suite: str, count: int) -> list[Request]:
    value = catalog.suites[suite].value
    prompt = catalog.prompt(value.prompt).value
    retriever = retriever_of(catalog, prompt, value)
    found = []
    for case in cases_of(catalog, value)[:count]:
        asked = with_passages(case, retriever)
        assert isinstance(asked, CaseInfo)
        request = render_request(prompt, asked.row, 0)
        assert isinstance(request, Request)
        found.append(request)
    return found


def answers(provider: Provider, asked: list[Request]) -> list[Completion | Failure]:
    batches = [asked[start : start + provider.batch_size] for start in range(0, len(asked), provider.batch_size)]
    found = {index: outcomes for answered in provider.run(batches) for index, outcomes in answered}
    return [outcome for index in range(len(batches)) for outcome in found[index]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    state = tmp_path_factory.mktemp("state")
    wish = Wish(engine="local", patience=120)
    start = prepared(CATALOG, MODEL, state, wish, lambda line: None)
    with serving(start, state, lambda line: None, wish) as running:
        provider = connect(CATALOG, Engine("local", MODEL, Endpoint(running.url)), state)
        yield provider
        provider.close()


@pytest.mark.slow
@installed
def test_it_says_which_model_it_serves(served: Provider):
    assert (served.identity().engine, served.identity().model) == ("local", MODEL)


@pytest.mark.slow
@installed
def test_greedy_answers_are_those_of_the_local_engine(served: Provider, tmp_path: Path):
    suites = sorted(CATALOG.suites)
    asked = [request for suite in suites for request in requests(CATALOG, suite, 6)]
    asked = [request for request in asked if not request.parameters.stochastic and not request.response_schema]
    assert len(asked) >= 12
    local = connect(CATALOG, Engine("local", MODEL), tmp_path)
    here, there = answers(local, asked), answers(served, asked)
    assert all(isinstance(one, Completion) for one in here)
    assert [one.text for one in there] == [one.text for one in here]
    assert [one.finish_reason for one in there] == [one.finish_reason for one in here]
    assert [one.prompt_tokens for one in there] == [one.prompt_tokens for one in here]
    assert len({one.text for one in here}) > 3, "the answers differ from one another, so equality says something"


@pytest.mark.slow
@installed
def test_stop_sequences_and_lengths_end_answers_alike(served: Provider, tmp_path: Path):
    [request] = requests(CATALOG, "support-answer", 1)
    local = connect(CATALOG, Engine("local", MODEL), tmp_path)
    [whole] = answers(local, [request])
    cut = whole.text[len(whole.text) // 2 :][:6]
    asked = [
        replace(request, parameters=request.parameters.model_copy(update=change))
        for change in ({"stop": (cut,)}, {"max_tokens": 3})
    ]
    here, there = answers(local, asked), answers(served, asked)
    assert [one.text for one in there] == [one.text for one in here]
    assert [one.finish_reason for one in there] == [one.finish_reason for one in here] == ["stop", "length"]


@pytest.mark.slow
@installed
def test_what_does_not_fit_the_context_is_a_failure_here_as_there(served: Provider, tmp_path: Path):
    long = Request((Message("user", "portal " * 500),), Parameters(max_tokens=64, temperature=0))
    local = connect(CATALOG, Engine("local", MODEL), tmp_path)
    [here], [there] = answers(local, [long]), answers(served, [long])
    assert isinstance(here, Failure) and isinstance(there, Failure)
    assert (there.kind, there.message) == (here.kind, here.message)


@pytest.mark.slow
@installed
def test_what_it_would_do_wrongly_is_refused(served: Provider):
    messages = (Message("user", "hello"),)
    schema = Request(messages, Parameters(max_tokens=4, temperature=0), response_schema={"type": "object"})
    with pytest.raises(CannotJudge, match="enforces no JSON schema"):
        answers(served, [schema])
    with pytest.raises(CannotJudge, match="does not sample"):
        answers(served, [Request(messages, Parameters(max_tokens=4, temperature=0.7))])


@pytest.mark.slow
@installed
def test_it_ends_with_the_process_that_started_it(tmp_path: Path):
    port = str(free_port())
    command = [sys.executable, "-m", "sluice.cli", "serve", MODEL, "--engine", "local", "--port", port, "--root"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen([*command, str(ROOT)], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "is healthy" not in process.stdout.readline():
        assert process.poll() is None
    assert listeners(port)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    deadline = time.monotonic() + 30
    while listeners(port):
        assert time.monotonic() < deadline, "the server outlives the process that started it"
        time.sleep(0.2)


def listeners(port: str) -> list[str]:
    """Sockets of this machine that listen at a port, as the kernel lists them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return [line for line in lines if line.split()[1].endswith(f":{int(port):04X}") and line.split()[3] == "0A"]


def test_weights_are_laid_out_as_a_hubs_cache(tmp_path: Path):
    one = deployment(CATALOG, MODEL, "local")
    weights = locate_weights(CATALOG, MODEL, tmp_path)
    for _ in range(2):
        lay_out(tmp_path / "cache", one, weights.directory)
    repository = tmp_path / "cache" / f"models--{MODEL}"
    commit = (repository / "refs/main").read_text()
    assert one.weights == digest(dict(CATALOG.model(MODEL).value.source.files))
    assert one.weights.removeprefix("sha256:").startswith(commit) and len(commit) == 40
    laid = repository / "snapshots" / commit / "model.safetensors"
    assert laid.resolve() == (weights.directory / "model.safetensors").resolve()


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else True)
    with pytest.raises(CannotJudge, match=r"needs uvicorn: pip install '\.\[local,serve\]'"):
        require_installed()
