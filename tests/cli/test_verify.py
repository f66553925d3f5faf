"""Releases verified offline from a fresh clone; every part that is altered is found."""

import json
import subprocess

import pytest
from cli.release_workplace import GOOD, workplace
from miniature import git

from sluice.evidence.keys import SECRET_VARIABLE


@pytest.fixture
def place(repository, server, sluice, monkeypatch, tmp_path_factory):
    made = workplace(repository, sluice, monkeypatch, tmp_path_factory.mktemp("outside"))
    made.first()
    made.merge(GOOD)
    made.judge()
    assert made.release()[0] == 0
    return made


def test_a_fresh_clone_verifies_the_whole_history_offline(place, tmp_path_factory, monkeypatch):
    clone = place.clone(tmp_path_factory.mktemp("clone") / "c")
    monkeypatch.delenv(SECRET_VARIABLE)
    code, out, err = place.sluice("verify", "--all", "--root", str(clone))
    assert code == 0, out + err
    assert "2 of 2 verify" in err
    told = json.loads(place.sluice("verify", "--root", str(clone), "--format", "json")[1])["releases"]
    assert [(one["number"], one["verified"], one["signed"]) for one in told] == [(2, True, True)]
    assert place.sluice("verify", "1", "--root", str(clone))[0] == 0


def altered(clone, edit, message=None):
    """Replace the newest release by one whose files were edited, on the same parent."""
    git(clone, "checkout", "--quiet", "-B", "deploy/staging", "origin/deploy/staging")
    edit(clone)
    git(clone, "add", "--all")
    words = ["-m", message] if message else ["--no-edit"]
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.test"]
    git(clone, *identity, "commit", "--quiet", "--allow-empty", "--amend", *words)
    git(clone, "update-ref", "refs/remotes/origin/deploy/staging", "HEAD")
    git(clone, "checkout", "--quiet", "main")


def replace(path, old, new):
    def edit(root):
        (target,) = root.glob(path)
        text = target.read_text()
        assert old in text
        target.write_text(text.replace(old, new))

    return edit


EDITS = {
    "manifest": (replace("manifests/*-deployment-*.yaml", "replicas: 1", "replicas: 2"), "about another manifests"),
    "prompt": (replace("bundle/prompt-answer.json", "very brief", "very long"), "is not what the manifest says"),
    "record": (replace("release.json", '"number":2', '"number":7'), "its number is 7, after 1"),
    "lock": (replace("release.json", '"replicas":1', '"replicas":2'), "the trailer Release of the commit says"),
    "policy": (replace("release.json", '"word":"pass"', '"word":"first"'), "what was signed is about another record"),
    "signature": (lambda root: (root / "release.dsse.json").unlink(), "it is not signed"),
    "more": (lambda root: (root / "bundle/more").write_text(""), "more is no part of the bundle"),
}


@pytest.mark.parametrize("name", EDITS)
def test_every_part_that_is_altered_is_found(place, tmp_path_factory, name):
    clone = place.clone(tmp_path_factory.mktemp("clone") / "c")
    edit, told = EDITS[name]
    altered(clone, edit)
    code, out, _ = place.sluice("verify", "--root", str(clone))
    assert code == 1
    assert "NOT VERIFIED" in out and told in out


def test_trailers_and_evidence_that_do_not_fit_are_found(place, tmp_path_factory):
    clone = place.clone(tmp_path_factory.mktemp("clone") / "c")
    altered(clone, lambda root: None, "Release 2 of staging\n\nRelease-Number: 2\n")
    git(clone, "update-ref", "-d", "refs/remotes/origin/evidence")
    code, out, _ = place.sluice("verify", "--root", str(clone))
    assert code == 1
    assert "the trailer Release of the commit says nothing" in out
    assert "which it rests on, is not on the branch evidence" in out
    assert "the run that it was judged on is not on the branch evidence" in out


def test_a_key_that_main_does_not_list_is_told(place, tmp_path_factory):
    clone = place.clone(tmp_path_factory.mktemp("clone") / "c")
    subprocess.run(["rm", "-r", clone / "infra/policy"], check=True)
    git(clone, "add", "--all")
    git(clone, "-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "--quiet", "-m", "key")
    git(clone, "update-ref", "refs/remotes/origin/main", "HEAD")
    code, out, _ = place.sluice("verify", "--root", str(clone))
    assert code == 1
    assert "does not list" in out


def test_nothing_released_is_usage(repository, sluice):
    code, _, err = sluice("verify")
    assert code == 2
    assert "no release that is meant is known here" in err
