"""Rows are looked at in blocks: what that finds is what looking at each row alone finds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import build_tree

from sluice.catalog import WorkingTree, jsonl_file, load
from sluice.checks import check
from sluice.checks.case_ids import CaseIds
from sluice.checks.json_schemas import CompiledSchema
from sluice.checks.row_schemas import SuiteInputs

VALID = Path(__file__).parents[2] / "fixtures" / "valid" / "small"
SUITE = """description: Are the capitals right?
prompt: capitals
dataset: countries
assertions:
  - {metric: correct, type: icontains, value: "{{ capital }}"}
  - {metric: correct, type: icontains, value: "{{ region }}", when: large}
  - {metric: correct, type: icontains, value: "{{ note }}", when: not large}
gates:
  correct: {max_drop: 0.4}
must_pass: [at, gone]
"""
TRAIN = """description: What was learnt.
license: CC0-1.0
source: Written for this test.
owners: [docs-team]
intended_use: Training.
split: train
inputs: {type: object, $defs: {text: {type: string}}, properties: {country: {$ref: "#/$defs/text"}}}
"""
WORDS = st.lists(st.sampled_from(["north", "south", "of", "the", "Sea", "great", "new"]), max_size=9).map(" ".join)
IDS = st.sampled_from(["at", "AT", " at ", "be", "ａｔ", "", " ", None, 1, 1.5, True, ["x"]]) | st.text(max_size=3)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "id": IDS,
        "country": WORDS | st.just("") | st.just(7),
        "capital": WORDS | st.none(),
        "region": WORDS,
        "note": st.sampled_from(["a: b", "jane@contoso.com", "\x00", "ü"]),
        "large": st.booleans() | st.none() | st.just("yes"),
    },
)
GOOD = {"country": "new great sea", "capital": "Lima", "region": "north", "large": True, "note": ""}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(VALID, tmp_path_factory.mktemp("rows") / "repo"))
    card = (root / "datasets/countries.yaml").read_text() + "held_out_from: [lessons]\nheld_out_by: [country, region]\n"
    files = {"datasets/countries.yaml": card, "datasets/lessons.yaml": TRAIN, "evals/capitals.yaml": SUITE}
    return build_tree(files, root)


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=index % 2 == 0) + "\n" for index, row in enumerate(rows))


@contextmanager
def _row_by_row() -> Iterator[None]:
    """Every row a block of its own, and nothing decided for more than one value at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl_file, "_BLOCK_BYTES", 1)
        patch.setattr(jsonl_file, "plain_rows", lambda raw: None)
        patch.setattr(CaseIds, "_all_new", lambda self, block: False)
        patch.setattr(CompiledSchema, "all_valid", lambda self, values: False)
        patch.setattr(SuiteInputs, "_holds", lambda self, block, name: False)
        yield


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(st.lists(ROWS, max_size=8), st.lists(ROWS, max_size=5), st.integers(0, 40), st.sampled_from(["", "x\n", "\n"]))
def test_blocks_find_what_single_rows_do(
    repository: Path, held: list[dict[str, Any]], train: list[dict[str, Any]], good: int, bad_line: str
) -> None:
    plain = [GOOD | {"id": f"good-{number}"} for number in range(good)]
    cases = _lines(plain[: good // 2] + held) + bad_line + _lines(plain[good // 2 :])
    build_tree({"datasets/countries.jsonl": cases, "datasets/lessons.jsonl": _lines(train + held[:2])}, repository)
    found = check(load(WorkingTree(repository)))
    with _row_by_row():
        assert found == check(load(WorkingTree(repository)))
