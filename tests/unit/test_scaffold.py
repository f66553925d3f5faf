from __future__ import annotations

from pathlib import Path

import pytest
from trees import build_tree

from sluice.catalog import Catalog, WorkingTree, load
from sluice.checks import check
from sluice.errors import UsageError
from sluice.scaffold import KINDS, scaffold


def _with(root: Path, *kinds: str, name: str = "fresh") -> Catalog:
    for kind in kinds:
        build_tree(scaffold(kind, name, load(WorkingTree(root))), root)
    return load(WorkingTree(root))


def test_a_model_and_a_suite_make_a_whole_clean_repository(tmp_path: Path) -> None:
    catalog = _with(tmp_path, "model", "suite")
    assert check(catalog) == []
    assert set(catalog.prompts) == set(catalog.suites) == set(catalog.datasets) == {"fresh"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_valid_by_itself(kind: str, tmp_path: Path) -> None:
    catalog = _with(tmp_path, "model") if kind == "prompt" else load(WorkingTree(tmp_path))
    if kind == "suite":
        catalog = _with(tmp_path, "model", "prompt", "dataset")
    build_tree(scaffold(kind, "other" if kind == "suite" else "fresh", catalog), tmp_path)
    findings = check(load(WorkingTree(tmp_path)))
    assert [finding for finding in findings if finding.severity == "error"] == []


def test_a_suite_uses_what_is_there(tmp_path: Path) -> None:
    catalog = _with(tmp_path, "model", "prompt", "dataset")
    assert list(scaffold("suite", "fresh", catalog)) == ["evals/fresh.yaml"]


def test_a_prompt_without_any_model_says_what_comes_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sluice new model"):
        scaffold("prompt", "fresh", load(WorkingTree(tmp_path)))


@pytest.mark.parametrize("name", ["../up", "Upper", "", "a b", "a/b", "x\n"])
def test_bad_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        scaffold("model", name, load(WorkingTree(tmp_path)))


def test_a_suite_for_a_prompt_that_nothing_fits_says_so(tmp_path: Path) -> None:
    _with(tmp_path, "model", "prompt")
    path = tmp_path / "prompts/fresh.yaml"
    path.write_text(path.read_text().replace("question", "ticket"))
    with pytest.raises(UsageError, match="ticket"):
        scaffold("suite", "fresh", load(WorkingTree(tmp_path)))
