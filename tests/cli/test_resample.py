"""A verdict against a reused base of a sampling prompt: the base is sampled once more before it speaks (GATE 14)."""

import re

import pytest
from miniature import PROMPT, SUITE, commit, edit_prompt, write
from servers.tgi_contract import text_of

from sluice.journal import parse

SAMPLED = {"max_tokens": 16, "temperature": 0.8, "seed": 5}
GREEDY = PROMPT["parameters"]


def luck(generation):
    """Base was lucky in its first samples: later ones miss every third case; `trade` misses every seventh at once."""
    system, question = text_of(generation.messages[0]), text_of(generation.messages[-1])
    number = int(re.search(r"number (\d+)", question)[1])
    new_sample = (generation.seed or 0) >= 1000
    missed = (number % 3 == 0 and new_sample) or ("trade" in system and number % 7 == 0) or "never" in system
    return "no idea" if missed else question.split()[-1]


@pytest.fixture
def lucky(tgi, monkeypatch):
    started = tgi(luck)
    monkeypatch.setenv("SLUICE_ENDPOINT", started.url)
    return started


@pytest.fixture
def judged_once(repository, lucky, sluice):
    """A repository whose sampled base has been answered for an earlier head, which passed."""
    edit_prompt(repository, PROMPT["messages"][0]["content"], parameters=SAMPLED)
    commit(repository)
    edit_prompt(repository, "Answer with the last word.\nBe very brief.", parameters=SAMPLED)
    code, out, err = sluice("eval", "--complete", "--base", "HEAD")
    assert code == 0, out + err
    assert "sampled once more" not in out, "a pass needs no new samples"
    assert len(lucky.generations) == 600
    lucky.calls.clear()
    return repository


def systems(server):
    return [("trade" in text_of(one.body["messages"][0])) for one in server.generations]


def test_a_fail_against_a_reused_base_asks_the_base_once_more(judged_once, lucky, sluice):
    edit_prompt(judged_once, "Answer.\ntrade", parameters=SAMPLED)
    code, out, err = sluice("eval", "--complete", "--base", "HEAD")
    assert systems(lucky).count(True) == 300
    assert systems(lucky).count(False) == 300, "every reused base answer is sampled once more"
    words = " ".join(out.split())
    assert "300 new answers in 300 cases, pooled with the reused ones" in words
    assert "300 more completions" in err
    # Pooled, base holds 5/6 of the cases and head 6/7: nothing is left of the drop of 14 points.
    assert code == 0, out
    assert "83.3%" in words


def test_the_same_command_again_asks_nothing_and_says_the_same(judged_once, lucky, sluice):
    edit_prompt(judged_once, "Answer.\ntrade", parameters=SAMPLED)
    first = sluice("eval", "--complete", "--base", "HEAD")
    asked = len(lucky.generations)
    again = sluice("eval", "--complete", "--base", "HEAD")
    assert len(lucky.generations) == asked
    assert again[0] == first[0]
    assert again[1].splitlines()[:8] == first[1].splitlines()[:8]


def test_an_interrupted_resampling_goes_on_where_it_was(judged_once, lucky, sluice):
    edit_prompt(judged_once, "Answer.\ntrade", parameters=SAMPLED)
    first = sluice("eval", "--complete", "--base", "HEAD")
    newest = max(judged_once.glob(".sluice/runs/answer/*/journal.jsonl"), key=lambda path: path.stat().st_mtime)
    lines = newest.read_bytes().splitlines(keepends=True)
    kept = lines[:-100]
    newest.write_bytes(b"".join(kept) + lines[-100][:20])
    (judged_once / ".sluice" / "cache" / "completions.sqlite").unlink()
    lucky.calls.clear()
    again = sluice("eval", "--complete", "--base", "HEAD")
    assert len(lucky.generations) == 100, "one call a record, and nothing journalled is asked for twice"
    assert again[0] == first[0]
    assert again[1].splitlines()[:6] == first[1].splitlines()[:6]
    keys = [key for record in parse(newest, newest.read_bytes()) for key in record.get("outcomes", {})]
    assert len(keys) == len(set(keys)) == 600


def test_a_clear_fail_at_a_look_samples_the_base_as_far_as_that_look(judged_once, lucky, sluice):
    edit_prompt(judged_once, "Answer never.", parameters=SAMPLED)
    code, out, _ = sluice("eval", "--base", "HEAD")
    assert code == 1
    assert "sampled once more" in " ".join(out.split())
    heads = sum("never" in text_of(one.body["messages"][0]) for one in lucky.generations)
    assert heads == len(lucky.generations) - heads < 300, "head and base were asked as far as the look that decided"


def test_a_must_pass_failure_is_heads_alone(judged_once, lucky, sluice):
    write(
        judged_once, "evals/answer.yaml", {**SUITE, "must_pass": ["case-0007"], "gates": {"correct": {"max_drop": 0.5}}}
    )
    commit(judged_once)
    edit_prompt(judged_once, "Answer.\ntrade", parameters=SAMPLED)
    code, out, _ = sluice("eval", "--base", "HEAD")
    assert code == 1
    assert "sampled once more" not in out


def test_a_greedy_base_would_only_be_copied(repository, lucky, sluice):
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    assert sluice("eval", "--complete")[0] == 0
    lucky.calls.clear()
    edit_prompt(repository, "Answer never.", parameters=GREEDY)
    assert sluice("eval", "--complete")[0] == 1
    assert len(lucky.generations) == 300


def test_a_budget_that_leaves_no_room_cannot_judge(judged_once, lucky, sluice):
    write(judged_once, "evals/answer.yaml", {**SUITE, "budget": {"calls": 300}})
    commit(judged_once)
    edit_prompt(judged_once, "Answer.\ntrade", parameters=SAMPLED)
    code, _, err = sluice("eval", "--complete", "--base", "HEAD")
    assert code == 4
    assert "budget is 300" in err
