from __future__ import annotations

import stat

import pytest

from sluice.adoption import keys
from sluice.catalog import WorkingTree
from sluice.errors import UsageError
from sluice.evidence.keys import read_keys, secret_key


def test_the_secret_stays_outside_and_only_its_owner_reads_it(copy, tmp_path):
    (copy / "infra/policy/keys/template.pub").unlink()
    assert not keys.has_key(copy)
    secret = keys.make_key(copy, tmp_path / "home")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert not secret.is_relative_to(copy)
    assert keys.has_key(copy)
    assert secret_key(secret.read_bytes()).keyid in read_keys(WorkingTree(copy)).by_id


def test_a_secret_that_an_interrupted_run_left_is_used_again(copy, tmp_path):
    secret = keys.make_key(copy, tmp_path / "home")
    before = secret.read_bytes()
    public = copy / "infra/policy/keys/evidence.pub"
    shown = public.read_bytes()
    public.unlink()
    assert keys.make_key(copy, tmp_path / "home") == secret
    assert (secret.read_bytes(), public.read_bytes()) == (before, shown)


def test_a_directory_inside_the_repository_is_refused_and_not_made(copy):
    with pytest.raises(UsageError, match="part of the repository"):
        keys.make_key(copy, copy / "secrets")
    assert not (copy / "secrets").exists()


def test_each_repository_has_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "my prompts").mkdir()
    assert keys.default_directory(tmp_path / "my prompts") == tmp_path / "sluice/my-prompts"
