"""`sluice report` into the summary of a step: appended, within its size, and only where a workflow asks."""

import pytest
from miniature import edit_prompt

from sluice.cli.report import MOST_SUMMARY


@pytest.fixture
def failed(repository, server, sluice):
    edit_prompt(repository, "Answer never.")
    assert sluice("eval", "--output", "judgement.json")[0] == 1
    return repository


def test_the_summary_is_appended(failed, sluice, monkeypatch):
    summary = failed / "summary.md"
    summary.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    code, out, _ = sluice("report", "judgement.json", "--summary")
    assert (code, out) == (0, "")
    text = summary.read_text()
    assert text.startswith("# Before\n\n")
    assert "**fail**" in text and "| Metric |" in text and "+ {+no idea+}" in text


def test_a_long_summary_leaves_no_more_than_fits(failed, sluice, monkeypatch):
    summary = failed / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for before in (MOST_SUMMARY - 5_000, MOST_SUMMARY - 2_001):
        summary.write_bytes(b"x" * before)
        assert sluice("report", "judgement.json", "--summary")[0] == 0
        assert before < summary.stat().st_size <= MOST_SUMMARY
    code, _, err = sluice("report", "judgement.json", "--summary")
    assert code == 2 and "is full" in err
    assert summary.stat().st_size <= MOST_SUMMARY


def test_without_a_workflow_there_is_no_summary(failed, sluice, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    code, _, err = sluice("report", "--summary")
    assert code == 2 and "GITHUB_STEP_SUMMARY is not set" in err
