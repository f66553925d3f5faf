"""Logs that inspect 0.3.285 wrote, in both of its formats, and what is no such log."""

import json
from pathlib import Path

import pytest
from outside_tools import interchange_package

from sluice.errors import CannotJudge, UsageError
from sluice.interchange.foreign import judgement_of
from sluice.interchange.inspect_log import read_runs

STORED = Path(__file__).parents[2] / "fixtures/foreign/inspect"


@pytest.fixture
def log(tmp_path):
    """Write `after.json` with some of its values changed, and return its path."""

    def write(edit):
        value = json.loads((STORED / "after.json").read_text())
        edit(value)
        path = tmp_path / "log.json"
        path.write_text(json.dumps(value))
        return path

    return write


def test_a_sample_is_a_case_and_an_epoch_a_repeat():
    (run,) = read_runs(STORED / "before.json")
    assert (run.task, run.model, str(run.harness), run.dataset) == (
        "words",
        "mockllm/before",
        "inspect 0.3.285",
        "words",
    )
    assert [info.id for info in run.cases] == [f"w{number}" for number in range(8)]
    assert [(result.case, result.repeat) for result in run.results[:3]] == [("w0", 0), ("w0", 1), ("w1", 0)]
    assert run.cases[3].row == {"input": "Which word? word3", "target": "word3", "metadata": {"number": 3}}
    assert {result.case for result in run.results if not result.metrics["includes"].passed} == {"w2"}
    assert run.results[0].output == "It is word0."


def test_means_are_those_that_inspect_tells():
    for name in ("before", "after"):
        told = json.loads((STORED / f"{name}.json").read_text())["results"]["scores"]
        (run,) = read_runs(STORED / f"{name}.json")
        for metric, field in (("includes", "accuracy"), ("brevity", "mean")):
            wanted = next(one["metrics"][field]["value"] for one in told if one["name"] == metric)
            values = [result.metrics[metric].value for result in run.results if metric in result.metrics]
            assert sum(values) / len(values) == pytest.approx(wanted)


def test_an_error_stays_an_error_and_what_is_no_grade_is_left_out():
    (run,) = read_runs(STORED / "after.json")
    errors = [result for result in run.results if result.state == "error"]
    assert [(one.case, one.error_kind, one.error) for one in errors] == [
        ("w7", "harness", "ValueError('the tool is gone')"),
    ] * 2
    assert all(not one.metrics for one in errors)
    assert run.notes == ("length is left out: its values are no grades within 0 and 1",)


def test_models_are_compared_and_no_verdict_is_taken():
    heads, bases = read_runs(STORED / "after.json"), read_runs(STORED / "before.json")
    judgement = judgement_of(heads, bases, "artifact", 0.05)
    metric = next(one for one in judgement.verdict.suites[0].metrics if one.metric == "includes")
    changes = {pair.info.id: pair.change for pair in judgement.suites[0].comparison.pairs}
    assert {case for case, change in changes.items() if change == "broken"} == {"w3", "w4", "w5"}
    assert (metric.broken, metric.repaired, metric.n) == (3, 1, 7)
    assert metric.difference == pytest.approx(-2 / 7)
    assert judgement.verdict.word == "invalid" and judgement.suites[0].comparison.head.foreign
    assert judgement.suites[0].notes == heads[0].notes, "the settings are equal"


def test_the_archive_holds_what_the_plain_log_holds():
    interchange_package("zstandard")
    (archived,), (plain,) = read_runs(STORED / "after.eval"), read_runs(STORED / "after.json")
    assert (archived.cases, archived.results, archived.setting) == (plain.cases, plain.results, plain.setting)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda value: value.update(version=3), "a log of version 3"),
        (lambda value: value.pop("eval"), "no log of inspect: eval"),
        (lambda value: value["samples"].pop(0), "results speak of 14"),
        (lambda value: value.update(samples=[], results=None), "0 completed samples"),
        (lambda value: value["samples"].append(value["samples"][0]), "a sample and epoch twice"),
        (lambda value: value["samples"][0].update(epoch=-1), "epoch"),
        (lambda value: value["samples"][0].update(id=["x"]), "id"),
    ],
)
def test_what_is_no_whole_log_is_refused(log, edit, told):
    with pytest.raises(CannotJudge, match=told):
        read_runs(log(edit))


def test_grades_are_counted_as_inspect_counts_them(log):
    def grade(value):
        for sample, letter in zip(value["samples"], "CIPN", strict=False):
            sample["scores"] = {"judge": {"value": letter}, "parts": {"value": {"a": True, "b": 0.5}}}
        value["samples"][4]["scores"] = {"judge": {"value": None}}

    (run,) = read_runs(log(grade))
    values = {(one.case, one.repeat): one for one in run.results}
    first = [values[f"w{number}", 0] for number in range(4)]
    assert [one.metrics["judge"].value for one in first] == [1.0, 0.0, 0.5, 0.0]
    assert first[0].metrics["parts.a"].value == 1.0 and first[0].metrics["parts.b"].value == 0.5
    assert (values["w4", 0].state, values["w4", 0].error_kind) == ("error", "unscored")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b'{"version": 1e999}'])
def test_other_bytes_are_refused_in_words(tmp_path, data):
    path = tmp_path / "log.json"
    path.write_bytes(data)
    with pytest.raises(CannotJudge, match="is no log of inspect"):
        read_runs(path)


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read_runs(tmp_path / "none.eval")
