"""Results that lm-evaluation-harness 0.4.13 stored, of one task and two models, and what is no such thing."""

import json
import shutil
from pathlib import Path

import pytest

from sluice.errors import CannotJudge, UsageError
from sluice.interchange.foreign import judgement_of
from sluice.interchange.lm_eval import read_runs

STORED = Path(__file__).parents[2] / "fixtures/foreign/lm-eval"


@pytest.fixture
def copy(tmp_path):
    """The stored results of `after`, to be changed: the directory, its results and its samples."""
    shutil.copytree(STORED / "after", tmp_path / "after")
    (results,), (samples,) = tmp_path.rglob("results_*"), tmp_path.rglob("samples_*")
    return tmp_path / "after", results, samples


def compared():
    return judgement_of(read_runs(STORED / "after"), read_runs(STORED / "before"), "artifact", 0.05)


def test_a_document_is_a_case_and_a_filtered_metric_a_metric():
    (run,) = read_runs(STORED / "before")
    assert (run.task, run.model, str(run.harness), run.dataset) == ("words", "before", "lm-eval 0.4.13", "json")
    assert run.metrics == ("exact_match.last", "exact_match.strict")
    rows = {info.id: info.row for info in run.cases}
    assert [row["number"] for row in rows.values()] == list(range(24))
    failed = {rows[result.case]["number"] for result in run.results if not result.metrics["exact_match.last"].passed}
    assert failed == {2, 9}
    assert run.results[2].output == "no idea"


def test_means_are_those_that_the_harness_tells():
    told = json.loads(next((STORED / "after").glob("results_*")).read_text())["results"]["words"]
    (suite,) = compared().suites
    for name in ("strict", "last"):
        pairs = suite.comparison.metrics[f"exact_match.{name}"]
        assert sum(pairs.head) / len(pairs.head) == pytest.approx(told[f"exact_match,{name}"])


def test_two_models_are_compared_with_our_statistics():
    (verdict,) = compared().verdict.suites
    metric = next(one for one in verdict.metrics if one.metric == "exact_match.last")
    assert (metric.broken, metric.repaired, metric.n, metric.tier) == (5, 1, 24, "info")
    assert metric.difference == pytest.approx(-4 / 24)
    assert metric.mcnemar == pytest.approx(2 * (1 + 6) / 2**6)
    assert metric.lower < metric.difference < metric.upper


def test_what_cannot_be_compared_is_left_out_and_said():
    (suite,) = compared().suites
    assert "bleu.strict is left out: its values are no numbers" in suite.notes
    assert not any("differ" in note for note in suite.notes)


def test_another_prompt_is_said(copy):
    directory, results, _ = copy
    results.write_text(results.read_text().replace('"num_fewshot": 0', '"num_fewshot": 5'))
    (suite,) = judgement_of(read_runs(directory), read_runs(STORED / "before"), "artifact", 0.05).suites
    assert "the sides differ in num_fewshot: base 0, head 5" in suite.notes


def test_no_verdict_is_taken():
    judgement = compared()
    (suite,) = judgement.suites
    assert judgement.verdict.word == judgement.verdict.suites[0].word == "invalid"
    assert suite.comparison.head.foreign and suite.comparison.base.foreign
    assert suite.comparison.head.closure.startswith("foreign:sha256:")
    assert "never evidence" in suite.comparison.invalid[0]


def test_documents_of_one_side_only_are_missing_not_passed(copy):
    directory, results, samples = copy
    lines = samples.read_text().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["doc_id"] < 20]
    samples.write_text("".join(kept))
    text = results.read_text().replace('"effective": 24', '"effective": 20').replace('"aggregation": "mean"', '"a": 1')
    results.write_text(text)
    (suite,) = judgement_of(read_runs(directory), read_runs(STORED / "before"), "artifact", 0.05).suites
    assert any("4 planned case(s) have no result on one side" in reason for reason in suite.comparison.invalid)


def test_samples_that_are_not_those_of_the_results_are_refused(copy):
    directory, _, samples = copy
    text = samples.read_text()
    samples.write_text(text.replace('"exact_match": 0.0', '"exact_match": 1.0', 1))
    with pytest.raises(CannotJudge, match="and the results tell"):
        read_runs(directory)
    samples.write_text("".join(line for line in text.splitlines(keepends=True) if '"doc_id": 7,' not in line))
    with pytest.raises(CannotJudge, match="has 23 documents, and the results speak of 24"):
        read_runs(directory)


def test_the_same_document_twice_is_two_cases(copy):
    directory, results, samples = copy
    again = [line.replace('"doc_id": 0,', '"doc_id": 24,') for line in samples.read_text().splitlines(keepends=True)]
    samples.write_text(samples.read_text() + "".join(line for line in again if '"doc_id": 24,' in line))
    results.write_text(results.read_text().replace('"effective": 24', '"effective": 25').replace('"mean"', '"other"'))
    (run,) = read_runs(directory)
    first = run.cases[0].id
    assert [info.id for info in run.cases if info.row["number"] == 0] == [first, f"{first}-2"]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda results, samples: samples.unlink(), "--log_samples"),
        (lambda results, samples: samples.write_text("{}\n"), ":1 is no sample of lm-eval"),
        (lambda results, samples: samples.write_text("\x00[1"), ":1 is no sample of lm-eval"),
        (lambda results, samples: results.write_text("[]"), "holds no results of lm-eval"),
        (lambda results, samples: results.write_text('{"results": 1}'), "holds no results of lm-eval"),
    ],
)
def test_what_is_no_result_is_refused_with_its_place(copy, edit, told):
    directory, results, samples = copy
    edit(results, samples)
    with pytest.raises(CannotJudge, match=told):
        read_runs(directory)


def test_a_directory_must_hold_one_run(tmp_path):
    with pytest.raises(UsageError, match="2 files results_"):
        read_runs(STORED)
    with pytest.raises(UsageError, match="no results_"):
        read_runs(tmp_path)


@pytest.mark.parametrize("task", ["../../etc/passwd", "/etc/passwd", "a\\b"])
def test_a_task_cannot_name_a_file_elsewhere(copy, task):
    directory, results, _ = copy
    results.write_text(results.read_text().replace('"words": {', f"{json.dumps(task)}: {{"))
    with pytest.raises(CannotJudge, match="no samples beside"):
        read_runs(directory)
