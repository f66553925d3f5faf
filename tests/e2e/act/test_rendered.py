"""pull-request.yml and comment.yml, played by act: what a change does to each environment stands in the comment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.act.test_comment import bodies, checks, report
from e2e.act.test_release import releasing_floor
from e2e.act.workbench import Workbench
from miniature import PROMPT, edit_prompt, write
from outside_tools import outside_tool
from servers.tgi import TgiServer

from sluice.report.rendered import read_rendered

pytestmark = pytest.mark.slow
Bench = Callable[..., Workbench]

PLANNED = {"plan": "success", "render": "success", "result": "success"}


@pytest.fixture
def work(bench: Bench, model: TgiServer) -> Workbench:
    """A repository with two environments."""
    outside_tool("kustomize")
    made = bench(releasing_floor)
    made.variables["SLUICE_ENDPOINT"] = model.url
    return made


def test_a_prompt_is_judged_and_rendered_beside_it(work: Workbench) -> None:
    pull = work.pull(lambda tree: edit_prompt(tree, "Answer with the last word, and nothing else."))
    done = work.judge(pull)
    assert done.results == {**PLANNED, "eval (answer)": "success", "gate": "success"}
    kept = read_rendered((work.artifact("sluice-rendered") / "rendered.json").read_bytes())
    assert (kept.base, kept.head) == (pull.base, pull.merge)
    assert "What would be released" in done.summary and "prompt-bundle-" in done.summary
    assert report(work, work.last_run(pull)).results == {"report": "success"}
    [body] = bodies(work, pull)
    assert "+- content: Answer with the last word, and nothing else." in body
    assert "**staging**: release" in body and "as in production" in body
    assert f"--head {pull.head[:12]}" in body
    assert checks(work, pull.head) == [("sluice", "success")]


def test_an_edit_of_infra_alone_is_rendered_and_told(work: Workbench) -> None:
    """No suite sees it, so nothing is judged; a release of it would be refused."""

    def edit(tree: Path) -> None:
        path = tree / "infra/overlays/staging/environment.yaml"
        path.write_text(path.read_text().replace("strategy: recreate", "strategy: surge"))

    pull = work.pull(edit)
    assert work.judge(pull).results == PLANNED
    report(work, work.last_run(pull))
    [body] = bodies(work, pull)
    assert "would be refused" in body and "**production**: unchanged" in body
    assert checks(work, pull.head) == [("sluice", "action_required")]


def test_what_cannot_be_rendered_fails_and_says_why(work: Workbench) -> None:
    def edit(tree: Path) -> None:
        path = tree / "infra/overlays/staging/kustomization.yaml"
        path.write_text(path.read_text() + "components: [nowhere]\n")

    pull = work.pull(edit)
    done = work.judge(pull)
    assert done.results == {"plan": "success", "render": "failure", "result": "failure"}
    report(work, work.last_run(pull))
    [body] = bodies(work, pull)
    assert "it cannot be rendered" in body
    assert checks(work, pull.head) == [("sluice", "failure")]


def test_what_reaches_no_environment_is_not_rendered(work: Workbench) -> None:
    pull = work.pull(lambda tree: write(tree, "prompts/answer.yaml", {**PROMPT, "description": "Other words."}))
    assert work.judge(pull).results == {"plan": "success", "result": "success"}
