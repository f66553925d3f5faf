from __future__ import annotations

import pytest
from miniature import commit, git

from sluice.adoption import git as asked
from sluice.errors import UsageError


@pytest.mark.parametrize(
    ("url", "slug"),
    [
        ("https://github.com/acme/prompts.git", "acme/prompts"),
        ("https://github.com/acme/prompts", "acme/prompts"),
        ("https://token@github.com/acme/prompts.git/", "acme/prompts"),
        ("git@github.com:acme/prompts.git", "acme/prompts"),
        ("ssh://git@github.com/acme/my.prompts.git", "acme/my.prompts"),
        ("ssh://git@forge.example.test:2222/acme/prompts.git", "acme/prompts"),
        ("../template", None),
        ("/srv/template.git", None),
        ("https://github.com/acme", None),
        ("https://forge.example.test/group/sub/prompts", None),
    ],
)
def test_the_remote_names_the_repository(copy, url, slug):
    git(copy, "remote", "add", "origin", url)
    assert asked.slug(copy) == slug


def test_without_a_remote_there_is_no_name(copy):
    assert asked.slug(copy) is None


def test_changed_paths_are_those_that_differ_from_head(copy):
    assert asked.changed_paths(copy) == []
    (copy / "README.md").write_text("changed")
    (copy / "new file é.txt").write_text("")
    (copy / "scripts/demo").unlink()
    (copy / ".sluice").mkdir()
    (copy / ".sluice/state").write_text("ignored")
    assert asked.changed_paths(copy) == ["README.md", "new file é.txt", "scripts/demo"]


def test_the_evidence_branch_stands_alone_and_is_made_once(copy):
    assert not asked.has_evidence_branch(copy)
    made = asked.make_evidence_branch(copy, "# Evidence\n")
    assert asked.has_evidence_branch(copy)
    assert git(copy, "rev-list", "evidence").split() == [made]
    assert git(copy, "show", "evidence:README.md") == "# Evidence\n"
    assert not asked.asks(copy, "merge-base", "evidence", "main")
    assert asked.changed_paths(copy) == [] and git(copy, "branch", "--show-current").strip() == "main"
    with pytest.raises(UsageError, match="update-ref"):
        asked.make_evidence_branch(copy, "again")


def test_it_needs_no_name_of_a_person(copy, monkeypatch):
    for key in ("user.name", "user.email"):
        git(copy, "config", "--unset", key)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    asked.make_evidence_branch(copy, "text")


def test_a_branch_of_the_remote_counts(copy, tmp_path):
    asked.make_evidence_branch(copy, "text")
    git(tmp_path, "clone", "--quiet", str(copy), "clone")
    assert asked.has_evidence_branch(tmp_path / "clone")


def test_a_directory_without_a_commit_is_refused(tmp_path):
    with pytest.raises(UsageError, match="clone your copy"):
        asked.require_repository(tmp_path)


def test_a_file_of_head_is_read_as_it_was_committed(copy):
    (copy / "README.md").write_text("changed")
    assert asked.head_text(copy, "README.md") == "# The template\n"
    assert asked.head_text(copy, "nothing.md") is None


def test_a_merge_that_is_under_way_and_its_conflicts_are_seen(copy):
    git(copy, "checkout", "--quiet", "-b", "other")
    (copy / "README.md").write_text("theirs\n")
    commit(copy)
    git(copy, "checkout", "--quiet", "main")
    (copy / "README.md").write_text("ours\n")
    commit(copy)
    assert not asked.merging(copy)
    assert not asked.asks(copy, "merge", "other")
    assert asked.merging(copy)
    assert asked.unmerged(copy) == {"README.md"}
