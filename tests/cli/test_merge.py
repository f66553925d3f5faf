"""Shards by suite, merged, are one run: the same judgement byte for byte, and no model is called for it."""

import json
import shutil

import pytest
from cli.stored_state import judgement, move_state
from miniature import CARD, MODEL, PROMPT, SUITE, commit, edit_prompt, rows, write
from servers.tgi_contract import text_of

from sluice.cache import CompletionCache
from sluice.journal import encode, parse
from sluice.providers.base import Completion


@pytest.fixture
def two(repository):
    """Two suites with prompts and cases of their own; the second prompt is edited so that it fails at a look."""
    other = [{**row, "question": row["question"].replace("Which", "What")} for row in rows(300)]
    write(repository, "prompts/other.yaml", PROMPT)
    write(repository, "datasets/others.yaml", CARD)
    write(repository, "datasets/others.jsonl", other)
    write(repository, "evals/other.yaml", {**SUITE, "prompt": "other", "dataset": "others"})
    commit(repository)
    edit_prompt(repository, "Answer with the last word.\ntrade")
    messages = [{"role": "system", "content": "Answer with the last word, always."}, PROMPT["messages"][1]]
    write(repository, "prompts/other.yaml", {**PROMPT, "messages": messages})
    return repository


@pytest.mark.parametrize("options", [(), ("--complete",)])
def test_two_shards_merged_are_one_run(two, server, sluice, options):
    code, out, err = sluice("eval", *options)
    assert code in (1, 4), out + err
    whole, asked = judgement(two), len(server.generations)
    move_state(two, "whole")

    shards = []
    for shard in ("answer", "other"):
        sluice("eval", shard, *options)
        shards.append(move_state(two, shard))
    assert len(server.generations) == 2 * asked, "a shard asks what the whole run asked for its suite"

    assert sluice("merge", *map(str, shards))[0] == 0
    again = sluice("eval", "--stored", *options)
    assert len(server.generations) == 2 * asked, "the merged run asks nothing"
    assert judgement(two) == whole
    assert again[0] == code


def test_a_base_that_was_sampled_again_survives_the_merge(two, tgi, sluice, monkeypatch):
    """Both suites sample; each shard starts from the same restored cache and asks its reused base once more."""

    def lucky(generation):
        number = int(text_of(generation.messages[-1]).split("number ")[1].split()[0])
        new_sample = (generation.seed or 0) >= 1000
        missed = (number % 3 == 0 and new_sample) or ("trade" in text_of(generation.messages[0]) and number % 7 == 0)
        return "no idea" if missed else text_of(generation.messages[-1]).split()[-1]

    server = tgi(lucky)
    monkeypatch.setenv("SLUICE_ENDPOINT", server.url)

    def edit(words):
        for name in ("answer", "other"):
            messages = [{"role": "system", "content": f"{name}: {words}"}, PROMPT["messages"][1]]
            sampled = {"max_tokens": 16, "temperature": 0.8, "seed": 5}
            write(two, f"prompts/{name}.yaml", {**PROMPT, "messages": messages, "parameters": sampled})

    edit("the last word")
    commit(two)
    edit("only the last word")
    assert sluice("eval", "--complete", "--base", "HEAD")[0] == 0
    restored = move_state(two, "restored")
    edit("trade")
    command = ("eval", "--complete", "--base", "HEAD")

    def start_again(name):
        shutil.copytree(restored, two / ".sluice")
        sluice(*command, *([name] if name != "whole" else []))
        return judgement(two), move_state(two, name)

    whole, _ = start_again("whole")
    assert b"new answers in 300 cases" in whole
    shards = [str(start_again(name)[1]) for name in ("answer", "other")]
    asked = len(server.calls)
    assert sluice("merge", *shards)[0] == 0
    sluice(*command, "--stored")
    assert len(server.calls) == asked
    assert judgement(two) == whole


def test_merged_state_needs_no_server(two, server, sluice, monkeypatch):
    for shard in ("answer", "other"):
        sluice("eval", shard)
    first = judgement(two), sluice("eval", "--stored")
    calls = len(server.calls)
    monkeypatch.setenv("SLUICE_ENDPOINT", "http://127.0.0.1:9")
    code, _, err = sluice("eval", "--stored")
    assert len(server.calls) == calls
    assert code == first[1][0] and "127.0.0.1" not in err


def test_a_shard_that_did_not_finish_is_said(two, server, sluice):
    sluice("eval", "answer")
    code, _, err = sluice("eval", "--stored")
    assert code == 4
    assert "other has calls without a stored answer" in err


def test_what_failed_in_a_shard_stays_failed(repository, server, sluice):
    """A later run would ask again; a judgement of stored answers says what the shard met."""
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    sluice("eval", "--complete")
    [journal] = repository.glob(".sluice/runs/answer/*/journal.jsonl")
    records = list(parse(journal, journal.read_bytes()))
    place = next(i for i, record in enumerate(records) if "outcomes" in record)
    key = next(iter(records[place]["outcomes"]))
    records[place]["outcomes"][key] = {"error": "timeout", "message": "no answer", "attempts": 3}
    journal.write_bytes(b"".join(map(encode, records)))
    asked = len(server.generations)
    code, _, _ = sluice("eval", "--complete", "--stored", "--format", "json")
    told = json.loads((repository / ".sluice" / "last-judgement.json").read_bytes())
    assert len(server.generations) == asked
    assert told["summary"]["suites"]["answer"]["errors"] == 1
    assert code == 0
    sluice("eval", "--complete")
    assert len(server.generations) == asked + 1, "without --stored it is asked again"


def test_two_runs_of_one_suite_are_refused_and_nothing_is_written(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    sluice("eval")
    first = move_state(repository, "first")
    sluice("eval")
    second = move_state(repository, "second")
    code, _, err = sluice("merge", str(first), str(second))
    assert code == 4
    assert "two runs of answer" in err
    assert not (repository / ".sluice" / "runs").exists()


def test_a_run_that_was_continued_replaces_the_shorter_one(repository, server, sluice):
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    sluice("eval", "--complete")
    [journal] = repository.glob(".sluice/runs/answer/*/journal.jsonl")
    whole = journal.read_bytes()
    state = move_state(repository, "whole")
    part = repository / ".sluice" / journal.relative_to(repository / ".sluice")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"".join(whole.splitlines(keepends=True)[:40]) + b"torn")
    assert sluice("merge", str(state))[0] == 0
    assert part.read_bytes() == whole
    out = sluice("merge", str(state))[1]
    assert "0 of them merged" in out and "0 new answers" in out


def test_other_answers_to_one_request_are_refused(repository, server, sluice):
    for name, text in (("a", "yes"), ("b", "no")):
        cache = CompletionCache(repository / name / "cache" / "completions.sqlite")
        cache.put({"sha256:" + "1" * 64: Completion(text, "stop", 1, 1, 0.5)})
        cache.close()
    code, _, err = sluice("merge", "a", "b")
    assert code == 4
    assert "different answers to one request (111111111111)" in err
    assert sluice("merge", "a")[0] == 0


@pytest.mark.parametrize("place", ["runs/answer/000000000000", "runs/answer/..", "runs/ANSWER/000000000000"])
def test_a_foreign_journal_is_refused(repository, sluice, place):
    target = repository / "shard" / place / "journal.jsonl"
    (repository / "shard" / "runs" / "answer").mkdir(parents=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encode({"format": 1, "run": {"suite": "answer"}, "plan": {}, "reused": 0}))
    code, _, err = sluice("merge", "shard")
    if ".." in place:
        assert code == 0, "a journal outside the pattern is not one"
    else:
        assert code == 4
        assert "nothing" in err


def test_a_directory_without_a_state_is_a_usage_error(repository, sluice):
    code, _, err = sluice("merge", ".")
    assert code == 2
    assert "holds no state" in err


def test_a_damaged_journal_is_refused(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    sluice("eval")
    state = move_state(repository, "damaged")
    [journal] = state.glob("runs/answer/*/journal.jsonl")
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(bytes(data))
    code, _, err = sluice("merge", str(state))
    assert code == 4
    assert "is damaged" in err
    assert not (repository / ".sluice" / "runs").exists()


def test_suites_of_one_prompt_and_dataset_are_one_shard(repository, server, sluice):
    write(repository, "evals/again.yaml", {**SUITE, "gates": {"correct": {"max_drop": 0.1}}})
    commit(repository)
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    plan = json.loads(sluice("plan", "--format", "json")[1])
    assert [one["suite"] for one in plan["matrix"]["include"]] == ["again,answer"]
    assert plan["matrix"]["include"][0]["calls"] == 600 == plan["effort"]["calls"], "shared requests are asked once"
    sluice("eval", "--complete", plan["matrix"]["include"][0]["suite"])
    assert len(server.generations) == 600


def looks(root):
    told = json.loads((root / ".sluice" / "last-judgement.json").read_bytes())
    return {verdict["suite"]: verdict["look"] for verdict in told["verdict"]["suites"]}


def test_a_shard_counts_the_family_of_the_whole_change(repository, tgi, sluice, monkeypatch):
    """A drop of 12 points is clear at the second look for a family of one, at the third for a family of six."""

    def answer(generation):
        question = text_of(generation.messages[-1])
        number = int(question.split("number ")[1].split()[0])
        missed = "trade" in text_of(generation.messages[0]) and number % 8 == 0
        return "no idea" if missed else question.split()[-1]

    monkeypatch.setenv("SLUICE_ENDPOINT", tgi(answer).url)
    edit_prompt(repository, "trade")
    sluice("eval", "answer")
    assert looks(repository) == {"answer": 2}
    move_state(repository, "alone")

    edit_prompt(repository, PROMPT["messages"][0]["content"])
    for number in range(5):
        write(repository, f"evals/more-{number}.yaml", SUITE)
    commit(repository)
    edit_prompt(repository, "trade")
    sluice("eval", "answer")
    assert looks(repository) == {"answer": 3}
    sluice("eval")
    assert looks(repository)["answer"] == 3


def test_a_suite_elsewhere_may_have_a_model_that_nothing_here_serves(two, server, sluice, monkeypatch):
    """The runner of one shard need not know the endpoints of the others, and the family stays the same."""
    write(two, "models/far.yaml", {**MODEL, "source": {"hub": "far/model", "revision": "b" * 40}})
    write(two, "prompts/other.yaml", {**PROMPT, "model": "far"})
    commit(two)
    edit_prompt(two, "Answer never.")
    write(two, "prompts/other.yaml", {**PROMPT, "model": "far", "parameters": {"max_tokens": 8, "temperature": 0}})
    monkeypatch.delenv("SLUICE_ENDPOINT")
    monkeypatch.setenv("SLUICE_ENDPOINT_SERVED", server.url)
    assert sluice("eval", "answer")[0] == 1
    assert "SLUICE_ENDPOINT_FAR" in sluice("eval")[2]


def test_an_empty_name_is_not_all_suites(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    assert sluice("eval", "")[0] == 2
    assert server.calls == []
