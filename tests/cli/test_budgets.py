"""A budget that is spent stops a run cleanly: exit 4, what was answered is shown and kept, and the way on is named."""

import json

import pytest
from miniature import MODEL, SUITE, commit, edit_prompt, write
from servers.hasty import hurry  # noqa: F401 - the fixture is used by name

HALVES = "Answer with the last word.\nhalves"


def budgeted(root, system="Answer with the last word.\nBe very brief.", **budget):
    suite = {**SUITE, "gates": {"correct": {"max_drop": 0.05}}}
    write(root, "evals/answer.yaml", {**suite, **budget.pop("suite", {}), "budget": budget})
    commit(root)
    edit_prompt(root, system)


def judged(sluice, *words):
    code, out, err = sluice("eval", "--base", "HEAD", "--format", "json", *words)
    assert "Traceback" not in err
    assert code != 3, out
    return code, json.loads(out) if out else None, err


def test_calls_stop_a_run_before_a_look_that_they_do_not_cover(repository, server, sluice):
    """300 cases, looks of 60: the second look would need 240 calls."""
    budgeted(repository, calls=200)
    code, judgement, _ = judged(sluice)
    assert code == 4
    assert judgement["verdict"]["word"] == "inconclusive"
    assert (
        "the budget of 200 calls (120 made, 120 more wanted) for answer is spent" in judgement["verdict"]["reasons"][0]
    )
    assert "budget: {calls: …}" in judgement["verdict"]["reasons"][0]
    assert len(server.generations) == judgement["suites"][0]["usage"]["calls"] == 120
    comparison = judgement["suites"][0]["comparison"]
    assert (comparison["compared"], comparison["planned"], len(comparison["pairs"])) == (60, 300, 60)
    text = " ".join(sluice("report")[1].split())
    assert "the budget of 200 calls" in text and "60 of 300" in text
    assert "raise the budget that is named above" in text and "add cases" not in text

    budgeted(repository, calls=600)
    server.calls.clear()
    code, judgement, _ = judged(sluice)
    assert (code, judgement["verdict"]["word"]) == (0, "pass")
    assert len(server.generations) <= 480, "the first 120 are not asked again"


def test_a_fail_that_the_evidence_allows_is_said_before_the_budget_is_spent(repository, server, sluice):
    budgeted(repository, HALVES, calls=300)
    code, judgement, _ = judged(sluice)
    assert (code, judgement["verdict"]["word"]) == (1, "fail")


@pytest.mark.parametrize("words", [(), ("--complete",)])
def test_money_stops_a_run(repository, server, sluice, words):
    """An answer costs about 40 millionths of a dollar."""
    budgeted(repository, cost=0.004)
    code, judgement, _ = judged(sluice, *words)
    assert (code, judgement["verdict"]["word"]) == (4, "inconclusive")
    assert "the budget of $0.004 for answer is spent" in judgement["verdict"]["reasons"][0]
    spent = len(server.generations)
    assert 50 < spent < 400
    code, judgement, _ = judged(sluice, *words)
    assert code == 4
    assert len(server.generations) == spent, "what was spent before counts"


@pytest.mark.parametrize("words", [(), ("--complete",)])
def test_time_stops_a_run_and_the_same_command_goes_on(repository, server, sluice, words):
    server.settings.latency = 0.005
    budgeted(repository, minutes=0.002)
    asked = []
    for _ in range(60):
        code, judgement, err = judged(sluice, *words)
        asked.append(len(server.generations))
        if code == 0:
            break
        assert code == 4
        said = judgement["verdict"]["reasons"][0] if judgement else err
        assert "the budget of 0.002 minutes for answer is spent" in said and "run the same command again" in said
    assert code == 0 and len(asked) > 1
    # What was in flight, and what came while the journal was written.
    assert asked[-1] <= 600 + len(asked) * 3 * MODEL["serving"]["concurrency"]


def test_a_must_pass_case_that_fails_decides_though_the_budget_is_spent(repository, server, sluice):
    budgeted(
        repository,
        "Answer never.",
        calls=130,
        suite={"must_pass": ["case-0007"], "gates": {"correct": {"max_drop": 0.9}}},
    )
    code, judgement, _ = judged(sluice)
    assert (code, judgement["verdict"]["word"]) == (1, "fail")
    assert "case-0007" in judgement["verdict"]["reasons"][0]


def test_a_policy_that_tolerates_doubt_does_not_tolerate_a_spent_budget(repository, server, sluice):
    budgeted(repository, calls=200, suite={"on_inconclusive": "warn"})
    assert judged(sluice)[0] == 4


def test_a_new_suite_whose_budget_is_spent_is_not_passed(repository, server, sluice):
    write(repository, "evals/second.yaml", {**SUITE, "budget": {"cost": 0.0001}, "seed": 3})
    edit_prompt(repository, "Answer with the last word.\nBe very brief.")
    code, judgement, _ = judged(sluice, "second")
    assert (code, judgement["verdict"]["word"]) == (4, "inconclusive")


def test_a_complete_run_that_the_budget_does_not_allow_is_refused_at_once(repository, server, sluice):
    budgeted(repository, calls=599)
    code, judgement, err = judged(sluice, "--complete")
    assert (code, judgement) == (4, None)
    assert "needs 600 calls and its budget is 599" in err
    assert server.generations == []
