"""`sluice render --environment`: manifests of a revision, and what differs between two, readable and with refusals."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from cli.release_workplace import ENVIRONMENT, HERE
from miniature import CARD, MODEL, PROMPT, SUITE, commit, edit_prompt, write
from outside_tools import outside_tool

from sluice.catalog import GitTree, WorkingTree, load
from sluice.report.rendered import read_rendered
from sluice.rollout.proposal import touched

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = "infra/overlays/production/environment.yaml"
SERVING = {**MODEL["serving"], "resources": {"gpus": 1}}


@pytest.fixture
def place(repository, monkeypatch):
    """A committed repository with two environments, and Kustomize on the path."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(outside_tool("kustomize").parent), os.environ["PATH"]]))
    for name in ("base", "components", "overlays"):
        shutil.copytree(ROOT / "infra" / name, repository / "infra" / name)
    write(repository, HERE, ENVIRONMENT)
    write(repository, PRODUCTION, {**ENVIRONMENT, "cluster": "production", "namespace": "sluice-production"})
    write(repository, "models/served.yaml", {**MODEL, "serving": SERVING})
    commit(repository)
    return repository


def changed(text: str) -> list[str]:
    """The lines of a difference, without their indentation."""
    lines = [line.strip() for line in text.splitlines() if line.startswith(("    -", "    +"))]
    return [line[0] + line[1:].strip() for line in lines]


def test_the_manifests_that_would_be_released(place, sluice):
    code, out, _ = sluice("render", "--environment", "staging")
    assert code == 0 and out.startswith("# staging: release sha256:")
    kinds = {one["kind"] for one in yaml.safe_load_all(out)}
    assert {"Namespace", "Deployment", "ConfigMap", "Job"} <= kinds
    code, out, _ = sluice("render", "--environment", "all", "--head", "HEAD", "--format", "json")
    told = json.loads(out)
    assert [one["name"] for one in told["environments"]] == ["production", "staging"]
    assert len(told["commit"]) == 40 and told["environments"][0]["refusals"] == []
    assert sluice("render", "--environment", "staging", "--format", "markdown")[1].startswith("```yaml\n# staging")


def test_an_edit_of_a_prompt_is_the_prompts_own_difference(place, sluice, tmp_path_factory):
    edit_prompt(place, "Answer with the last word.\nBe very brief.")
    output = tmp_path_factory.mktemp("out") / "rendered.json"
    code, out, _ = sluice("render", "--environment", "all", "--base", "HEAD", "--output", str(output))
    assert code == 0
    assert changed(out) == ["-Be brief.", "+Be very brief."] * 2, "once for each environment, and no JSON"
    assert "the prompt bundle from" in out and "no pod restarts" in out
    assert "Deployment model-served: the release's digest alone" in out
    assert "~ ConfigMap prompt-bundle-" in out and " → prompt-bundle-" in out
    kept = read_rendered(output.read_bytes())
    assert kept.head is None and len(kept.base or "") == 40
    assert [one.name for one in kept.environments] == ["production", "staging"]


def test_an_argument_of_a_model_is_its_own_lines(place, sluice):
    write(place, "models/served.yaml", {**MODEL, "serving": {**SERVING, "arguments": {"max_total_tokens": 512}}})
    _, out, _ = sluice("render", "--environment", "staging", "--base", "HEAD")
    assert "+512" in changed(out)
    assert "max_total_tokens from unset to 512" in out and "pods restart: Deployment model-served" in out
    assert "nvidia.com/gpu: 1 before, 1 during the update, 1 after; 1 declared" in out


def test_an_edit_of_infra_is_its_manifest_in_one_environment(place, sluice):
    path = place / "infra/overlays/staging/kustomization.yaml"
    path.write_text(path.read_text() + "commonAnnotations: {team: search}\n")
    _, out, _ = sluice("render", "--environment", "all", "--base", "HEAD")
    assert "production: unchanged\n" in out
    assert "+team: search" in changed(out)


def test_a_link_that_leads_elsewhere_may_change_what_is_rendered(place):
    """A link has no content of its own to compare."""
    link = place / "infra/base/link.yaml"
    link.symlink_to("model-server/service.yaml")
    commit(place)
    link.unlink()
    link.symlink_to("model-server/deployment.yaml")
    before, after = load(GitTree(place, "HEAD")), load(WorkingTree(place))
    assert touched(before, after, "staging") and not touched(before, before, "staging")


def test_what_a_release_would_be_refused_for_is_said_and_is_exit_1(place, sluice):
    write(place, HERE, {**ENVIRONMENT, "serving": {"served": {"strategy": "surge"}}})
    code, out, _ = sluice("render", "--environment", "staging", "--base", "HEAD")
    assert code == 1
    assert "refused: the environment declares 1 nvidia.com/gpu" in out
    patch = place / "infra/overlays/staging/servers/kustomization.yaml"
    write(place, HERE, ENVIRONMENT)
    patch.write_text(patch.read_text() + "replicas: [{name: model, count: 7}]\n")
    code, out, _ = sluice("render", "--environment", "staging", "--base", "HEAD")
    assert code == 0, "the lock has the last word"


def test_what_cannot_be_rendered_is_a_refusal_and_exit_4(place, sluice):
    path = place / "infra/overlays/staging/kustomization.yaml"
    path.write_text(path.read_text() + "resources: [nowhere.yaml]\n")
    code, out, _ = sluice("render", "--environment", "all", "--base", "HEAD")
    assert code == 4
    assert "refused: it cannot be rendered: kustomize build failed" in out and "production: unchanged" in out
    commit(place)
    path.write_text(path.read_text().replace("resources: [nowhere.yaml]\n", ""))
    code, out, _ = sluice("render", "--environment", "staging", "--base", "HEAD")
    assert code == 0 and "the base cannot be rendered" in out and "manifests not compared" in out


def test_environments_come_and_go(place, sluice):
    shutil.rmtree(place / "infra/overlays/production")
    code, out, _ = sluice("render", "--environment", "all", "--base", "HEAD")
    assert code == 0 and "this environment is removed" in out and "staging: unchanged" in out
    commit(place)
    _, out, _ = sluice("render", "--environment", "production", "--base", "HEAD^", "--head", "HEAD")
    assert "is the last" in out
    _, out, _ = sluice("render", "--environment", "production", "--base", "HEAD", "--head", "HEAD^")
    assert "first release: the prompts answer on served" in out and "pods restart: Deployment model-served (new)" in out


@pytest.mark.parametrize(("outputs", "here", "kept"), [
    ("public", True, True), ("artifact", True, True), ("none", False, False),
])  # fmt: skip
def test_rows_of_a_corpus_are_shown_where_their_card_allows(place, sluice, tmp_path, outputs, here, kept):
    corpus = {**CARD, "outputs": outputs, "split": "corpus"}
    corpus = {key: value for key, value in corpus.items() if key not in ("slices", "cluster")}
    retrieval = {"into": "passages", "corpus": "articles", "query": "{{ question }}"}
    write(place, "datasets/articles.yaml", {**corpus, "inputs": {"type": "object"}})
    write(place, "datasets/articles.jsonl", [{"id": "a", "text": "the first"}, {"id": "b", "text": "the second"}])
    inputs = {**PROMPT["inputs"], "passages": {"type": "array"}}
    messages = [*PROMPT["messages"], {"role": "user", "content": "{% for one in passages %}{{ one.text }}{% endfor %}"}]
    prompt = {**PROMPT, "inputs": inputs, "retrieval": retrieval, "messages": messages}
    write(place, "prompts/answer.yaml", prompt)
    write(place, "evals/answer.yaml", {**SUITE, "retrieve": True})
    code, out, _ = sluice("check")
    assert code == 0, out
    commit(place)
    write(place, "datasets/articles.jsonl", [{"id": "a", "text": "the first"}, {"id": "b", "text": "another"}])
    output = tmp_path / ".sluice/rendered.json"
    output.parent.mkdir(exist_ok=True)
    _, out, _ = sluice("render", "--environment", "staging", "--base", "HEAD", "--output", str(output))
    assert ("another" in out, "another" in output.read_text()) == (here, kept)
    public = sluice("render", "--environment", "staging", "--base", "HEAD", "--format", "markdown")[1]
    assert ("another" in public) == (outputs == "public")


def test_nothing_that_reaches_an_environment_renders_nothing(place, sluice, monkeypatch):
    """No Kustomize is looked for."""
    monkeypatch.setenv("PATH", os.path.dirname(shutil.which("git")))
    monkeypatch.setattr("sluice.rollout.kustomize._candidates", lambda *_: [])
    write(place, "prompts/answer.yaml", {**PROMPT, "description": "Other words."})
    code, out, _ = sluice("render", "--environment", "all", "--base", "HEAD")
    assert (code, out) == (0, "production: unchanged\n\nstaging: unchanged\n")
    edit_prompt(place, "Answer.")
    code, out, err = sluice("render", "--environment", "all", "--base", "HEAD")
    assert (code, out) == (4, "") and "scripts/tools" in err


def test_a_plan_names_the_environments_whose_manifests_may_differ(place, server, sluice, tmp_path_factory, monkeypatch):
    def planned() -> str:
        output = tmp_path_factory.mktemp("step") / "output"
        monkeypatch.setenv("GITHUB_OUTPUT", str(output))
        output.touch()
        code, _, err = sluice("plan", "--base", "HEAD", "--github-output")
        assert code == 0, err
        lines = output.read_text().splitlines()
        return lines[next(index for index, line in enumerate(lines) if line.startswith("environments<<")) + 1]

    assert planned() == ""
    write(place, HERE, {**ENVIRONMENT, "capacity": {"nvidia.com/gpu": 3}})
    assert planned() == "staging"
    edit_prompt(place, "Answer.")
    assert planned() == "production,staging"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--environment", "stagin"], "staging"),
        (["answer", "--environment", "staging"], "are for messages"),
        (["--environment", "staging", "--output", "x"], "needs --base"),
        (["answer", "--base", "HEAD"], "are for --environment"),
        ([], "name a prompt, or an environment"),
    ],
)
def test_usage(place, sluice, words, said):
    code, out, err = sluice("render", *words)
    assert (code, out) == (2, "") and said in err


def test_a_repository_without_environments_says_so(repository, sluice):
    assert sluice("render", "--environment", "all", "--base", "HEAD")[:2] == (0, "no environments here\n")
