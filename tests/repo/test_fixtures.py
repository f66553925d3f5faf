"""Whole miniature repositories, discovered, each with exactly the findings that it was made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.catalog import WorkingTree, load
from sluice.checks import RULES, check
from sluice.errors import ExitCode

FIXTURES = Path(__file__).parents[1] / "fixtures"
INVALID = sorted(path for path in (FIXTURES / "invalid").iterdir() if path.is_dir())
VALID = sorted(path for path in (FIXTURES / "valid").iterdir() if path.is_dir())


def _rule(directory: Path) -> str:
    return directory.name.partition("--")[0]


def _expected(directory: Path) -> list[str]:
    return (directory / "expected.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("directory", INVALID, ids=lambda path: path.name)
def test_findings_equal_expected(directory: Path) -> None:
    findings = check(load(WorkingTree(directory)))
    assert [str(finding) for finding in findings] == _expected(directory)
    assert {finding.rule for finding in findings} == {_rule(directory)}, "a fixture breaks exactly one rule"


@pytest.mark.parametrize("directory", VALID, ids=lambda path: path.name)
def test_valid_repositories_have_no_findings(directory: Path) -> None:
    assert [str(finding) for finding in check(load(WorkingTree(directory)))] == []


def test_every_rule_has_a_fixture_and_every_fixture_a_rule() -> None:
    assert {_rule(directory) for directory in INVALID} == set(RULES)
    assert len(INVALID) >= 60


def test_titles_are_one_sentence() -> None:
    for name, rule in RULES.items():
        assert rule.id == name
        assert rule.title.endswith(".") and "\n" not in rule.title and len(rule.title) <= 100, name


@pytest.mark.parametrize("directory", INVALID, ids=lambda path: path.name)
def test_front_door(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli = pytest.importorskip("sluice.cli")
    expected = _expected(directory)
    code = cli.main(["check", "--root", str(directory)])
    shown = capsys.readouterr()
    invalid = any(": error [" in line for line in expected)
    assert code == (ExitCode.INVALID if invalid else ExitCode.OK)
    assert "Traceback" not in shown.out + shown.err
    for line in expected:
        assert line in shown.out
