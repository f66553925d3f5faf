"""`sluice new`: what cannot be a name, and what must not be written through."""

import os
import shutil
import subprocess

import pytest
from cli.release_workplace import ENVIRONMENT, HERE, ROOT, WHO, fill_examples
from miniature import MODEL, commit, write
from outside_tools import outside_tool


@pytest.mark.parametrize("kind", ["prompt", "dataset", "suite", "model"])
@pytest.mark.parametrize("name", ["n" * 300, "n" * 101, "../up", "Up"])
def test_a_name_that_no_file_may_have_is_refused(repository, sluice, kind, name):
    code, out, err = sluice("new", kind, name)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and "use" in err


def test_the_longest_name_is_a_name(repository, sluice):
    assert sluice("new", "model", "n" * 100)[0] == 0
    assert sluice("check")[0] == 0


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_is_written_through_a_link(repository, tmp_path_factory, sluice, exists):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "evil.yaml"
    if exists:
        elsewhere.write_text("mine")
    (repository / "prompts/evil.yaml").symlink_to(elsewhere)
    code, out, err = sluice("new", "prompt", "evil")
    assert (code, out) == (2, "")
    assert f"a link to {elsewhere}" in err
    assert not exists or elsewhere.read_text() == "mine"
    assert elsewhere.exists() == exists


def test_nothing_is_written_into_a_directory_that_is_a_link(repository, tmp_path_factory, sluice):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (repository / "prompts").rename(elsewhere / "prompts")
    (repository / "prompts").symlink_to(elsewhere / "prompts")
    code, _, err = sluice("new", "prompt", "evil")
    assert code == 2 and "link" in err
    assert not (elsewhere / "prompts/evil.yaml").exists()


def test_an_existing_file_is_named_in_good_grammar(repository, sluice):
    assert (
        "prompts/answer.yaml exists already; choose another name, or remove it first"
        in sluice("new", "prompt", "answer")[2]
    )


def test_a_suite_says_which_dataset_it_took(repository, sluice):
    code, out, _ = sluice("new", "suite", "other")
    assert (code, "its cases are those of questions, the first dataset" in out) == (0, True)
    assert sluice("new", "dataset", "own")[0] == 0
    code, out, _ = sluice("new", "suite", "own")
    assert (code, "its cases are" in out) == (0, False)


@pytest.fixture
def two_environments(repository):
    """The miniature repository with infra/ of this one, as `sluice init` leaves it."""
    for name in ("base", "components", "overlays", "gitops"):
        shutil.copytree(ROOT / "infra" / name, repository / "infra" / name)
    write(repository, HERE, ENVIRONMENT)
    write(repository, HERE.replace("staging", "live"), {**ENVIRONMENT, "cluster": "live", "namespace": "sluice-live"})
    shutil.rmtree(repository / "infra/overlays/production", ignore_errors=True)
    fill_examples(repository)
    resources = {"gpus": 1, "memory": "8Gi"}
    write(repository, "models/served.yaml", {**MODEL, "serving": {**MODEL["serving"], "resources": resources}})
    commit(repository)
    return repository


def test_an_environment_is_made_like_another_one_and_renders(two_environments, sluice, monkeypatch):
    kustomize = outside_tool("kustomize")
    monkeypatch.setenv("PATH", os.pathsep.join([str(kustomize.parent), os.environ["PATH"]]))
    code, out, err = sluice("new", "environment", "canary-eu")
    assert code == 0, err
    made = [line.removeprefix("wrote ") for line in out.splitlines() if line.startswith("wrote ")]
    assert sorted(made) == [
        "infra/gitops/argocd/canary-eu/kustomization.yaml",
        "infra/gitops/flux/canary-eu/kustomization.yaml",
        "infra/overlays/canary-eu/environment.yaml",
        "infra/overlays/canary-eu/kustomization.yaml",
        "infra/overlays/canary-eu/servers/kustomization.yaml",
    ]
    text = "".join((two_environments / path).read_text() for path in made)
    assert "staging" not in text and "deploy/canary-eu" in text and "sluice-canary-eu" in text
    assert sluice("check")[0] == 0
    for path in ("overlays/canary-eu", "gitops/flux/canary-eu", "gitops/argocd/canary-eu"):
        done = subprocess.run([kustomize, "build", two_environments / "infra" / path], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    commit(two_environments)
    code, out, err = sluice("release", "canary-eu", "--dry-run", "--first-by", WHO)
    assert code == 4 and "answer: no run of it is recorded (served on tgi would do)" in out, out + err
    assert "placeholder" not in out


def test_an_environment_is_made_like_the_one_that_is_named(two_environments, sluice):
    assert sluice("new", "environment", "second", "--like", "live")[0] == 0
    assert "namespace: sluice-second" in (two_environments / "infra/overlays/second/environment.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("staging",), "there is an environment staging already"),
        (("a.b",), "cannot name an environment"),
        (("checks",), "cannot name an environment"),
        (("second", "--like", "stagin"), "did you mean 'staging'?"),
    ],
)
def test_an_environment_that_cannot_be_is_refused(two_environments, sluice, words, said):
    code, out, err = sluice("new", "environment", *words)
    assert (code, out, said in err) == (2, "", True), err


def test_where_there_is_no_environment_nothing_can_be_made_alike(repository, sluice):
    code, _, err = sluice("new", "environment", "staging")
    assert code == 2 and "has no environment yet that staging could be made like" in err
    assert sluice("new", "prompt", "x", "--like", "staging")[0] == 2
