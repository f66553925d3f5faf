"""Which engine answers, and that weights are exactly the named files."""

import hashlib

import pytest
from miniature import MODEL, commit, git, miniature, write

from sluice.catalog import GitTree, WorkingTree, load
from sluice.errors import CannotJudge, UsageError
from sluice.runner.closure import closure
from sluice.runner.connect import connect, weights_directory
from sluice.runner.engine import Engine, choose_engine

DATA = b"weights"
FILES = {"model.safetensors": "sha256:" + hashlib.sha256(DATA).hexdigest()}
EMBEDDED = {
    **MODEL, "source": {"path": "models/small", "files": FILES}, "serving": {"engine": "local"},
}  # fmt: skip


def with_weights(root, data=DATA):
    miniature(root, count=3)
    write(root, "models/small.yaml", EMBEDDED)
    (root / "models" / "small").mkdir()
    (root / "models" / "small" / "model.safetensors").write_bytes(data)
    commit(root)
    return root


def test_an_endpoint_wins_then_own_weights_then_a_stand_in(tmp_path):
    root = with_weights(tmp_path)
    write(root, "models/large.yaml", {**MODEL, "stand_in": "small"})
    catalog = load(WorkingTree(root))
    served = choose_engine(catalog, "small", {"SLUICE_ENDPOINT_SMALL": "http://localhost:1"})
    assert (served.name, served.model, served.stands_in_for) == ("local", "small", None)
    assert served.endpoint.url == "http://localhost:1"
    assert choose_engine(catalog, "small", {}).endpoint is None
    stand_in = choose_engine(catalog, "large", {})
    assert (stand_in.name, stand_in.model, stand_in.stands_in_for) == ("local", "small", "large")
    assert "standing in for large" in stand_in.title


def test_nothing_to_answer_is_said_with_the_ways_out(tmp_path):
    catalog = load(WorkingTree(with_weights(tmp_path)))
    with pytest.raises(CannotJudge, match=r"SLUICE_ENDPOINT_SERVED.*stand_in"):
        choose_engine(catalog, "served", {})


def test_the_working_trees_weights_are_used_where_they_lie(tmp_path):
    catalog = load(WorkingTree(with_weights(tmp_path)))
    source = catalog.models["small"].value.source
    assert weights_directory(catalog, source, tmp_path / ".sluice") == tmp_path / "models" / "small"


def test_another_revisions_weights_are_laid_out_and_checked(tmp_path):
    root = with_weights(tmp_path)
    git(root, "rm", "--quiet", "-r", "models/small", "models/small.yaml")
    commit(root)
    catalog = load(GitTree(root, "HEAD~1"))
    source = catalog.models["small"].value.source
    directory = weights_directory(catalog, source, root / ".sluice")
    assert (directory / "model.safetensors").read_bytes() == DATA
    (directory / "model.safetensors").write_bytes(b"tampered")
    again = weights_directory(catalog, source, root / ".sluice")
    assert (again / "model.safetensors").read_bytes() == DATA


@pytest.mark.parametrize("data", [b"others", None])
def test_weights_that_are_not_the_named_ones_are_refused(tmp_path, data):
    root = with_weights(tmp_path, data or DATA)
    if data is None:
        (root / "models" / "small" / "model.safetensors").unlink()
    catalog = load(WorkingTree(root))
    with pytest.raises(CannotJudge, match=r"model\.safetensors"):
        weights_directory(catalog, catalog.models["small"].value.source, root / ".sluice")


def test_the_environment_says_which_engine_answers_at_an_endpoint(tmp_path):
    """It is part of what was judged: answers of another engine are another closure."""
    catalog = load(WorkingTree(miniature(tmp_path, count=3)))
    there = {"SLUICE_ENDPOINT": "http://localhost:1"}
    own = choose_engine(catalog, "served", there)
    other = choose_engine(catalog, "served", {**there, "SLUICE_ENGINE_SERVED": "vllm"})
    assert (own.name, other.name) == ("tgi", "vllm")
    assert closure(catalog, "answer", own).differences(closure(catalog, "answer", other)) == ("engine",)
    with pytest.raises(UsageError, match="SLUICE_ENGINE is 'vlm'; did you mean 'vllm'"):
        choose_engine(catalog, "served", {**there, "SLUICE_ENGINE": "vlm"})


def test_where_evals_start_servers_the_model_file_names_the_engine(tmp_path):
    catalog = load(WorkingTree(with_weights(tmp_path)))
    assert choose_engine(catalog, "served", {"SLUICE_SERVE": "1"}) == Engine("tgi", "served")
    assert choose_engine(catalog, "small", {"SLUICE_SERVE": " "}) == Engine("local", "small")


def test_a_server_that_nobody_started_is_never_answered_for_by_the_weights(tmp_path):
    catalog = load(WorkingTree(with_weights(tmp_path)))
    with pytest.raises(CannotJudge, match="no server of small was started"):
        connect(catalog, Engine("tgi", "small"), tmp_path / ".sluice")


def test_the_local_engine_loads_no_adapter(tmp_path):
    root = with_weights(tmp_path)
    write(root, "models/small.yaml", {**EMBEDDED, "serving": {"engine": "local", "adapter": "tone"}})
    catalog = load(WorkingTree(root))
    with pytest.raises(CannotJudge, match=r"answers with tone; set SLUICE_ENDPOINT_SMALL"):
        connect(catalog, choose_engine(catalog, "small", {}), root / ".sluice")
