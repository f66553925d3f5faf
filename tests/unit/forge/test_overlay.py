"""A pull request's data over main, from a real repository behind the fake forge; its code never comes along."""

import os

import pytest
from miniature import commit, edit_prompt, git, miniature, rows, write
from servers.github import Fault
from servers.github_fixtures import client_of
from servers.github_state import Forge

from sluice.catalog import GitTree, load
from sluice.forge.failures import ForgeError, Refusal
from sluice.forge.overlay import OverlaidTree, is_overlaid, not_taken, overlay
from sluice.forge.overlay import write as write_overlay
from sluice.forge.pulls import changes


@pytest.fixture
def repository(tmp_path):
    """A miniature repository on main; tests commit on the branch `change`, and main is checked out."""
    return miniature(tmp_path / "here", count=12)


@pytest.fixture
def proposed(repository, start_forge):
    """Commit files on a branch from main, go back to main, and return a client with what the branch changes."""
    server = start_forge(Forge(git=repository))

    def propose(*files, gone=(), before=lambda: None):
        base = git(repository, "rev-parse", "main").strip()
        git(repository, "switch", "--quiet", "--create", "change")
        for path, content in files:
            write(repository, path, content)
        for path in gone:
            (repository / path).unlink()
        head = commit(repository)
        git(repository, "switch", "--quiet", "main")
        before()
        client = client_of(server)
        return server, client, changes(client, base, head)

    return propose


def status(repository):
    return sorted(git(repository, "status", "--porcelain").split("\n")[:-1])


def test_data_is_taken_and_code_is_left(repository, proposed):
    _, client, changed = proposed(
        ("prompts/answer.yaml", "new prompt\n"), ("datasets/questions.jsonl", rows(5)), ("prompts/b.yaml", "x: 1\n"),
        ("evals/answer.py", "import os\nos.system('evil')\n"), ("models/served.yaml", "evil: true\n"),
        ("src/sluice.py", "evil"), (".github/workflows/x.yml", "evil"), ("yaml.py", "evil"),
        (".sluice/cache/answers", "evil"), ("prompts/.hidden.yaml", "evil"), ("prompts/deep/er.yaml", "evil"),
    )  # fmt: skip
    found = overlay(client, repository, changed)
    write_overlay(repository, found.files)
    assert status(repository) == [" M datasets/questions.jsonl", " M prompts/answer.yaml", "?? prompts/b.yaml"]
    assert (repository / "prompts/answer.yaml").read_text() == "new prompt\n"
    assert set(found.left) >= {"evals/answer.py", "models/served.yaml", "src/sluice.py", "yaml.py"}
    assert set(not_taken(changed)) == {
        "evals/answer.py", "models/served.yaml", "prompts/.hidden.yaml", "prompts/deep/er.yaml"
    }  # fmt: skip


def test_what_went_goes_and_what_was_renamed_moves(repository, proposed):
    git(repository, "mv", "prompts/answer.yaml", "prompts/reply.yaml")
    git(repository, "reset", "--quiet", "--hard")
    text = (repository / "prompts/answer.yaml").read_text()
    _, client, changed = proposed(("prompts/reply.yaml", text), gone=["prompts/answer.yaml", "evals/answer.yaml"])
    write_overlay(repository, overlay(client, repository, changed).files)
    assert status(repository) == [" D evals/answer.yaml", " D prompts/answer.yaml", "?? prompts/reply.yaml"]


def test_what_moved_out_of_the_data_is_taken_away(repository, proposed):
    text = (repository / "prompts/answer.yaml").read_text()
    _, client, changed = proposed(("src/answer.yaml", text), gone=["prompts/answer.yaml"])
    assert overlay(client, repository, changed).files == {"prompts/answer.yaml": None}


def test_a_link_is_taken_as_the_text_that_it_is(repository, proposed, tmp_path):
    """Its blob holds a path; written as a plain file it leads nowhere."""
    (tmp_path / "secret").write_text("secret")
    git(repository, "switch", "--quiet", "--create", "change")
    (repository / "prompts/evil.yaml").symlink_to(tmp_path / "secret")
    head = commit(repository)
    git(repository, "switch", "--quiet", "main")
    git(repository, "branch", "--quiet", "--move", "change", "linked")
    _, client, _ = proposed(("README.md", "x"))
    found = overlay(client, repository, changes(client, git(repository, "rev-parse", "main").strip(), head))
    write_overlay(repository, found.files)
    target = repository / "prompts/evil.yaml"
    assert not target.is_symlink() and target.read_text() == str(tmp_path / "secret")


def test_a_link_in_the_checkout_is_not_written_through(repository, proposed, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("before")
    _, client, changed = proposed(("prompts/linked.yaml", "after\n"))
    (repository / "prompts/linked.yaml").symlink_to(outside)
    write_overlay(repository, overlay(client, repository, changed).files)
    assert outside.read_text() == "before"
    os.rename(repository / "prompts", tmp_path / "prompts")
    (repository / "prompts").symlink_to(tmp_path / "prompts")
    with pytest.raises(ForgeError, match="is a link"):
        write_overlay(repository, {"prompts/answer.yaml": b"x"})


@pytest.mark.parametrize("path", ["../evil.yaml", "prompts/../../x.yaml", "/etc/x.yaml", "src/x.yaml", "prompts/x.py"])
def test_nothing_else_is_ever_written(repository, path):
    with pytest.raises(ForgeError, match="nothing that a command may write"):
        write_overlay(repository, {path: b"evil"})


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("prompts/answer.yaml", True), ("datasets/q.jsonl", True), ("datasets/q.yaml", True), ("evals/a.yaml", True),
        ("evals/a.py", False), ("models/m.yaml", False), ("prompts/a.yml", False), ("prompts/a/b.yaml", False),
        ("prompts/.a.yaml", False), ("prompts/-a.yaml", False), ("prompts/a b.yaml", False), ("prompts//a.yaml", False),
        ("prompts/a\n.yaml", False), ("prompts", False), ("", False), ("prompts/a.yaml/", False),
        ("Prompts/a.yaml", False),
    ],
)  # fmt: skip
def test_what_is_overlaid(path, taken):
    assert is_overlaid(path) is taken
    assert is_overlaid(path, models=True) is (taken or path == "models/m.yaml")


def test_what_main_changed_too_is_refused(repository, proposed):
    def meanwhile():
        edit_prompt(repository, "Main says otherwise.")
        commit(repository)

    _, client, changed = proposed(("prompts/answer.yaml", "mine\n"), before=meanwhile)
    with pytest.raises(Refusal, match=r"main changed prompts/answer\.yaml too .* merge or rebase first"):
        overlay(client, repository, changed)


def test_what_main_changed_elsewhere_stays_mains(repository, proposed):
    def meanwhile():
        write(repository, "datasets/questions.jsonl", rows(7))
        commit(repository)

    _, client, changed = proposed(("prompts/answer.yaml", "mine\n"), before=meanwhile)
    write_overlay(repository, overlay(client, repository, changed).files)
    assert status(repository) == [" M prompts/answer.yaml"]


def test_what_main_has_already_is_no_conflict(repository, proposed):
    def meanwhile():
        write(repository, "prompts/answer.yaml", "mine\n")
        commit(repository)

    _, client, changed = proposed(("prompts/answer.yaml", "mine\n"), before=meanwhile)
    assert overlay(client, repository, changed).files == {"prompts/answer.yaml": b"mine\n"}


def test_another_content_than_was_asked_for_is_refused(repository, proposed):
    server, client, changed = proposed(("prompts/answer.yaml", "mine\n"))
    server.fault("GET", r"/git/blobs/\w+", Fault(200, raw=b'{"sha": "x", "encoding": "base64", "content": "ZXZpbA=="}'))
    with pytest.raises(ForgeError, match="another content"):
        overlay(client, repository, changed)
    server.fault("GET", r"/git/blobs/\w+", Fault(200, raw=b'{"sha": "x", "encoding": "utf-8", "content": "mine\\n"}'))
    with pytest.raises(ForgeError, match="another content"):
        overlay(client, repository, changed)


def test_a_shallow_checkout_is_said(repository, proposed, tmp_path):
    def meanwhile():
        write(repository, "README.md", "newer")
        commit(repository)

    _, client, changed = proposed(("prompts/answer.yaml", "mine\n"), before=meanwhile)
    git(tmp_path, "clone", "--quiet", "--depth", "1", "--branch", "main", f"file://{repository}", "shallow")
    with pytest.raises(ForgeError, match="fetch it whole"):
        overlay(client, tmp_path / "shallow", changed)


def test_the_tree_in_memory_reads_as_if_it_were_written(repository, proposed):
    text = (repository / "prompts/answer.yaml").read_text().replace("Be brief.", "Be long.")
    _, client, changed = proposed(
        ("prompts/answer.yaml", text), ("prompts/third.yaml", text), gone=["evals/answer.yaml"]
    )
    found = overlay(client, repository, changed)
    tree = OverlaidTree(GitTree(repository, "HEAD"), found.files, "head", changed.merge_base)
    in_memory = load(tree)
    write_overlay(repository, found.files)
    git(repository, "switch", "--quiet", "--create", "written")
    commit(repository)
    written = load(GitTree(repository, "written"))
    assert in_memory.fingerprint == written.fingerprint
    assert set(in_memory.prompts) == {"answer", "third"} and not in_memory.suites
    with pytest.raises(FileNotFoundError):
        tree.read("evals/answer.yaml")
