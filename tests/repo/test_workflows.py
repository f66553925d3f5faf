"""What act cannot show about the workflows, because it ignores it: who may do what, for how long, and on whose say."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from outside_tools import outside_tool

from sluice.forge.artifact import JUDGEMENT, RENDERED, Kind
from sluice.forge.event import WORKFLOW

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
FILES = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").rglob("action.yml"))
STEPS_OF_CI = sorted((ROOT / "scripts/ci").iterdir())
TRIGGERS = {
    "pull-request": {"pull_request", "merge_group"},
    "comment": {"workflow_run"},
    "judge": {"push", "workflow_dispatch"},
    "commands": {"issue_comment"},
    "nightly": {"schedule", "workflow_dispatch"},
    "release": {"workflow_run", "workflow_dispatch"},
    "promote": {"workflow_dispatch"},
    "drift": {"schedule", "workflow_dispatch"},
}
ALLOWED_ACTIONS = {
    "actions/checkout",
    "actions/setup-python",
    "actions/upload-artifact",
    "actions/download-artifact",
    "actions/create-github-app-token",
}
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
UNTRUSTED_STAGE = "pull-request"
SIGNS = {
    ("judge", "record"),
    ("commands", "accept"),
    ("release", "release"),
    ("release", "record"),
    ("promote", "release"),
}
"""Jobs that hold the signing key, and push to the branch of evidence or to a deploy branch."""

PUSHES = SIGNS
"""Jobs that keep the checkout's credentials because they push."""

REACHES_A_CLUSTER = {("release", "rollout"), ("promote", "rollout"), ("drift", "compare")}
"""Jobs that hold a kubeconfig."""

KEYS = {"SLUICE_APP_KEY", "SLUICE_DEPLOY_KEY", "SLUICE_EVIDENCE_KEY"}

SECRETS = {
    ("pull-request", "eval"): {"SLUICE_API_KEY"},
    ("pull-request", "gate"): {"SLUICE_API_KEY"},
    ("comment", "report"): {"SLUICE_APP_KEY"},
    ("judge", "judge"): {"SLUICE_API_KEY"},
    ("commands", "eval"): {"SLUICE_API_KEY"},
    ("commands", "report"): {"SLUICE_APP_KEY"},
    ("nightly", "suites"): {"SLUICE_API_KEY"},
    ("release", "smoke"): {"SLUICE_API_KEY"},
    **{job: {"SLUICE_KUBECONFIG"} for job in REACHES_A_CLUSTER},
    **dict.fromkeys(SIGNS, KEYS),
}
WRITES = {
    ("comment", "report"): {"checks", "pull-requests"},
    **{job: {"contents"} for job in SIGNS},
    ("commands", "command"): {"pull-requests"},
    ("commands", "report"): {"checks", "pull-requests"},
    ("commands", "accept"): {"contents", "pull-requests"},
    ("nightly", "tell"): {"issues"},
}
ENVIRONMENTS = {
    ("comment", "report"): "checks",
    ("commands", "report"): "checks",
    **dict.fromkeys(SIGNS, "evidence"),
    ("release", "smoke"): "${{ vars.SLUICE_STAGING }}",
    ("release", "rollout"): "${{ vars.SLUICE_STAGING }}",
    ("promote", "approve"): "${{ vars.SLUICE_PRODUCTION }}",
    ("promote", "rollout"): "${{ vars.SLUICE_PRODUCTION }}",
    ("drift", "compare"): "checks",
}


def load(path: Path) -> dict[str, Any]:
    """Read YAML as GitHub does: `on` is a word, not a truth value."""
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))


WORKFLOWS = {path.stem: load(path) for path in FILES}


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(name, job, body) for name, flow in WORKFLOWS.items() for job, body in flow["jobs"].items()]


JOBS = jobs()
each_job = pytest.mark.parametrize(("name", "job", "body"), JOBS, ids=[f"{name}-{job}" for name, job, _ in JOBS])
each_workflow = pytest.mark.parametrize("name", WORKFLOWS)


def steps(value: Any) -> Iterator[dict[str, Any]]:
    """Every step of a workflow or an action."""
    if isinstance(value, dict):
        if "uses" in value or isinstance(value.get("run"), str):
            yield value
        for inner in value.values():
            yield from steps(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from steps(inner)


def text_of(name: str) -> str:
    return (GITHUB / f"workflows/{name}.yml").read_text(encoding="utf-8")


def test_these_are_the_workflows_and_what_starts_them() -> None:
    assert {name: set(flow["on"]) for name, flow in WORKFLOWS.items()} == TRIGGERS
    assert f".github/workflows/{UNTRUSTED_STAGE}.yml" == WORKFLOW, "the only file whose artifacts are read"


def test_triggers_are_as_narrow_as_they_must_be_and_no_gate_is_filtered_away() -> None:
    """A required check of a workflow that a filter left out stays pending for ever."""
    assert WORKFLOWS["pull-request"]["on"] == {"pull_request": "", "merge_group": ""}
    assert WORKFLOWS["comment"]["on"]["workflow_run"] == {"workflows": ["pull-request"], "types": ["completed"]}
    assert WORKFLOWS["comment"]["on"]["workflow_run"]["workflows"] == [WORKFLOWS["pull-request"]["name"]]
    assert WORKFLOWS["judge"]["on"]["push"] == {"branches": ["main"]}
    assert WORKFLOWS["commands"]["on"]["issue_comment"] == {"types": ["created"]}
    after_judging = {"workflows": [WORKFLOWS["judge"]["name"]], "types": ["completed"], "branches": ["main"]}
    assert WORKFLOWS["release"]["on"]["workflow_run"] == after_judging


@each_workflow
def test_nothing_runs_foreign_code_with_the_default_branchs_rights(name: str) -> None:
    text = text_of(name)
    assert "pull_request_target" not in text
    if name != UNTRUSTED_STAGE:
        assert not re.search(r"head[_.](sha|ref|repository\.clone)|github\.head_ref|refs/pull", _checkouts(name))


def _checkouts(name: str) -> str:
    """What the checkouts of a workflow are told."""
    uses = [step for step in steps(WORKFLOWS[name]) if "actions/checkout@" in step.get("uses", "")]
    return "\n".join(str(step.get("with", {})) for step in uses)


@each_workflow
def test_nothing_is_granted_to_a_whole_workflow(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}
    assert WORKFLOWS[name]["name"] == name
    assert WORKFLOWS[name]["defaults"] == {"run": {"shell": "bash"}}, "only a named bash fails on a broken pipe"


@each_job
def test_a_job_has_rights_of_its_own_a_limit_and_a_runner_that_is_meant(name: str, job: str, body: Any) -> None:
    rights = body["permissions"]
    assert {right for right, level in rights.items() if level == "write"} == WRITES.get((name, job), set())
    assert 1 <= int(body["timeout-minutes"]) <= 360
    hosted = body["runs-on"] == "ubuntu-latest"
    assert hosted or (name, job) in {("pull-request", "eval"), ("pull-request", "gate"), ("judge", "judge"),
                                     ("commands", "eval"), ("nightly", "suites"), ("release", "smoke"),
                                     *REACHES_A_CLUSTER}  # fmt: skip
    assert body.get("environment") == ENVIRONMENTS.get((name, job))
    assert "continue-on-error" not in body and "container" not in body and "services" not in body


@each_workflow
def test_every_right_that_is_granted_has_its_reason_beside_it(name: str) -> None:
    granted = re.findall(r"^ {6}[\w-]+: (?:read|write)\b(.*)$", text_of(name), re.MULTILINE)
    assert granted and all(re.match(r" # to \w+", reason) for reason in granted)


@each_job
def test_secrets_go_only_where_they_are_used(name: str, job: str, body: Any) -> None:
    used = set(re.findall(r"secrets\.(\w+)", str(body)))
    assert used == SECRETS.get((name, job), set())
    assert "toJSON(secrets" not in str(body) and "inherit" not in str(body)
    for step in steps(body):
        assert "secrets." not in str({**step, "env": "", "with": ""})


@each_workflow
def test_no_secret_is_given_to_a_whole_workflow(name: str) -> None:
    assert "secrets." not in str({**WORKFLOWS[name], "jobs": ""})


def test_a_fork_gets_no_runner_and_no_endpoint_of_the_repository() -> None:
    """The variables of both stand only behind the question whose branch it is; a merge group is always our own."""
    flow = WORKFLOWS[UNTRUSTED_STAGE]
    places = {
        "ENDPOINT": (flow["env"]["SLUICE_ENDPOINT"], "''"),
        "SERVE": (flow["env"]["SLUICE_SERVE"], "''"),
        "RUNNER": (flow["jobs"]["plan"]["outputs"]["runner"], "'ubuntu-latest'"),
    }
    for variable, (place, otherwise) in places.items():
        guard = f"(github.event_name == 'merge_group' || {SAME_REPOSITORY})"
        assert " ".join(place.split()) == f"${{{{ {guard} && vars.SLUICE_{variable} || {otherwise} }}}}"
        assert text_of(UNTRUSTED_STAGE).count(f"vars.SLUICE_{variable}") == 1


@each_workflow
def test_runs_of_one_thing_do_not_meet(name: str) -> None:
    """Only a newer push to a pull request stops an older run; what judges or tells about main is never stopped."""
    concurrency = WORKFLOWS[name]["concurrency"]
    assert concurrency["group"].startswith(name)
    pull_request = "${{ github.event_name == 'pull_request' }}"
    assert concurrency["cancel-in-progress"] == (pull_request if name == UNTRUSTED_STAGE else "false")


def all_steps() -> list[tuple[str, dict[str, Any]]]:
    sources = {**WORKFLOWS, **{path.parent.name: load(path) for path in ACTIONS}}
    return [(name, step) for name, source in sources.items() for step in steps(source)]


def test_actions_are_pinned_by_hash_one_hash_each_and_named_beside_it() -> None:
    pins: dict[str, set[str]] = {}
    for path in [*FILES, *ACTIONS]:
        for line in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8")):
            if line.startswith("./.github/actions/"):
                assert (ROOT / line / "action.yml").is_file()
                continue
            found = re.fullmatch(r"([\w-]+/[\w-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+", line)
            assert found, f"{path.name}: {line}"
            pins.setdefault(found[1], set()).add(found[2])
    assert set(pins) == ALLOWED_ACTIONS
    assert all(len(hashes) == 1 for hashes in pins.values())


def test_artifacts_are_of_the_version_that_act_understands() -> None:
    for action in ("upload", "download"):
        assert set(re.findall(rf"actions/{action}-artifact@\w+ # v(\d+)", "\n".join(map(text_of, WORKFLOWS)))) == {"4"}


def test_no_expression_reaches_a_shell() -> None:
    assert not [(name, step["run"]) for name, step in all_steps() if "${{" in step.get("run", "")]


def test_steps_are_thin() -> None:
    long = [(name, step["run"]) for name, step in all_steps() if len(step.get("run", "").strip().splitlines()) > 5]
    assert not long


def test_checkouts_say_whether_they_keep_credentials() -> None:
    kept = set()
    for name, job, body in JOBS:
        for step in steps(body):
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] in ("true", "false")
                kept |= {(name, job)} if step["with"]["persist-credentials"] == "true" else set()
    assert kept == PUSHES


def test_a_job_that_keeps_credentials_uploads_nothing() -> None:
    pushing = [body for name, job, body in JOBS if (name, job) in PUSHES]
    assert len(pushing) == len(PUSHES)
    assert not [body for body in pushing if "upload-artifact" in str(body)]


def test_artifacts_are_kept_for_a_stated_time() -> None:
    uploads = [step["with"] for _, step in all_steps() if "upload-artifact" in step.get("uses", "")]
    assert uploads and all(1 <= int(one["retention-days"]) <= 90 for one in uploads)


def test_the_closing_job_waits_for_every_other_and_always_runs() -> None:
    flow = WORKFLOWS[UNTRUSTED_STAGE]["jobs"]
    closing = flow["result"]
    assert closing["if"] == "always()"
    assert set(closing["needs"]) == set(flow) - {"result"}
    step = closing["steps"][-1]
    named = [re.fullmatch(r"needs\.(\w+)\.result", one) for one in re.findall(r"\${{ (.*?) }}", step["env"]["FOUND"])]
    assert [found[1] for found in named if found] == closing["needs"]
    assert step["run"].strip().splitlines()[-1] == 'test "$FOUND" = "$WANTED"'


@pytest.mark.parametrize("kind", [JUDGEMENT, RENDERED], ids=lambda kind: kind.name)
def test_the_artifacts_of_the_untrusted_stage_are_those_that_are_read(kind: Kind) -> None:
    """The same name in a trusted stage would be another thing."""
    uploads = [step["with"] for step in steps(WORKFLOWS[UNTRUSTED_STAGE]) if "upload-artifact" in step.get("uses", "")]
    assert [one["path"] for one in uploads if one["name"] == kind.name] == [kind.member]


def test_nothing_asks_whether_act_plays_it() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*FILES, *ACTIONS, *STEPS_OF_CI])
    assert not re.search(r"\bACT\b|event\.act\b|nektos", text)


@pytest.mark.parametrize("path", STEPS_OF_CI, ids=lambda path: path.name)
def test_scripts_of_steps_are_short_strict_and_executable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert path.stat().st_mode & 0o111
    assert text.startswith("#!/usr/bin/env bash\n# ") and lines[0] == "set -euo pipefail"
    assert len(lines) <= 20
    assert path.name in "\n".join(map(text_of, WORKFLOWS)), "a script that no workflow runs"
    done = subprocess.run([outside_tool("shellcheck"), path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing() -> None:
    command = [outside_tool("actionlint"), "-shellcheck", outside_tool("shellcheck"), "-pyflakes", "", *FILES]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing_even_as_an_auditor() -> None:
    command = [outside_tool("zizmor"), "--offline", "--persona=auditor", "--no-progress", ".github"]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_act_reads_every_workflow(tmp_path: Path) -> None:
    """Its schema knows no newer key than the runner has; a file that it refuses could not be tested."""
    command = [outside_tool("act"), "--validate", "--strict", "--workflows", GITHUB / "workflows", "--platform", "a=b"]
    alone = {"HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, env=alone)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_zizmor_ignores_has_its_reason() -> None:
    inline = [line for path in FILES for line in path.read_text("utf-8").splitlines() if "zizmor: ignore" in line]
    assert inline and all(re.search(r"zizmor: ignore\[[\w-]+\] \w+ .{20}", line) for line in inline)
    config = (GITHUB / "zizmor.yml").read_text(encoding="utf-8")
    rules = yaml.safe_load(config)["rules"]
    for rule in rules:
        assert re.search(rf"^  {rule}:\n    # .{{40}}", config, re.MULTILINE), rule


def test_the_core_packages_are_those_of_the_whole_lock() -> None:
    """Planning, gating and reporting install them alone; what they find must not hang on another version."""
    whole, core = (_entries(ROOT / name) for name in ("requirements.lock", "requirements-core.lock"))
    assert core and core <= whole, "run scripts/lock"
    named = {pin.partition("==")[0] for pin, _ in core}
    assert "torch" not in named
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {re.split(r"[>=<\[]", one)[0].lower() for one in declared} <= named, "run scripts/lock"


def _entries(path: Path) -> set[tuple[str, frozenset[str]]]:
    """Every pin with its hashes; where it applies may differ."""
    entries = [entry for entry in re.split(r"\n(?=\S)", path.read_text(encoding="utf-8")) if "==" in entry]
    return {(re.split(r"[ ;]", entry)[0], frozenset(re.findall(r"sha256:(\w+)", entry))) for entry in entries}
