"""CSV: RFC 4180, UTF-8, every value where it belongs, and nothing that a spreadsheet runs."""

import csv
import io

import pytest
from unit.interchange import runs

from sluice.interchange.comma_separated import encode
from sluice.interchange.exported import exported_runs


def table(judgement, sides=("head",)):
    data = encode(exported_runs(judgement, sides)).decode()
    return list(csv.DictReader(io.StringIO(data, newline=""), strict=True))


def test_a_row_for_each_case_and_repeat():
    found = table(runs.repeated(), ("base", "head"))
    assert len(found) == 60
    assert [(row["side"], row["case"], row["repeat"]) for row in found[19:22]] == [
        ("base", "q-0019", "0"), ("head", "q-0000", "0"), ("head", "q-0000", "1"),
    ]  # fmt: skip


def test_values_stand_in_their_columns():
    row = table(runs.judgement())[7]
    assert (row["state"], row["value:correct"], row["passed:cites_source"]) == ("fail", "1.0", "false")
    assert row["slice:topic"] == "leaderboards" and row["cost_usd"] == "1.2e-05"
    assert row["commit"] == runs.factory.HEAD_COMMIT
    error = table(runs.judgement())[8]
    assert (error["state"], error["error_kind"], error["output"], error["value:correct"]) == (
        "error",
        "timeout",
        "",
        "",
    )


def test_lines_end_as_the_rfc_says():
    data = encode(runs.head(runs.judgement()))
    assert data.count(b"\r\n") == data.count(b"\n") == 21 and data.endswith(b"\r\n")


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "'=1"])
def test_nothing_that_a_spreadsheet_would_run(start):
    row = table(runs.changed(runs.judgement(), "q-0007", output=start))[7]
    assert row["output"] == f"'{start}"


def test_other_text_stays_as_it_is():
    text = 'He said "a, b";\r\nthen = left 1-2 @ home \N{GRINNING FACE}'
    assert table(runs.changed(runs.judgement(), "q-0007", output=text))[7]["output"] == text


def test_names_of_metrics_are_guarded_by_their_prefix():
    found = table(runs.every_state())
    assert found[7]["value:=correct"] == "0.25"
    assert found[7]["output"].startswith("'=cmd()") and "\x1b" in found[7]["output"]
