import pytest

from sluice.errors import UsageError
from sluice.training.weights import pin

OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "a" * 64


def test_pinning_changes_the_digest_and_nothing_else(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text(
        f'source:\n  files:\n    config.json: "{OLD}"  \n    model.safetensors: "{OLD}"\n'.replace("  \n", "\n")
    )
    pin(path, {"model.safetensors": NEW})
    assert path.read_text() == f'source:\n  files:\n    config.json: "{OLD}"\n    model.safetensors: "{NEW}"\n'


def test_a_file_that_is_not_listed_is_said(tmp_path):
    path = tmp_path / "model.yaml"
    path.write_text("source:\n")
    with pytest.raises(UsageError, match=r"config\.json 0 times"):
        pin(path, {"config.json": NEW})
