from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import build_tree

from sluice.catalog import WorkingTree, load
from sluice.checks import check
from sluice.checks.case_ids import fold
from sluice.checks.row_groups import MOST
from sluice.errors import Finding

VALID = Path(__file__).parents[2] / "fixtures" / "valid" / "small"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return Path(shutil.copytree(VALID, tmp_path / "repo"))


def _check(root: Path) -> list[Finding]:
    return check(load(WorkingTree(root)))


def _row(**values: object) -> str:
    return json.dumps({"id": "x", "country": "Peru", "capital": "Lima", "region": "america"} | values) + "\n"


def test_a_repository_without_anything_is_valid(tmp_path: Path) -> None:
    assert _check(tmp_path) == []


def test_secrets_are_never_repeated(repository: Path) -> None:
    secret = "ghp_" + "q7Zk2Lw9Xc4Vb8Nm3Ht6Rp5Yd1Gs0Fj7Ka2U"
    build_tree({"evals/README.md": f"token {secret}\n", "datasets/countries.jsonl": _row(note=secret)}, repository)
    findings = [finding for finding in _check(repository) if finding.rule == "secret"]
    assert len(findings) == 2 and secret[4:] not in "".join(map(str, findings))


def test_declared_personal_data_is_allowed_and_secrets_are_not(repository: Path) -> None:
    card = repository / "datasets/countries.yaml"
    card.write_text(card.read_text() + "personal_data: true\n")
    with (repository / "datasets/countries.jsonl").open("a") as rows:
        rows.write(_row(note="jane@contoso.com api_key = q7Zk2Lw9Xc4Vb8Nm3Ht6Rp5"))
    assert [finding.rule for finding in _check(repository)] == ["secret"]


def test_many_bad_rows_make_a_bounded_list(repository: Path) -> None:
    """One line a mistake, and its number; where each row needs its own repair, the end of the list is said."""
    rows = "".join(_row(id=f"c{number}", country="") for number in range(1000))
    (repository / "datasets/countries.jsonl").write_text(rows)
    [finding] = _check(repository)
    assert (finding.rule, finding.line) == ("row-prompt-input", 1)
    assert finding.found == 'country = "" (1,000 rows; this is the first)'
    (repository / "datasets/countries.jsonl").write_text(_row() * 1000)
    findings = _check(repository)
    assert len(findings) == MOST and {finding.rule for finding in findings} == {"row-id-duplicate"}
    assert [finding.line for finding in findings if "the rest is left out" in finding.found] == [MOST + 1]


def test_a_renamed_input_is_told_in_few_lines_that_name_it(repository: Path) -> None:
    prompt = repository / "prompts/capitals.yaml"
    prompt.write_text(prompt.read_text().replace("country", "land"))
    count = (repository / "datasets/countries.jsonl").read_text().count("\n")
    [finding] = _check(repository)
    assert (finding.rule, finding.line) == ("row-prompt-input", 1)
    assert finding.found == f"no 'land' ({count} rows; this is the first)"


def test_rows_without_ids_are_told_once(repository: Path) -> None:
    rows = (repository / "datasets/countries.jsonl").read_text()
    (repository / "datasets/countries.jsonl").write_text(rows.replace('"id"', '"key"'))
    found = [finding.found for finding in _check(repository) if finding.rule == "row-id-missing"]
    assert found == [f"no 'id' ({len(rows.splitlines())} rows; this is the first)"]


def test_one_unreadable_file_is_reported_once(repository: Path) -> None:
    (repository / "prompts/capitals.yaml").write_text("description: [\n")
    assert {finding.rule for finding in _check(repository)} == {"yaml-syntax"}


def test_one_suite_of_a_prompt_has_to_block(repository: Path) -> None:
    suite = (repository / "evals/capitals.yaml").read_text()
    reporting = suite.replace("{max_drop: 0.4}", "{max_drop: 0.4, tier: info}")
    build_tree({"evals/slices.yaml": reporting}, repository)
    assert _check(repository) == []
    build_tree({"evals/capitals.yaml": reporting}, repository)
    assert [(finding.rule, finding.path, finding.severity) for finding in _check(repository)] == [
        ("suite-never-blocks", "evals/capitals.yaml", "warning"),
        ("suite-never-blocks", "evals/slices.yaml", "warning"),
    ]


def test_findings_are_sorted_and_unique(repository: Path) -> None:
    build_tree({"prompts/z.txt": "", "evals/a.txt": "", "models/B.yaml": ""}, repository)
    findings = _check(repository)
    assert findings == sorted(set(findings)) and len(findings) == 3


def test_rows_are_not_kept(repository: Path) -> None:
    (repository / "datasets/countries.jsonl").write_text("".join(_row(id=f"c{number}") for number in range(3000)))
    catalog = load(WorkingTree(repository))
    assert check(catalog) == []
    assert "rows" not in vars(catalog.datasets["countries"])


def test_a_large_dataset_takes_no_quadratic_time(repository: Path) -> None:
    rows = "".join(_row(id=f"c{number}") for number in range(20_000))
    (repository / "datasets/countries.jsonl").write_text(rows)
    began = time.process_time()
    assert _check(repository) == []
    assert time.process_time() - began < 10


@given(st.text(), st.text())
def test_folding_is_stable(one: str, other: str) -> None:
    assert fold(fold(one)) == fold(one) or not one.isascii()
    if one.isascii() and other.isascii():
        assert (fold(one) == fold(other)) == (one.strip().casefold() == other.strip().casefold())


def test_rows_that_lack_a_field_are_found_beside_what_is_retrieved(tmp_path: Path) -> None:
    """Every row lacks what is retrieved; that must not use up the findings of what is really missing."""
    root = Path(shutil.copytree(VALID.parent / "retrieval", tmp_path / "repo"))
    suite = root / "evals/capitals.yaml"
    suite.write_text(suite.read_text().replace("{{ passages[0].id }}", "{{ passages[0].id }}{{ region }}"))
    rows = "".join(_row(id=f"c{number}") for number in range(2 * MOST)) + _row(id="last").replace("region", "zone")
    (root / "datasets/countries.jsonl").write_text(rows)
    found = [finding for finding in _check(root) if finding.rule == "row-field-missing"]
    assert [finding.line for finding in found] == [2 * MOST + 1]


def test_findings_about_a_corpus_are_bounded(tmp_path: Path) -> None:
    root = Path(shutil.copytree(VALID.parent / "retrieval", tmp_path / "repo"))
    rows = "".join(json.dumps({"id": f"a{number}", "text": ""}) + "\n" for number in range(3 * MOST))
    (root / "datasets/almanac.jsonl").write_text(rows)
    [finding] = _check(root)
    assert finding.rule == "retrieval-passage" and finding.found.endswith("(300 rows; this is the first)")


def test_a_list_that_needs_more_passages_is_no_finding_about_an_article(tmp_path: Path) -> None:
    root = Path(shutil.copytree(VALID.parent / "retrieval", tmp_path / "repo"))
    prompt = root / "prompts/capitals.yaml"
    prompt.write_text(prompt.read_text().replace("maxItems: 3", "maxItems: 3\n    minItems: 2"))
    assert _check(root) == []
