"""The pull request of a run: from the trusted payload's branch and commit, forks and moved heads included."""

import pytest
from servers.github_fixtures import BASE, HEAD, NEXT, client_of, file, run_event
from servers.github_state import Pull

from sluice.forge.event import RunEvent
from sluice.forge.failures import ForgeError, Missing
from sluice.forge.pulls import belongs_to, changes, pull_of_run, pull_request


def found(server, head=HEAD, **run):
    event = RunEvent.model_validate(run_event(server.forge, head, **run))
    return pull_of_run(client_of(server), event.workflow_run, event.repository.default_branch)


def fork(server, number=20, owner="stranger", head="f" * 40, ref="reword"):
    server.forge.add_pull(Pull(number, owner, head, ref, BASE, fork=f"{owner}/portal"))
    return {"head_repository": server.forge.repository(f"{owner}/portal"), "head_branch": ref}


def test_a_branch_of_this_repository(server):
    assert (found(server).pull.number, found(server).current) == (7, True)


def test_a_fork_is_found_although_the_forge_lists_no_pull_request_for_its_commit(server):
    run = fork(server)
    assert list(client_of(server).pages(f"commits/{'f' * 40}/pulls")) == []
    told = found(server, "f" * 40, **run)
    assert (told.pull.number, told.current) == (20, True)


def test_the_same_branch_name_in_another_repository_is_another(server):
    run = fork(server)
    assert found(server, HEAD).pull.number == 7
    assert found(server, "f" * 40, **run).pull.number == 20


def test_a_repository_of_the_same_owner_and_branch_is_another(server):
    """The filter of the forge names owner and branch only: a second fork of one organisation answers to it too."""
    run = fork(server)
    server.forge.add_pull(Pull(21, "stranger", "f" * 40, "reword", BASE, fork="stranger/portal-two"))
    assert found(server, "f" * 40, **run).pull.number == 20


def test_a_head_that_moved_is_found_as_such(server):
    server.forge.pulls[7].head_sha = NEXT
    told = found(server)
    assert (told.pull.number, told.pull.head.sha, told.current) == (7, NEXT, False)


@pytest.mark.parametrize("change", ["closed", "deleted"])
def test_a_pull_request_that_is_gone_is_not_found(server, change):
    if change == "closed":
        server.forge.pulls[7].state = "closed"
    else:
        del server.forge.pulls[7]
    assert found(server) is None


@pytest.mark.parametrize("run", [{"head_repository": None}, {"head_branch": None}])
def test_a_run_whose_repository_or_branch_is_gone_has_no_pull_request(server, run):
    assert found(server, **run) is None


def test_what_the_run_claims_of_pull_requests_does_not_count(server):
    claimed = [{"number": 8, "head": {"sha": HEAD}, "base": {"ref": "main"}}]
    assert found(server, pull_requests=claimed).pull.number == 7


def test_of_several_targets_the_default_branch_counts(server):
    server.forge.add_pull(Pull(30, "author", HEAD, "reword", BASE, base_ref="release"))
    assert found(server).pull.number == 7
    server.forge.pulls[7].state = "closed"
    assert found(server).pull.number == 30


@pytest.mark.parametrize("ref", ["a&state=closed", "a#b", "a/b/c", "\u00fc\u2603", "a b", "../../x", "a%2f", "$(id)"])
def test_a_hostile_branch_name_stays_a_name(server, ref):
    server.forge.add_pull(Pull(31, "author", NEXT, ref, BASE))
    assert found(server, NEXT, head_branch=ref).pull.number == 31
    assert server.calls("GET", "/pulls")[0].query["head"] == f"octo:{ref}"


def test_changes_are_read_by_hashes(server):
    told = changes(client_of(server), BASE, HEAD)
    assert ([one.filename for one in told.files], told.merge_base, told.complete) == (
        ["prompts/answer.yaml"],
        BASE,
        True,
    )


def test_as_many_files_as_the_forge_names_may_be_more(server):
    files = [file(f"docs/{n}.md") for n in range(400)]
    server.forge.comparisons[(BASE, HEAD)] = {"merge_base": BASE, "files": files}
    told = changes(client_of(server), BASE, HEAD)
    assert (len(told.files), told.complete) == (300, False)


def test_a_commit_belongs_to_its_head_or_to_a_merge_of_it(server):
    server.forge.parents.update({"1" * 40: [BASE, HEAD], "2" * 40: [BASE, NEXT]})
    client = client_of(server)
    assert belongs_to(client, HEAD, HEAD)
    assert belongs_to(client, "1" * 40, HEAD)
    assert not belongs_to(client, "2" * 40, HEAD)
    assert not belongs_to(client, "3" * 40, HEAD)


def test_a_fork_that_was_deleted_can_still_be_read(server):
    server.forge.pulls[7].fork = ""
    assert pull_request(client_of(server), 7).head.repo is None


def test_what_is_not_there_is_said(server):
    with pytest.raises(Missing, match="GET pulls/99"):
        pull_request(client_of(server), 99)


def test_an_answer_of_another_shape_is_refused(server):
    server.forge.pulls[7].head_sha = "main"
    with pytest.raises(ForgeError, match=r"pull request #7 is not what GitHub sends: head\.sha"):
        pull_request(client_of(server), 7)
