from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.adoption import answers
from sluice.adoption.template import TEMPLATE
from sluice.errors import UsageError

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True).filter(lambda name: name != "evidence")


def told(**changes):
    return {**dict(TEMPLATE), **changes}


@given(st.lists(NAMES, min_size=1, max_size=8, unique=True), st.none() | st.integers(1, 10**9))
def test_what_is_written_is_read_again(environments, app_id):
    adoption = answers.checked(**told(environments=tuple(environments), app_id=app_id))
    assert answers.read(answers.written(adoption)) == adoption


@pytest.mark.parametrize(
    "owner", ["acme", "@", "@-a", "@acme/", "@acme/a b", "@acme/team/more", "someone@example.test"]
)
def test_an_owner_is_a_person_or_a_team(owner):
    with pytest.raises(UsageError, match=r"--owner .*@person or @organisation/team"):
        answers.checked(**told(owner=owner))


@pytest.mark.parametrize("registry", ["https://ghcr.io/acme", "GHCR.io/acme", "ghcr.io/acme/", "", "ghcr.io/a b"])
def test_a_registry_has_no_scheme(registry):
    with pytest.raises(UsageError, match="--registry"):
        answers.checked(**told(registry=registry))


@pytest.mark.parametrize("registry", ["ghcr.io/acme", "localhost:5000", "registry.example.test:5000/team/llm"])
def test_registries_that_there_are(registry):
    assert answers.checked(**told(registry=registry)).registry == registry


@pytest.mark.parametrize("environments", [(), ("staging", "staging"), ("evidence",), ("Production",), ("a/b",)])
def test_environments_are_named_once_and_none_is_called_evidence(environments):
    with pytest.raises(UsageError, match="--environments"):
        answers.checked(**told(environments=environments))


def test_an_app_has_a_number():
    with pytest.raises(UsageError, match="--app-id 0"):
        answers.checked(**told(app_id=0))


def test_a_person_has_no_team():
    assert answers.checked(**told(owner="@someone")).team is None
    assert answers.checked(**told(owner="@acme/llm")).team == "llm"
    assert answers.checked(**told(owner="@acme/llm")).organisation == "acme"


def test_a_file_that_was_spoilt_is_named(tmp_path):
    path = tmp_path / answers.ANSWERS
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**TEMPLATE.model_dump(mode="json"), "extra": 1}))
    with pytest.raises(UsageError, match=r"adoption\.json cannot be read: extra"):
        answers.stored(tmp_path)


def test_nobody_has_answered_yet(tmp_path):
    assert answers.stored(tmp_path) is None
