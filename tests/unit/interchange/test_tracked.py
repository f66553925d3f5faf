"""What a tracker is told: figures under names that it accepts, and nothing where nothing is known."""

import re
from dataclasses import replace

import pytest
from unit.interchange import runs
from unit.report import factory

from sluice.compare import MetricPairs
from sluice.interchange.tracked import change, suite_run


def told(judgement):
    return suite_run(judgement, judgement.suites[0])


def test_figures_are_those_of_the_verdict():
    judgement = factory.failing()
    run = told(judgement)
    verdict = next(one for one in judgement.verdict.suites[0].metrics if one.metric == "cites_source")
    assert run.metrics["cites_source"] == verdict.head
    assert run.metrics["cites_source.base"] == verdict.base
    assert run.metrics["cites_source.lower"] == verdict.lower
    assert run.metrics["latency.ratio"] == 0.985 and "latency.difference" not in run.metrics
    states = [pair.head[0].state for pair in judgement.suites[0].comparison.pairs]
    assert {state: run.metrics[f"cases.{state}"] for state in ("pass", "fail", "error", "skipped")} == {
        state: states.count(state) for state in ("pass", "fail", "error", "skipped")
    }


def test_parameters_say_what_ran():
    run = told(runs.judgement())
    comparison = runs.judgement().suites[0].comparison
    assert run.params["closure"] == comparison.head.closure
    assert run.params["base_closure"] == comparison.base.closure
    assert run.params["commit"] == factory.HEAD_COMMIT
    assert (run.params["prompt"], run.params["model"]) == ("support-answer", "portal-small")
    assert run.artifacts["cases.csv"].count(b"\r\n") == 41


def test_a_new_suite_has_no_difference():
    run = told(factory.first())
    assert "correct" in run.metrics and "correct.difference" not in run.metrics


def test_a_commit_that_is_not_there_is_left_out():
    judgement = replace(runs.judgement(), head_commit=None)
    assert "commit" not in change(judgement, judgement.suites, {}).params


@pytest.mark.parametrize("names", [("a,b", "a:b"), ("exact_match,none", "exact_match_none")])
def test_names_are_ones_that_trackers_accept_and_none_is_lost(names):
    judgement = runs.judgement()
    suite = judgement.suites[0]
    pairs = {name: MetricPairs(name, "binary", ("q",), (1.0,), (0.0,), (None,)) for name in names}
    run = suite_run(judgement, replace(suite, comparison=replace(suite.comparison, metrics=pairs)))
    assert all(re.fullmatch(r"[\w./ -]+", name) for name in run.metrics)
    assert len([name for name in run.metrics if name.startswith(names[0][0]) and "b" in name]) >= 2
