from __future__ import annotations

import pytest
import yaml
from miniature import commit, git

from sluice.adoption import answers, settings
from sluice.adoption.performing import perform, regenerate
from sluice.adoption.plan import foreign_changes, plan
from sluice.catalog import WorkingTree, load
from sluice.checks import check
from sluice.errors import CannotJudge, UsageError


def carry_out(copy, adoption, previous=None):
    planned = plan(copy, adoption, previous)
    perform(copy, planned)
    regenerate(copy)
    return planned


def errors(copy):
    return [str(finding) for finding in check(load(WorkingTree(copy))) if finding.severity == "error"]


@pytest.fixture
def served(adoption):
    return adoption.model_copy(update={"model": "qwen2.5-1.5b", "embedded": False})


def test_what_is_left_is_a_valid_repository_with_an_application_of_ones_own(copy, adoption):
    carry_out(copy, adoption)
    assert sorted(path.name for path in (copy / "prompts").iterdir()) == ["assistant.yaml"]
    assert yaml.safe_load((copy / "prompts/assistant.yaml").read_text())["owners"] == ["llm"]
    assert not (copy / "scripts/demo").exists() and not (copy / "scripts/demo-edits").exists()
    assert (copy / "tests/unit/test_digest.py").exists()
    assert [one for one in errors(copy) if "portal-small" not in one] == []
    card = yaml.safe_load((copy / "datasets/assistant.yaml").read_text())
    assert card["held_out_from"] == ["portal-training"]


def test_another_model_leaves_nothing_of_the_embedded_one(copy, served):
    carry_out(copy, served)
    assert errors(copy) == []
    assert sorted(path.name for path in (copy / "models").iterdir()) == ["qwen2.5-1.5b.yaml"]
    assert "stand_in" not in (copy / "models/qwen2.5-1.5b.yaml").read_text()
    assert yaml.safe_load((copy / "prompts/assistant.yaml").read_text())["model"] == "qwen2.5-1.5b"
    assert sorted(path.name for path in (copy / "datasets").iterdir()) == ["assistant.jsonl", "assistant.yaml"]
    assert "portal" not in (copy / "README.md").read_text()


def test_the_embedded_model_can_stand_in(copy, served):
    carry_out(copy, served.model_copy(update={"embedded": True}))
    assert "stand_in: portal-small" in (copy / "models/qwen2.5-1.5b.yaml").read_text()
    assert (copy / "models/portal-small.yaml").exists()
    assert yaml.safe_load((copy / "prompts/assistant.yaml").read_text())["model"] == "qwen2.5-1.5b"


def test_ci_calls_no_script_that_went(copy, adoption):
    carry_out(copy, adoption)
    text = (copy / ".ci/run").read_text()
    assert "demo" not in text
    assert "scripts/test --full\n" in text


def test_who_keeps_the_sample_gets_owners_and_settings_alone(copy, adoption):
    planned = carry_out(copy, adoption.model_copy(update={"sample": True}))
    assert planned.removed == ("infra/policy/keys/template.pub",)
    assert (copy / "README.md").read_text() == "# The template\n"
    assert "@your-org" not in (copy / ".github/CODEOWNERS").read_text()
    assert (copy / "scripts/demo").exists()


def test_keys_that_came_with_the_copy_go(copy, adoption):
    planned = plan(copy, adoption, None)
    assert "infra/policy/keys/template.pub" in planned.removed
    assert "infra/policy/keys/README.md" not in planned.removed


def test_twice_is_once_before_and_after_the_commit(copy, adoption):
    carry_out(copy, adoption)
    before = _state(copy)
    again = plan(copy, adoption, None)
    assert foreign_changes(copy, again, None, adoption) == []
    carry_out(copy, adoption)
    assert _state(copy) == before
    commit(copy)
    later = plan(copy, adoption, adoption)
    assert later.removed == ()
    carry_out(copy, adoption, adoption)
    assert git(copy, "status", "--porcelain") == ""


def _state(copy):
    files = [path for path in copy.rglob("*") if path.is_file() and ".git/" not in str(path)]
    return {path.relative_to(copy).as_posix(): path.read_bytes() for path in files}


def test_changes_of_a_person_are_named(copy, adoption):
    (copy / "README.md").write_text("mine\n")
    (copy / "notes.txt").write_text("mine\n")
    planned = plan(copy, adoption, None)
    assert foreign_changes(copy, planned, None, adoption) == ["README.md", "notes.txt"]


def test_an_interrupted_run_can_go_on(copy, adoption):
    planned = plan(copy, adoption, None)
    (copy / planned.removed[0]).unlink()
    some = sorted(planned.written)[2]
    (copy / some).parent.mkdir(parents=True, exist_ok=True)
    (copy / some).write_text(planned.written[some])
    assert foreign_changes(copy, plan(copy, adoption, None), None, adoption) == []


def test_a_prompt_that_has_a_name_of_the_sample_is_its_owners_later(copy, adoption):
    carry_out(copy, adoption)
    (copy / "prompts/support-answer.yaml").write_text((copy / "prompts/assistant.yaml").read_text())
    commit(copy)
    assert plan(copy, adoption, adoption).removed == ()


def test_what_an_upgrade_brought_about_the_sample_goes_again(copy, adoption):
    carry_out(copy, adoption)
    (copy / "scripts/demo").write_text("echo demo\n")
    commit(copy)
    assert plan(copy, adoption, adoption).removed == ("scripts/demo",)


def test_settings_follow_new_answers_unless_somebody_edited_them(copy, adoption):
    carry_out(copy, adoption)
    edited = copy / f"{settings.ENVIRONMENTS}/staging.json"
    edited.write_text(edited.read_text().replace('"wait_timer": 0', '"wait_timer": 10'))
    commit(copy)
    new = adoption.model_copy(update={"app_id": 77, "registry": "ghcr.io/other"})
    planned = carry_out(copy, new, adoption)
    assert planned.kept == (f"{settings.ENVIRONMENTS}/staging.json",)
    assert settings.read(copy).variables == {"SLUICE_REGISTRY": "ghcr.io/other", "SLUICE_APP_ID": "77"}
    assert settings.read(copy).environments["staging"].wait_timer == 10
    assert answers.stored(copy) == new


def test_a_team_can_take_over_from_a_person(copy, adoption):
    alone = adoption.model_copy(update={"owner": "@someone"})
    carry_out(copy, alone)
    commit(copy)
    carry_out(copy, adoption, alone)
    assert "@someone" not in (copy / ".github/CODEOWNERS").read_text()
    assert settings.read(copy).environments["production"].reviewers == ("@acme/llm",)


def test_environments_that_nobody_asks_for_go(copy, adoption):
    carry_out(copy, adoption)
    commit(copy)
    carry_out(copy, adoption.model_copy(update={"environments": ("live",)}), adoption)
    assert set(settings.read(copy).environments) == {"checks", "evidence", "live"}


def test_a_model_that_is_not_here_is_named_with_those_that_are(copy, adoption):
    with pytest.raises(UsageError, match=r"no models/qwen2\.5\.yaml; did you mean 'qwen2\.5-1\.5b'"):
        plan(copy, adoption.model_copy(update={"model": "qwen2.5", "embedded": False}), None)


def test_an_application_never_overwrites_a_file(copy, adoption):
    (copy / "prompts/mine.yaml").write_text((copy / "prompts/support-answer.yaml").read_text())
    commit(copy)
    with pytest.raises(UsageError, match="--application"):
        plan(copy, adoption.model_copy(update={"application": "mine", "model": "qwen2.5-1.5b"}), None)


def test_generated_pages_are_made_anew(copy, adoption):
    perform(copy, plan(copy, adoption, None))
    assert regenerate(copy) == ["docs/tree.md"]
    assert regenerate(copy) == []
    assert "demo" not in (copy / "docs/tree.md").read_text()


def test_a_generator_that_fails_says_so_and_what_to_do(copy):
    (copy / "scripts/generate.py").write_text("raise SystemExit('no such module')\n")
    with pytest.raises(CannotJudge, match=r"no such module.*run scripts/generate"):
        regenerate(copy)


def test_a_repository_without_a_generator_needs_none(tmp_path):
    assert regenerate(tmp_path) == []
