"""What Git tells about people and paths, and how it is shown."""

from __future__ import annotations

import pytest
from miniature import git

from sluice.evidence.git import authors, shown


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("runs/ab/é.json", "runs/ab/é.json"),
        ("a\nb", r"a\nb"),
        ("a\x1b[2J", r"a\x1b[2J"),
        ("a\u202eb", r"a\u202eb"),
        ("a\udcffb", r"a\udcffb"),
    ],
)
def test_a_path_is_shown_on_one_line(path, text):
    assert shown(path) == text


def test_authors_are_known_by_name_address_and_login(tmp_path):
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")

    def commit(name, address, *words):
        who = ("-c", f"user.name={name}", "-c", f"user.email={address}")
        git(tmp_path, *who, "commit", "--quiet", "--allow-empty", "-m", "x", *words)

    commit("Zoe", "zoe@example.test")
    commit("Ann Other", "123+AnnO@users.noreply.github.com")
    commit("committer", "c@example.test", "--author", "bob <Bob.B@example.test>")
    found = authors(tmp_path, "HEAD~2", "HEAD")
    assert {"ann other", "anno", "bob", "bob.b", "bob.b@example.test"} <= found
    assert not {"zoe", "committer", ""} & found
    assert "bob" in authors(tmp_path, None, "HEAD") and "anno" not in authors(tmp_path, None, "HEAD")
    assert authors(tmp_path, "HEAD", "HEAD") == frozenset()
