"""What plays a release: a ground floor with two environments, judge.yml on main, and what follows it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from cli.release_workplace import fill_examples
from e2e.act.running import ROOT, Finished
from e2e.act.workbench import Workbench, git, signing_floor
from miniature import MODEL, write

ENVIRONMENTS = ("staging", "production")
VARIABLES = {"SLUICE_STAGING": "staging", "SLUICE_PRODUCTION": "production"}
BETTER = "Answer with the last word, and nothing else."
WORSE = "Answer with the last word, never."


def environment(name: str) -> dict[str, Any]:
    """An environment's file."""
    return {
        "description": "For tests.",
        "cluster": name,
        "namespace": f"sluice-{name}",
        "prompts": ["answer"],
        "serving": {"served": {"strategy": "recreate"}},
        "accept": {"engines": ["tgi"]},
        "approvers": ["@octocat"],
        "capacity": {"nvidia.com/gpu": 1},
    }


def releasing_floor(root: Path) -> None:
    """The signing floor with two environments."""
    signing_floor(root)
    write(root, "models/served.yaml", {**MODEL, "serving": {**MODEL["serving"], "resources": {"gpus": 1}}})
    for name in ("base", "components", *(f"overlays/{one}" for one in ENVIRONMENTS)):
        shutil.copytree(ROOT / "infra" / name, root / "infra" / name)
    for name in ENVIRONMENTS:
        write(root, f"infra/overlays/{name}/environment.yaml", environment(name))
    fill_examples(root)


def prepared(work: Workbench, endpoint: str) -> Workbench:
    """Give a repository its signing key and its variables."""
    work.secrets["SLUICE_EVIDENCE_KEY"] = work.signing_key()
    work.variables.update(VARIABLES, SLUICE_ENDPOINT=endpoint)
    return work


def judged_first(work: Workbench, **options: Any) -> None:
    """Play judge.yml on the first push to main."""
    judged(work, "0" * 40, work.sha("main"), **options)


def judge(work: Workbench, before: str, after: str, **options: Any) -> Finished:
    """Play judge.yml on a push to main."""
    payload = {"ref": "refs/heads/main", "before": before, "after": after, "created": not int(before, 16)}
    payload |= {"deleted": False, "repository": work.forge.repository()}
    return work.run("push", "judge.yml", payload, at=after, **options)


def judged(work: Workbench, before: str, after: str, result: str = "success", **options: Any) -> None:
    """Play judge.yml, which must end so and record what it found."""
    done = judge(work, before, after, **options)
    assert done.results == {"judge": result, "record": "success"}, done.log


def after_judging(work: Workbench) -> Finished:
    """Play what starts when judge.yml has ended on main."""
    run = {"id": work.runs, "event": "push", "head_branch": "main", "conclusion": "success"}
    payload = {"action": "completed", "workflow_run": run, "repository": work.forge.repository()}
    return work.run("workflow_run", "release.yml", {**payload, "ref": "refs/heads/main"})


def started(work: Workbench, workflow: str, actor: str = "octocat", **inputs: str) -> Finished:
    """Play a workflow that a person started."""
    payload = {"ref": "refs/heads/main", "inputs": inputs, "repository": work.forge.repository()}
    return work.run("workflow_dispatch", workflow, payload, actor=actor)


def releases(work: Workbench, name: str) -> list[str]:
    """The numbers of an environment's releases at the remote, the newest first."""
    form = "--format=%(trailers:key=Release-Number,valueonly,separator=)"
    known = git(work.git_directory, "branch", "--list", f"deploy/{name}")
    return git(work.git_directory, "log", form, f"deploy/{name}").split() if known else []
