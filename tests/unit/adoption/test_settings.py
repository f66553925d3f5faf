from __future__ import annotations

import json

import pytest

from sluice.adoption import settings
from sluice.adoption.rulesets import CLOSING_JOB, HISTORY, MAIN, RECORDS, WRITERS, rulesets
from sluice.errors import UsageError
from sluice.forge.check import NAME


def write(root, made):
    for path, text in made.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def root(tmp_path, adoption):
    return write(tmp_path, settings.files(settings.desired(adoption)))


def test_what_is_written_is_read_again(root, adoption):
    assert settings.read(root) == settings.desired(adoption)


def test_evidence_runs_on_main_alone_and_waits_for_nobody(adoption):
    environment = settings.desired(adoption).environments["evidence"]
    assert (environment.branches, environment.reviewers) == (("main",), ())


def test_the_last_environment_needs_the_owners_approval(adoption):
    made = settings.desired(adoption).environments
    assert made["staging"].reviewers == ()
    assert made["production"].reviewers == ("@acme/llm",)
    assert made["production"].prevent_self_review


def test_one_person_alone_can_merge_and_approve(adoption):
    alone = adoption.model_copy(update={"owner": "@someone"})
    assert not settings.desired(alone).environments["production"].prevent_self_review
    review = _rule(rulesets(alone)[MAIN], "pull_request")
    assert (review["required_approving_review_count"], review["require_code_owner_review"]) == (0, False)


def test_a_team_reviews_policy(adoption):
    review = _rule(rulesets(adoption)[MAIN], "pull_request")
    assert (review["required_approving_review_count"], review["require_code_owner_review"]) == (1, True)
    assert review["dismiss_stale_reviews_on_push"]
    assert review["require_last_push_approval"]


def test_both_checks_are_required_and_ours_is_bound_to_the_app_where_there_is_one(adoption):
    checks = _rule(rulesets(adoption)[MAIN], "required_status_checks")["required_status_checks"]
    assert checks == [{"context": NAME}, {"context": CLOSING_JOB}]
    bound = rulesets(adoption.model_copy(update={"app_id": 77}))
    assert _rule(bound[MAIN], "required_status_checks")["required_status_checks"][0] == {
        "context": NAME, "integration_id": 77,
    }  # fmt: skip
    assert bound[WRITERS]["bypass_actors"] == [{"actor_id": 77, "actor_type": "Integration", "bypass_mode": "always"}]


def test_nobody_bypasses_main_or_rewrites_records(adoption):
    made = rulesets(adoption)
    assert made[MAIN]["bypass_actors"] == made[HISTORY]["bypass_actors"] == []
    assert {rule["type"] for rule in made[HISTORY]["rules"]} == {"deletion", "non_fast_forward"}
    assert {rule["type"] for rule in made[WRITERS]["rules"]} == {"creation", "update"}
    assert made[WRITERS]["conditions"]["ref_name"]["include"] == list(RECORDS)


def _rule(ruleset, kind):
    return next(rule["parameters"] for rule in ruleset["rules"] if rule["type"] == kind)


def test_without_the_directory_it_says_who_writes_it(tmp_path):
    with pytest.raises(UsageError, match="sluice init"):
        settings.read(tmp_path)


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        (settings.ACTIONS, "{", r"actions\.json is no JSON"),
        (settings.VARIABLES, "[]", r"variables\.json must hold an object"),
        (f"{settings.ENVIRONMENTS}/staging.json", '{"branches": ["main"], "wait": 1}', r"staging\.json: wait"),
        (f"{settings.ENVIRONMENTS}/staging.json", '{"branches": []}', r"staging\.json: branches"),
        (f"{settings.RULESETS}/{MAIN}.json", "7", rf"{MAIN}\.json must hold an object"),
    ],
)
def test_a_spoilt_file_is_named(root, path, text, words):
    (root / path).write_text(text)
    with pytest.raises(UsageError, match=words):
        settings.read(root)


def test_a_missing_file_is_named(root):
    (root / settings.ACTIONS).unlink()
    with pytest.raises(UsageError, match=r"actions\.json is missing"):
        settings.read(root)


def test_files_are_json_for_people(adoption):
    for text in settings.files(settings.desired(adoption)).values():
        assert text.endswith("}\n")
        assert json.loads(text)
