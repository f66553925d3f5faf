"""The forge's settings that lie here are whole, and name what the workflows use."""

import re
from pathlib import Path

import pytest
import yaml

from sluice.adoption import settings
from sluice.adoption.answers import stored
from sluice.adoption.known import REGISTRY, SECRETS, VARIABLES
from sluice.adoption.rulesets import CLOSING_JOB, MAIN, REQUIRED_CHECK
from sluice.adoption.template import TEMPLATE

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = settings.read(ROOT)
WORKFLOWS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml")}
JOBS = {(name, job): body for name, text in WORKFLOWS.items() for job, body in yaml.safe_load(text)["jobs"].items()}
GUIDE = (ROOT / "docs/adopting.md").read_text(encoding="utf-8")


def test_the_template_holds_what_its_own_answers_ask_for() -> None:
    if stored(ROOT) is not None:
        pytest.skip("this copy has been adopted: its settings are its owner's")
    assert settings.desired(TEMPLATE) == SETTINGS


def test_main_is_closed_by_both_checks_and_for_everybody() -> None:
    main = SETTINGS.rulesets[MAIN]
    assert (main["enforcement"], main["bypass_actors"]) == ("active", [])
    checks = next(rule for rule in main["rules"] if rule["type"] == "required_status_checks")["parameters"]
    assert {REQUIRED_CHECK, CLOSING_JOB} <= {check["context"] for check in checks["required_status_checks"]}


def test_the_closing_job_has_the_name_that_is_required() -> None:
    closing = [body for (name, _), body in JOBS.items() if name == "pull-request.yml" and body.get("if") == "always()"]
    assert [body["name"] for body in closing] == [CLOSING_JOB]


def test_no_job_has_the_name_of_the_check() -> None:
    assert not [job for job, body in JOBS.items() if REQUIRED_CHECK in (job[1], body.get("name"))]


def test_workflows_and_the_list_name_the_same_variables() -> None:
    used = {name for text in WORKFLOWS.values() for name in re.findall(r"\bvars\.(\w+)", text)}
    assert used | {REGISTRY} == set(VARIABLES)


def test_workflows_and_the_list_name_the_same_secrets() -> None:
    used = {name for text in WORKFLOWS.values() for name in re.findall(r"\bsecrets\.(\w+)", text)}
    assert used - {"GITHUB_TOKEN"} == set(SECRETS)


def test_a_secret_of_an_environment_is_read_in_that_environment_alone() -> None:
    wrong = [
        (job, name)
        for job, body in JOBS.items()
        for name in re.findall(r"\bsecrets\.(\w+)", str(body))
        if name in SECRETS and SECRETS[name].environments and body.get("environment") not in SECRETS[name].environments
    ]
    assert not wrong


def test_environments_of_the_workflows_are_set_up() -> None:
    """A name that a variable gives is an environment of `infra/overlays`; the owner says which."""
    named = {body["environment"] for body in JOBS.values() if "environment" in body}
    given = {re.fullmatch(r"\$\{\{ vars\.(\w+) \}\}", name) for name in named} - {None}
    assert {found[1] for found in given} == {"SLUICE_STAGING", "SLUICE_PRODUCTION"}
    assert named - {found[0] for found in given} <= set(SETTINGS.environments)


def test_only_the_forges_own_actions_are_used_as_the_settings_demand() -> None:
    used = {name for text in WORKFLOWS.values() for name in re.findall(r"uses: +([^\s@]+)@", text)}
    assert used
    assert not [name for name in used if not name.startswith("actions/")]


@pytest.mark.parametrize("name", [*VARIABLES, *SECRETS])
def test_the_guide_names_it(name: str) -> None:
    assert f"`{name}`" in GUIDE


@pytest.mark.parametrize("name", SETTINGS.rulesets if stored(ROOT) is None else [])
def test_the_guide_explains_each_ruleset(name: str) -> None:
    assert f"`{name}`" in GUIDE
