"""The workflow's environment and its events: typed, or refused in a sentence."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers.github_fixtures import HEAD, WORKFLOW, comment_event, run_event
from servers.github_state import Forge, Pull

from sluice.errors import CannotJudge, UsageError
from sluice.forge.event import Environment, read_environment
from sluice.forge.failures import ForgeError


def environment(payload, event="workflow_run"):
    return Environment(event, "octo/portal", 9, 1, "https://api.github.com", "https://github.com", "bot", "t", payload)


@pytest.fixture
def forge():
    forge = Forge()
    forge.add_pull(Pull(7, "author", HEAD, "reword", "b" * 40))
    return forge


@pytest.fixture
def variables(tmp_path):
    """The variables of a step, with an event file that holds an empty object."""
    path = tmp_path / "event.json"
    path.write_text("{}")
    return {
        "GITHUB_EVENT_NAME": "workflow_run", "GITHUB_REPOSITORY": "octo/portal", "GITHUB_RUN_ID": "77",
        "GITHUB_TOKEN": "ghs_test", "GITHUB_EVENT_PATH": str(path),
    }  # fmt: skip


def test_the_environment_of_a_step_is_read(variables):
    env = read_environment({**variables, "GITHUB_RUN_ATTEMPT": "3", "SLUICE_FORGE_AUTHOR": "sluice-app[bot]"})
    assert (env.run, env.attempt, env.author) == (77, 3, "sluice-app[bot]")
    assert env.run_url == "https://github.com/octo/portal/actions/runs/77"
    assert "ghs_test" not in repr(env)


@pytest.mark.parametrize("name", ["GITHUB_EVENT_NAME", "GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_TOKEN"])
def test_what_is_missing_is_named(variables, name):
    with pytest.raises(UsageError, match=f"{name} is"):
        read_environment({key: value for key, value in variables.items() if key != name})


@pytest.mark.parametrize("run", ["x", "-1", "1.5", "\u0661", "9" * 16, "1\n"])
def test_a_run_is_a_number(variables, run):
    with pytest.raises(UsageError, match="GITHUB_RUN_ID is no number"):
        read_environment({**variables, "GITHUB_RUN_ID": run})


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000, b"", b"1" * 5000])
def test_a_payload_that_is_no_json_is_refused(variables, content):
    with open(variables["GITHUB_EVENT_PATH"], "wb") as file:
        file.write(content)
    with pytest.raises((ForgeError, UsageError)) as caught:
        read_environment(variables).finished_run()
    assert "\n" not in str(caught.value)


def test_a_finished_run_is_read(forge):
    event = environment(run_event(forge)).finished_run()
    assert (event.workflow_run.head_sha, event.repository.default_branch) == (HEAD, "main")


@pytest.mark.parametrize("path", [None, f"{WORKFLOW}@refs/heads/main"])
def test_the_workflow_may_be_named_in_either_place(forge, path):
    assert environment(run_event(forge, path=path)).finished_run().workflow_run.id == 501


@pytest.mark.parametrize(
    "changes",
    [
        {"path": ".github/workflows/evil.yml"},
        {"path": ".github/workflows/sub/pull-request.yml"},
        {"path": f"x/{WORKFLOW}"},
        {"event": "push"},
        {"event": "pull_request_target"},
        {"event": "workflow_dispatch"},
    ],
)
def test_runs_of_anything_else_are_not_read(forge, changes):
    with pytest.raises(ForgeError, match="read"):
        environment(run_event(forge, **changes)).finished_run()


def test_two_places_that_differ_are_refused(forge):
    payload = run_event(forge)
    payload["workflow"]["path"] = ".github/workflows/evil.yml"
    with pytest.raises(ForgeError, match="not a completed one of"):
        environment(payload).finished_run()


def test_a_payload_of_another_repository_is_refused(forge):
    payload = run_event(forge)
    payload["repository"] = forge.repository("evil/portal")
    with pytest.raises(ForgeError, match="another repository"):
        environment(payload).finished_run()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("head_sha", "main"), ("head_sha", HEAD + "\n"), ("head_sha", HEAD[:39]), ("head_sha", None), ("head_sha", 5),
        ("head_sha", "../" + HEAD[3:]), ("id", "501"), ("id", True), ("id", -1), ("id", 2**70), ("id", 1.5),
        ("head_branch", ""), ("head_branch", 7), ("head_repository", {"id": 1}), ("event", None), ("conclusion", 3),
        ("head_repository", {"id": 1, "full_name": "a/b\nc"}), ("run_attempt", 0), ("path", 9),
    ],
)  # fmt: skip
def test_a_hostile_value_is_refused_by_its_place(forge, key, value):
    payload = run_event(forge)
    payload["workflow_run"][key] = value
    with pytest.raises(ForgeError, match=rf"payload is not what GitHub sends: workflow_run\.{key}"):
        environment(payload).finished_run()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


KEYS = ["workflow_run", "repository", "workflow", "action", "issue", "comment"]


@given(json_values, st.sampled_from(KEYS), st.booleans())
def test_no_payload_does_more_than_be_refused(value, key, whole):
    forge = Forge()
    forge.add_pull(Pull(7, "author", HEAD, "reword", "b" * 40))
    for payload in (run_event(forge), comment_event(forge, 7, "author", "/eval")):
        env = environment(value if whole else {**payload, key: value})
        for read in (env.finished_run, env.comment):
            with contextlib.suppress(CannotJudge):
                read()


def test_a_new_comment_by_a_person_is_read(forge):
    event = environment(comment_event(forge, 7, "author", "/eval"), "issue_comment").comment()
    assert (event.ignored, event.issue.number, event.comment.body) == (None, 7, "/eval")


@pytest.mark.parametrize(
    ("login", "changes", "action", "words"),
    [
        ("helper[bot]", {}, "created", "a program"),
        ("helper", {"user": {"login": "helper", "id": 5, "type": "Bot"}}, "created", "a program"),
        ("author", {"user": None}, "created", "a program"),
        ("author", {"performed_via_github_app": {"slug": "some-app"}}, "created", "a program"),
        ("author", {}, "edited", "only new comments"),
        ("author", {}, "deleted", "only new comments"),
    ],
)
def test_other_comments_are_ignored_with_a_reason(forge, login, changes, action, words):
    payload = comment_event(forge, 7, login, "/eval", **changes)
    payload["action"] = action
    assert words in environment(json.loads(json.dumps(payload))).comment().ignored


def test_a_comment_on_an_issue_is_ignored(forge):
    forge.add_issue("author", "An issue", "")
    assert "not on a pull request" in environment(comment_event(forge, 8, "author", "/eval")).comment().ignored
