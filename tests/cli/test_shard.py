"""`sluice eval --shard I/N` and `sluice merge`: the parts of a suite are one run, case by case, also after a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.stored_state import judgement, move_state
from miniature import SUITE, commit, edit_prompt, write
from servers.tgi_contract import text_of

from sluice.journal import parse

SOURCE = Path(__file__).resolve().parents[2] / "src"
BRIEF = "Answer with the last word.\nBe very brief."


def journal(root, suite="answer"):
    [path] = root.glob(f".sluice/runs/{suite}/*/journal.jsonl")
    return list(parse(path, path.read_bytes()))


def answers(root):
    """Completion key -> batch and text, and the header with plan and reused answers: a run without its clock."""
    records = journal(root)
    head = 1 + records[0]["reused"]
    found = {}
    for record in records[head:]:
        for key, outcome in record.get("outcomes", {}).items():
            assert key not in found, "nothing is asked twice"
            found[key] = (record["batch"], outcome.get("text"), outcome.get("error"))
    return records[:head], found


def sharded(sluice, root, count, *options):
    """Run every part from a state of its own; return the states."""
    states = []
    for number in range(1, count + 1):
        code, out, err = sluice("eval", "--shard", f"{number}/{count}", *options)
        assert code == 0, out + err
        states.append(str(move_state(root, f"part-{number}")))
    return states


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_parts_of_a_suite_merge_into_the_run(repository, server, sluice, count):
    edit_prompt(repository, "trade places")
    code, _, _ = sluice("eval", "--complete")
    whole, stored, asked = judgement(repository), answers(repository), len(server.generations)
    move_state(repository, "whole")
    states = sharded(sluice, repository, count, "--complete")
    assert len(server.generations) == 2 * asked, "all parts together ask what one run asks"
    assert sluice("merge", *states)[0] == 0
    assert answers(repository) == stored
    assert sluice("eval", "--complete", "--stored")[0] == code
    assert judgement(repository) == whole
    assert len(server.generations) == 2 * asked


def test_both_sides_of_a_case_are_asked_in_one_part(repository, server, sluice):
    edit_prompt(repository, BRIEF)
    sluice("eval", "--shard", "1/2", "--complete")
    questions = [text_of_body(call.body) for call in server.generations]
    assert questions and {questions.count(question) for question in questions} == {2}
    assert 100 <= len(set(questions)) <= 200, "a part is about its share"


def text_of_body(body):
    return body["messages"][-1]["content"]


def test_a_run_that_would_have_stopped_early_says_the_same(repository, server, sluice):
    """Parts answer all looks, because none of them can judge; the judgement still stops at the look that decides."""
    edit_prompt(repository, "Answer never.")
    code, _, _ = sluice("eval")
    whole = json.loads(judgement(repository))
    move_state(repository, "whole")
    states = sharded(sluice, repository, 3)
    assert sluice("merge", *states)[0] == 0
    assert sluice("eval", "--stored")[0] == code == 1
    parts = json.loads(judgement(repository))
    assert parts["verdict"] == whole["verdict"] and whole["verdict"]["suites"][0]["look"] == 2
    assert parts["suites"][0]["comparison"] == whole["suites"][0]["comparison"]
    assert parts["suites"][0]["usage"]["calls"] > whole["suites"][0]["usage"]["calls"], "and that cost more, as it says"


def test_merging_is_the_same_in_any_order_and_again(repository, server, sluice):
    edit_prompt(repository, BRIEF)
    states = sharded(sluice, repository, 3, "--complete")
    contents = []
    for order in (states, states[::-1], [states[1], states[0], states[2]]):
        shutil.rmtree(repository / ".sluice", ignore_errors=True)
        for state in order:
            assert sluice("merge", state)[0] == 0
        assert "0 of them merged; 0 new answers" in sluice("merge", *order)[1]
        shutil.rmtree(repository / ".sluice")
        assert sluice("merge", *order)[0] == 0
        contents.append(journal(repository))
    assert contents[0] == contents[1] == contents[2]


def test_a_part_that_is_missing_is_said_and_asked_for(repository, server, sluice):
    edit_prompt(repository, BRIEF)
    states = sharded(sluice, repository, 3, "--complete")
    assert sluice("merge", *states[:2])[0] == 0
    code, _, err = sluice("eval", "--complete", "--stored")
    assert code == 4 and "calls without a stored answer" in err
    before = len(server.generations)
    assert sluice("eval", "--complete")[0] == 0
    assert 0 < len(server.generations) - before < 300, "only the missing part is asked"


def test_a_part_goes_on_where_it_was_cut(repository, server, sluice):
    edit_prompt(repository, BRIEF)
    sluice("eval", "--complete")
    whole, stored = judgement(repository), answers(repository)
    move_state(repository, "whole")
    first = sharded(sluice, repository, 2, "--complete")
    [cut] = Path(first[1]).glob("runs/answer/*/journal.jsonl")
    lines = cut.read_bytes().splitlines(keepends=True)
    cut.write_bytes(b"".join(lines[: len(lines) // 2]) + lines[-1][:30])
    (Path(first[1]) / "cache" / "completions.sqlite").unlink()
    before = len(server.generations)
    shutil.copytree(first[1], repository / ".sluice")
    assert sluice("eval", "--complete", "--shard", "2/2")[0] == 0
    assert 0 < len(server.generations) - before < 300
    again = str(move_state(repository, "again"))
    assert sluice("merge", first[0], first[1], again)[0] == 0, "what was cut is the beginning of what went on"
    assert answers(repository) == stored
    assert sluice("eval", "--complete", "--stored")[0] == 0
    assert judgement(repository) == whole


def test_errors_of_a_part_are_its_answers(repository, tgi, sluice, monkeypatch):
    from servers.tgi_contract import ContractError

    def answer(generation):
        number = int(text_of(generation.messages[-1]).split("number ")[1].split()[0])
        return ContractError(422, "no", "validation") if number == 5 else text_of(generation.messages[-1]).split()[-1]

    monkeypatch.setenv("SLUICE_ENDPOINT", tgi(answer).url)
    edit_prompt(repository, BRIEF)
    told = []
    for number in (1, 2):
        code, out, _ = sluice("eval", "--complete", "--shard", f"{number}/2", "--format", "json")
        assert code == 0
        told.append(json.loads(out)["suites"][0])
        move_state(repository, f"part-{number}")
    assert sum(one["errors"] for one in told) == 2
    assert sum(one["calls"] for one in told) == 600
    states = [str(repository.parent / f"{repository.name}-part-{number}") for number in (1, 2)]
    assert sluice("merge", *states)[0] == 0
    sluice("eval", "--complete", "--stored")
    kept = json.loads((repository / ".sluice" / "last-judgement.json").read_bytes())
    assert kept["summary"]["suites"]["answer"]["errors"] == 1


def test_two_runs_of_one_part_are_refused(repository, server, sluice):
    edit_prompt(repository, BRIEF)
    sluice("eval", "--complete", "--shard", "1/2")
    first = move_state(repository, "first")
    sluice("eval", "--complete", "--shard", "1/2")
    second = move_state(repository, "second")
    code, _, err = sluice("merge", str(first), str(second))
    assert code == 4 and "two runs of answer got answers of their own" in err
    assert not (repository / ".sluice" / "runs").exists()


def test_parts_that_start_from_different_caches_are_refused(repository, server, sluice):
    edit_prompt(repository, BRIEF)
    states = sharded(sluice, repository, 2, "--complete")
    shutil.copytree(states[0], repository / ".sluice")
    shutil.rmtree(repository / ".sluice" / "runs")
    sluice("eval", "--complete", "--shard", "2/2")
    other = str(move_state(repository, "other"))
    code, _, err = sluice("merge", states[0], other)
    assert code == 4 and "planned apart" in err


def test_suites_that_share_requests_are_refused_before_anything_is_written(repository, server, sluice):
    write(repository, "evals/again.yaml", {**SUITE, "gates": {"correct": {"max_drop": 0.1}}})
    commit(repository)
    edit_prompt(repository, BRIEF)
    code, _, err = sluice("eval", "--shard", "1/2")
    assert code == 4 and "again and answer share requests" in err
    assert not (repository / ".sluice" / "runs").exists()
    assert sluice("eval", "--shard", "1/2", "answer")[0] == 0


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/", "/2", "a/2", "1/2/3", "1/1001", "job/2", "-1/2", "１/2"])
def test_what_is_no_part_is_a_usage_error(repository, sluice, text, monkeypatch):
    monkeypatch.delenv("JOB_COMPLETION_INDEX", raising=False)
    code, _, err = sluice("eval", f"--shard={text}")
    assert code == 2 and "--shard" in err


def test_the_index_of_a_job_counts_from_zero(repository, server, sluice, monkeypatch):
    edit_prompt(repository, BRIEF)
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    code, out, _ = sluice("eval", "--complete", "--shard", "job/3")
    assert code == 0 and "shard 2/3, answer: 200 calls, all answered" in out
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "3")
    assert sluice("eval", "--complete", "--shard", "job/3")[0] == 2


@pytest.mark.parametrize("option", ["--stored", "--retry-errors"])
def test_a_part_judges_nothing(repository, server, sluice, option):
    code, _, err = sluice("eval", "--shard", "1/2", option)
    assert code == 2 and option in err


def test_nothing_affected_is_no_call(repository, server, sluice):
    code, out, _ = sluice("eval", "--shard", "1/2")
    assert code == 0 and "nothing is affected" in out
    assert server.generations == []


@pytest.mark.slow
def test_a_part_that_was_killed_goes_on_and_merges_into_the_run(repository, tgi, sluice, monkeypatch):
    def answer(generation):
        time.sleep(0.02)
        return text_of(generation.messages[-1]).split()[-1]

    server = tgi(answer)
    monkeypatch.setenv("SLUICE_ENDPOINT", server.url)
    edit_prompt(repository, BRIEF)
    assert sluice("eval", "--complete")[0] == 0
    whole, stored, asked = judgement(repository), answers(repository), len(server.generations)
    move_state(repository, "whole")
    assert sluice("eval", "--complete", "--shard", "1/2")[0] == 0
    first = move_state(repository, "part-1")
    command = [sys.executable, "-m", "sluice.cli", "eval", "--complete", "--shard", "2/2"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(command, cwd=repository, env=environment, stderr=subprocess.DEVNULL)
    while not any(b'"outcomes"' in path.read_bytes() for path in repository.glob(".sluice/runs/answer/*/*.jsonl")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert sluice("eval", "--complete", "--shard", "2/2")[0] == 0
    assert len(server.generations) - 2 * asked <= 8, "at most what was in flight is asked twice"
    second = move_state(repository, "part-2")
    assert sluice("merge", str(first), str(second))[0] == 0
    assert answers(repository) == stored
    assert sluice("eval", "--complete", "--stored")[0] == 0
    assert judgement(repository) == whole
