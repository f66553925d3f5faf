"""The entry point, on a tiny recipe in a scratch repository."""

import shutil

import pytest
import yaml

from sluice.errors import UsageError
from sluice.training import datasets, train

from .conftest import ROOT
from .test_recipe import SECTION

pytest.importorskip("torch")


@pytest.fixture
def root(tmp_path):
    home = tmp_path / "models" / "tiny"
    home.mkdir(parents=True)
    shutil.copy(ROOT / "models" / "portal-small" / "language.yaml", home)
    (tmp_path / "datasets").mkdir()
    for name in (SECTION["facts"], SECTION["tickets"]):
        rows = datasets.read(ROOT / "datasets" / f"{name}.jsonl")[:400]
        (tmp_path / "datasets" / f"{name}.jsonl").write_text(datasets.canonical(rows), encoding="utf-8")
    model = {
        "description": "Tiny.",
        "license": "Apache-2.0",
        "source": {"path": "models/tiny", "files": {"config.json": "sha256:" + "0" * 64}},
        "context": 256,
        "serving": {"engine": "local"},
        "training": SECTION,
    }
    (tmp_path / "models" / "tiny.yaml").write_text(yaml.safe_dump(model), encoding="utf-8")
    return tmp_path


def test_a_stopped_run_continues_to_the_same_weights(root):
    reports = []
    stopped = train(root, "tiny", report=reports.append, steps=3)
    assert (stopped.steps, stopped.finished) == (3, False)
    assert (stopped.folder / "model.safetensors").exists()
    done = train(root, "tiny", report=reports.append, folder=root / "done")
    assert (done.steps, done.finished) == (8, True)
    assert [point.step for point in done.curve] == [3, 8]
    shutil.rmtree(root / ".sluice")
    again = train(root, "tiny", report=reports.append, folder=root / "again")
    assert again.digest == done.digest


def test_a_model_without_a_recipe_cannot_be_trained(root):
    path = root / "models" / "tiny.yaml"
    model = yaml.safe_load(path.read_text(encoding="utf-8"))
    del model["training"]
    path.write_text(yaml.safe_dump(model), encoding="utf-8")
    with pytest.raises(UsageError, match="no `training:` section"):
        train(root, "tiny", report=lambda progress: None)
