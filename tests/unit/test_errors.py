from __future__ import annotations

import pytest

from sluice.errors import CannotJudge, ExitCode, Finding, InvalidFiles, SluiceError, UsageError, nearest


def test_exit_codes_are_the_published_six() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0, "GATE_NO": 1, "USAGE": 2, "INVALID": 3, "CANNOT_JUDGE": 4, "BUG": 70,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("x"), 2), (InvalidFiles([]), 3), (CannotJudge("x"), 4), (SluiceError("x"), 70)],
)
def test_every_error_carries_its_code(error: SluiceError, code: int) -> None:
    assert error.exit_code == code


def test_a_finding_says_place_rule_found_expected_and_fix() -> None:
    finding = Finding("a.yaml", 3, 7, "gate-blind", "12 cases", "163", "add cases")
    assert str(finding) == "a.yaml:3:7: error [gate-blind] found 12 cases; expected 163; add cases"


def test_findings_sort_by_place() -> None:
    places = [("b", 1, 1), ("a", 10, 1), ("a", 2, 5), ("a", 2, 1)]
    findings = sorted(Finding(*place, "r", "", "", "") for place in places)
    assert [(one.path, one.line, one.column) for one in findings] == [
        ("a", 2, 1), ("a", 2, 5), ("a", 10, 1), ("b", 1, 1),
    ]  # fmt: skip


def test_invalid_files_carry_all_findings_and_count_them() -> None:
    findings = [Finding("a", line, 1, "r", "", "", "") for line in (1, 2)]
    error = InvalidFiles(findings)
    assert error.findings == tuple(findings) and str(error).startswith("2 ")


def test_nearest_suggests_lists_or_says_that_there_is_none() -> None:
    assert nearest("suport", ["support", "triage"]) == "did you mean 'support'?"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", []) == "none are known here"
