from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.adoption.differences import differences
from sluice.adoption.rulesets import MAIN, WRITERS, rulesets
from sluice.adoption.template import TEMPLATE

RULESETS = rulesets(TEMPLATE.model_copy(update={"app_id": 7}))


def changed(name, change):
    found = copy.deepcopy(RULESETS[name])
    change(found)
    return list(differences(RULESETS[name], found))


def rule(found, kind):
    return next(one for one in found["rules"] if one["type"] == kind)


@pytest.mark.parametrize("name", RULESETS)
def test_nothing_differs_from_itself_with_what_the_forge_adds(name):
    found = {**copy.deepcopy(RULESETS[name]), "id": 3, "source": "octo/portal", "_links": {}}
    assert list(differences(RULESETS[name], found)) == []


@pytest.mark.parametrize("name", RULESETS)
def test_each_missing_rule_is_told(name):
    for one in RULESETS[name]["rules"]:
        told = changed(name, lambda found, kind=one["type"]: found["rules"].remove(rule(found, kind)))
        assert told == [f"rules lacks {one['type']}"]


def test_a_ruleset_that_only_watches_is_told():
    assert changed(MAIN, lambda found: found.update(enforcement="evaluate")) == [
        "enforcement is evaluate, wanted active"
    ]


def test_whoever_else_may_bypass_is_told():
    admin = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    assert changed(MAIN, lambda found: found["bypass_actors"].append(admin)) == [
        "bypass_actors also has RepositoryRole 5"
    ]


def test_another_app_than_ours_is_told():
    told = changed(WRITERS, lambda found: found["bypass_actors"][0].update(actor_id=8))
    assert told == ["bypass_actors.Integration.actor_id is 8, wanted 7"]


def test_a_check_from_any_source_is_told():
    def unbind(found):
        del rule(found, "required_status_checks")["parameters"]["required_status_checks"][0]["integration_id"]

    (told,) = changed(MAIN, unbind)
    assert told.endswith("integration_id is nothing, wanted 7")


def test_more_reviews_more_checks_and_more_rules_are_stricter_and_no_difference():
    def stricter(found):
        rule(found, "pull_request")["parameters"]["required_approving_review_count"] = 2
        rule(found, "required_status_checks")["parameters"]["required_status_checks"].append({"context": "more"})
        found["rules"].append({"type": "required_signatures"})

    assert changed(MAIN, stricter) == []


def test_what_a_token_does_not_see_is_said_and_not_taken_for_empty():
    found = {key: value for key, value in RULESETS[WRITERS].items() if key != "bypass_actors"}
    assert list(differences(RULESETS[WRITERS], found)) == ["bypass_actors is not shown to this token"]


def test_a_hidden_list_that_should_be_empty_is_said_too():
    found = {key: value for key, value in RULESETS[MAIN].items() if key != "bypass_actors"}
    assert list(differences(RULESETS[MAIN], found)) == ["bypass_actors is not shown to this token"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["rules", "include", "name", "x"]), JSON), JSON)
def test_any_answer_is_compared_without_falling_over(wanted, found):
    assert all(isinstance(told, str) for told in differences(wanted, found))


@given(st.dictionaries(st.text(max_size=3), st.booleans() | st.integers() | st.text(max_size=3)))
def test_equal_objects_do_not_differ(value):
    assert list(differences(value, dict(value))) == []
