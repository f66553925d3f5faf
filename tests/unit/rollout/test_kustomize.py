"""Finding Kustomize: old ones are refused in words, and building fetches nothing and does not hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.errors import CannotJudge
from sluice.rollout import kustomize as room
from sluice.rollout.kustomize import Kustomize, find

KUBECTL = '#!/bin/sh\n[ "$1" = version ] && echo \'{{"clientVersion": {{}}, "kustomizeVersion": "{version}"}}\'\n'
STANDALONE = '#!/bin/sh\n[ "$1" = version ] && echo {version} || echo "kind: Built"\n'


def program(directory: Path, name: str, text: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(text)
    (directory / name).chmod(0o755)
    return directory / name


def test_the_repositorys_own_tool_comes_first(tmp_path: Path):
    own = program(tmp_path / ".cache/tools", "kustomize", STANDALONE.format(version="v5.8.1"))
    program(tmp_path / "bin", "kustomize", STANDALONE.format(version="v5.9.0"))
    assert find(tmp_path, str(tmp_path / "bin")) == Kustomize((str(own), "build"), "v5.8.1")


def test_kubectl_serves_where_it_is_new_enough(tmp_path: Path):
    program(tmp_path / "bin", "kustomize", STANDALONE.format(version="v4.5.7"))
    kubectl = program(tmp_path / "bin", "kubectl", KUBECTL.format(version="v5.10.0"))
    assert find(tmp_path, str(tmp_path / "bin")) == Kustomize((str(kubectl), "kustomize"), "v5.10.0")


def test_old_ones_are_named_with_their_versions(tmp_path: Path):
    program(tmp_path / "bin", "kustomize", STANDALONE.format(version="v5.7.1"))
    program(tmp_path / "bin", "kubectl", KUBECTL.format(version="v5.5.0"))
    with pytest.raises(CannotJudge) as refused:
        find(tmp_path, str(tmp_path / "bin"))
    assert "kustomize has v5.7.1" in str(refused.value) and "kubectl has v5.5.0" in str(refused.value)
    assert "5.8 or newer" in str(refused.value) and "scripts/tools" in str(refused.value)


@pytest.mark.parametrize("told", ["(devel)", "", "unknown"])
def test_a_version_that_is_none_is_not_trusted(tmp_path: Path, told: str):
    program(tmp_path / "bin", "kustomize", STANDALONE.format(version=f"'{told}'"))
    with pytest.raises(CannotJudge, match=r"Kustomize 5\.8 or newer"):
        find(tmp_path, str(tmp_path / "bin"))


def test_nothing_installed_is_said_as_such(tmp_path: Path):
    with pytest.raises(CannotJudge, match="neither kustomize nor kubectl is installed"):
        find(tmp_path, str(tmp_path))


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "_SECONDS", 0.3)
    slow = program(tmp_path, "kustomize", "#!/bin/sh\nwhile :; do :; done\n")
    with pytest.raises(CannotJudge, match="did not end within"):
        Kustomize((str(slow), "build"), "").build(tmp_path)


def test_refusals_carry_kustomizes_own_words(tmp_path: Path, kustomize: Kustomize):
    (tmp_path / "kustomization.yaml").write_text("resources: [absent.yaml]\n")
    with pytest.raises(CannotJudge, match=r"kustomize build failed: .*absent\.yaml"):
        kustomize.build(tmp_path)


def test_nothing_is_fetched(tmp_path: Path, kustomize: Kustomize):
    (tmp_path / "kustomization.yaml").write_text("resources: ['https://127.0.0.1:9/org/repository//base?ref=v1']\n")
    with pytest.raises(CannotJudge, match=r'no .?git|"git": executable file not found'):
        kustomize.build(tmp_path)


def test_files_from_elsewhere_are_not_read(tmp_path: Path, kustomize: Kustomize):
    (tmp_path / "secret.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/kustomization.yaml").write_text("resources: [../secret.yaml]\n")
    with pytest.raises(CannotJudge, match="security"):
        kustomize.build(tmp_path / "inner")
