"""`sluice serve` and `sluice eval --serve` through a container runtime that is strict about what it is sent."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from judge import judged
from miniature import MODEL, commit, edit_prompt, write
from servers.containers import cached, install, ran, read_run

from sluice.serving.containers import place_of

SOURCE = Path(__file__).resolve().parents[2] / "src"
HUB, REVISION = MODEL["source"]["hub"], MODEL["source"]["revision"]


@pytest.fixture
def nothing_installed(tmp_path_factory, monkeypatch):
    """A path with Git alone."""
    directory = tmp_path_factory.mktemp("bin")
    (directory / "git").symlink_to(shutil.which("git"))
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.fixture
def containers(nothing_installed, tmp_path_factory, monkeypatch):
    """The state of a Docker that answers; at the end nothing runs, and nothing was sent that it does not take."""
    state = tmp_path_factory.mktemp("containers")
    install(nothing_installed, "docker")
    monkeypatch.setenv("CONTAINERS", str(state))
    yield state
    left = list(state.glob("*.container"))
    for path in left:
        os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)
    assert not left, "a container was left behind"
    assert not (state / "violations").exists(), (state / "violations").read_text()


@pytest.fixture
def weights(repository, tmp_path_factory, monkeypatch):
    """A hub's cache with the model's weights."""
    cache = tmp_path_factory.mktemp("hub")
    cached(cache, HUB, REVISION)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    return cache


def start(root, *words):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "CI": "true"}
    return subprocess.Popen(
        [sys.executable, "-m", "sluice.cli", *(words or ("serve", "served"))],
        cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0,
    )  # fmt: skip


def stopped(process, number=signal.SIGTERM):
    """Send a signal; return the exit code and what was said."""
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    return process.returncode, said


def served(process):
    """Read until the server is healthy; return the lines."""
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if "is healthy" in line:
            return lines
    raise AssertionError(process.communicate())


@pytest.fixture(autouse=True)
def _ctrl_c():
    """A shell's background job ignores SIGINT, and so would all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_is_shown_started_kept_in_a_log_and_stopped_by_a_signal(repository, containers, weights, number):
    process = start(repository)
    lines = served(process)
    [asked] = ran(containers)
    assert shlex.split(lines[0])[1:2] == ["run"] and read_run(shlex.split(lines[0])[2:]) == asked
    url = lines[1].removeprefix("export SLUICE_ENDPOINT_SERVED=")
    assert json.loads(urllib.request.urlopen(f"{url}/info").read())["model_id"] == asked.environment["MODEL_ID"]
    code, said = stopped(process, number)
    assert code == 0, said
    assert "served is stopped" in said and "Traceback" not in said
    [log] = (repository / ".sluice/serve").glob("*.log")
    assert "the engine loads" in log.read_text()


def test_a_dry_run_prints_the_command_and_needs_nothing(repository, nothing_installed, sluice):
    code, out, _ = sluice("serve", "served", "--dry-run", "--port", "4321")
    words = shlex.split(out)
    assert code == 0 and words[:2] == ["docker", "run"]
    assert "127.0.0.1:4321:8080" in words and MODEL["serving"]["image"] in words
    assert not (repository / ".sluice").exists()


def test_weights_of_the_hub_are_mounted_with_what_their_links_lead_to(repository, weights, sluice):
    _, out, _ = sluice("serve", "served", "--dry-run")
    mounts = [word for word in shlex.split(out) if word.startswith("type=bind")]
    snapshot = next(weights.glob(f"*/snapshots/{REVISION}")).resolve()
    assert mounts[0].startswith(f"type=bind,source={snapshot},target=/weights/") and mounts[0].endswith(",readonly")
    assert mounts[1] == f"type=bind,source={snapshot.parents[1]}/blobs,target=/blobs,readonly"


def test_without_a_runtime_it_says_what_to_install(repository, nothing_installed, weights, sluice):
    code, _, err = sluice("serve", "served")
    assert code == 4
    assert "docker: not installed; podman: not installed" in err and "--engine local" in err


def test_a_runtime_whose_daemon_is_down_says_so_and_the_other_is_taken(repository, containers, weights, sluice):
    (containers / "down").touch()
    code, _, err = sluice("serve", "served")
    assert code == 4 and "docker: Cannot connect to the daemon. Is it running?" in err


def test_podman_is_taken_where_there_is_no_docker(repository, containers, nothing_installed, weights):
    install(nothing_installed, "podman")
    (nothing_installed / "docker").unlink()
    process = start(repository)
    assert "podman run" in served(process)[0]
    assert stopped(process)[0] == 0


def test_weights_that_are_not_here_are_named_with_what_fetches_them(repository, containers, sluice, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(repository / "none"))
    code, _, err = sluice("serve", "served")
    assert code == 4 and f"hf download {HUB} --revision {REVISION}" in err


def test_an_engine_that_ends_before_it_serves_is_told_with_its_log(repository, containers, weights, sluice):
    (containers / "behaviour.json").write_text('{"ends": 3}')
    code, _, err = sluice("serve", "served")
    assert code == 4
    assert "ended with status 3 before it served" in err and "no GPU has room" in err


def test_a_server_that_stays_unhealthy_is_stopped_after_the_time_out(repository, containers, weights, sluice):
    (containers / "behaviour.json").write_text('{"unhealthy": true}')
    code, _, err = sluice("serve", "served", "--timeout", "1.5")
    assert code == 4
    assert "not healthy within 1.5 seconds: it says status 503" in err


def test_a_server_that_ends_by_itself_is_exit_4(repository, containers, weights, sluice):
    (containers / "behaviour.json").write_text('{"lives": 1}')
    code, _, err = sluice("serve", "served")
    assert code == 4 and "ended by itself with status 1" in err


def test_a_port_that_is_taken_is_not_taken_for_the_server(repository, containers, weights, tgi, sluice):
    port = tgi().url.rpartition(":")[2]
    code, out, err = sluice("serve", "served", "--port", port)
    assert code == 4 and f"port {port} cannot be used" in err and "export" not in out
    assert ran(containers) == []


@pytest.mark.parametrize("words", [("serve", "served"), ("eval", "--serve")])
def test_an_interrupt_while_it_loads_leaves_nothing(repository, containers, weights, words):
    (containers / "behaviour.json").write_text('{"loads": 60}')
    edit_prompt(repository, "Answer never.")
    process = start(repository, *words)
    while not list(containers.glob("*.container")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    assert stopped(process, signal.SIGINT)[0] == 4


def test_after_a_kill_the_next_start_removes_what_was_left(repository, containers, weights):
    first = start(repository)
    served(first)
    stopped(first, signal.SIGKILL)
    assert list(containers.glob("*.container")), "a container outlives the process that started it"
    again = start(repository)
    served(again)
    assert len(list(containers.glob("*.container"))) == 1
    code, said = stopped(again)
    assert code == 0 and "which a sluice that was killed left behind" in said


def test_a_living_server_is_neither_removed_nor_started_twice(repository, containers, weights, sluice):
    first = start(repository)
    served(first)
    code, _, err = sluice("serve", "served")
    assert code == 4 and "another sluice serves" in err
    assert first.poll() is None and len(ran(containers)) == 1
    assert stopped(first)[0] == 0


def test_an_eval_starts_the_server_that_it_needs_and_stops_it(repository, containers, weights, sluice):
    edit_prompt(repository, "Answer never.")
    code, out, err = sluice("eval", "--serve")
    assert code == 1, out + err
    assert len(ran(containers)) == 1, "base and head have one model, so one server"
    assert f"docker run --rm --name sluice-{place_of(repository / '.sluice')}" in err
    [tally] = [json.loads(path.read_text()) for path in containers.glob("*.served")]
    assert tally[0] > 0 and tally[1] == []
    assert sluice("eval", "--serve")[0] == 1
    assert len(ran(containers)) == 1, "every answer is known, so no server is started again"


def test_another_model_on_head_is_a_second_server(repository, containers, weights, sluice):
    serving = {**MODEL["serving"], "arguments": {"max_total_tokens": 2048}}
    write(repository, "models/served.yaml", {**MODEL, "serving": serving})
    code, out, err = sluice("eval", "--serve", "--complete")
    assert code == 0, out + err
    told = [asked.environment.get("MAX_TOTAL_TOKENS") for asked in ran(containers)]
    assert sorted(told, key=str) == ["2048", None]
    assert len({asked.port for asked in ran(containers)}) == 2


def test_an_interrupted_eval_stops_its_server_and_goes_on_with_the_next(repository, containers, weights, sluice):
    (containers / "behaviour.json").write_text('{"takes": 0.05}')
    edit_prompt(repository, "Answer never.")
    process = start(repository, "eval", "--serve", "--complete")
    while not any(b'"outcomes"' in path.read_bytes() for path in repository.glob(".sluice/runs/answer/*/*.jsonl")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    code, said = stopped(process, signal.SIGTERM)
    assert code == 4 and "what was answered is kept" in said
    assert not list(containers.glob("*.container"))
    (containers / "behaviour.json").unlink()
    assert sluice("eval", "--serve", "--complete")[0] == 1
    assert len(ran(containers)) == 2


def test_an_eval_whose_server_does_not_start_cannot_judge(repository, containers, weights, sluice):
    (containers / "behaviour.json").write_text('{"ends": 1}')
    edit_prompt(repository, "Answer never.")
    code, _, err = sluice("eval", "--serve")
    assert code == 4 and "before it served" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--engine", "tgi"), "add it"),
        (("--serve", "--engine", "tig"), "invalid choice"),
        (("--serve", "--timeout", "0"), "no number of seconds"),
    ],
)
def test_options_that_contradict_each_other_are_usage_errors(repository, sluice, words, said):
    code, _, err = sluice("eval", *words)
    assert code == 2 and said in err


def test_stored_answers_of_servers_are_judged_without_one(
    repository, containers, nothing_installed, weights, sluice, monkeypatch
):
    """As in a workflow: the variable holds in every job, and only the shards' machine has a runtime."""
    monkeypatch.setenv("SLUICE_SERVE", "1")
    edit_prompt(repository, "Answer never.")
    plan = json.loads(sluice("plan", "--format", "json")[1])
    assert plan["suites"][0]["engine"] == "served on tgi"
    assert sluice("eval", "answer")[0] == 1
    (nothing_installed / "docker").unlink()
    code, out, _ = sluice("eval", "--stored")
    assert code == 1 and "tgi" in out
    assert len(ran(containers)) == 1


def test_doctor_says_whether_servers_can_be_started(repository, containers, sluice, monkeypatch):
    monkeypatch.setenv("SLUICE_SERVE", "1")
    assert "served on tgi, started by evals in docker" in sluice("doctor")[1]
    (containers / "down").touch()
    assert "evals start served on tgi, and nothing here can" in sluice("doctor")[1]


def test_an_endpoint_and_a_server_to_start_contradict_each_other(repository, server, sluice):
    code, _, err = sluice("eval", "--serve")
    assert code == 2 and "SLUICE_ENDPOINT names one that runs already" in err


def test_the_served_model_is_the_committed_one_of_each_side(repository, containers, weights, sluice):
    """Base's weights are base's, though head names others: each container is told its own."""
    other = {**MODEL["source"], "revision": "c" * 40}
    cached(weights, HUB, "c" * 40)
    write(repository, "models/served.yaml", {**MODEL, "source": other})
    commit(repository)
    code, _, err = sluice("eval", "--serve", "--base", "HEAD~1", "--head", "HEAD", "--complete")
    assert code == 0, err
    assert len({asked.environment["MODEL_ID"] for asked in ran(containers)}) == 2


def test_a_judge_is_served_too(repository, containers, weights, sluice):
    judged(repository)
    commit(repository)
    edit_prompt(repository, "Answer with the last word, please.")
    code, out, err = sluice("eval", "--serve")
    assert code == 4, "the server is no judge, and answers with what it was asked:\n" + out + err
    assert "nothing here serves" not in out + err
    assert "judge_parse" in (repository / ".sluice" / "last-judgement.json").read_text()
    assert len(ran(containers)) == 1, "it is the model of the prompt, so it is the same server"
