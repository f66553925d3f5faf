from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from trees import build_tree

from sluice.catalog import DIRECTORIES, GitTree, WorkingTree, base_caveat, default_base, find_root, load, writable
from sluice.errors import UsageError

FILES = {"prompts/a.yaml": "description: one\n", "datasets/d.jsonl": "{}\n", "src/x.py": ""}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = build_tree(FILES, tmp_path / "repo")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "first"]):
        _git(root, *command)
    return root


def _git(root: Path, *command: str) -> None:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    subprocess.run(["git", *command], cwd=root, check=True, env=os.environ | who)


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "../outside", "prompts/../../outside", "a\0b", "link-out", "pipe", "up/x"]
)
def test_paths_that_leave_the_repository_are_refused(path: str, tmp_path: Path) -> None:
    root = build_tree(FILES, tmp_path / "repo")
    (tmp_path / "outside").write_text("secret")
    (root / "link-out").symlink_to(tmp_path / "outside")
    (root / "up").symlink_to(tmp_path)
    (tmp_path / "x").write_text("secret")
    os.mkfifo(root / "pipe")
    tree = WorkingTree(root)
    assert tree.escapes(path)
    with pytest.raises(FileNotFoundError):
        tree.read(path)


@pytest.mark.parametrize("target", ["a.yaml", "{root}/prompts/a.yaml", "/etc/passwd", "nowhere", "b.yaml", "../src"])
def test_a_link_gets_the_same_answer_from_the_working_tree_and_from_a_commit(target: str, repository: Path) -> None:
    target = target.format(root=repository)
    (repository / "prompts/b.yaml").symlink_to(target)
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "link")
    committed = GitTree(repository, "HEAD")
    for tree in (WorkingTree(repository), committed):
        assert tree.paths("prompts") == ["prompts/a.yaml", "prompts/b.yaml"]
        assert tree.escapes("prompts/b.yaml") == f"a link to {target}"
        assert tree.escapes("prompts/b.yaml/x") == f"prompts/b.yaml, a link to {target}"
        with pytest.raises(FileNotFoundError):
            tree.read("prompts/b.yaml")
    committed.close()


def test_a_directory_that_is_a_link_is_a_finding_in_both(repository: Path, tmp_path: Path) -> None:
    (repository / "prompts").rename(tmp_path / "elsewhere")
    (repository / "prompts").symlink_to(tmp_path / "elsewhere")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "link")
    found = [load(tree).findings for tree in (WorkingTree(repository), GitTree(repository, "HEAD"))]
    assert found[0] == found[1]
    assert [(one.path, one.rule, one.found) for one in found[0] if one.path == "prompts"] == [
        ("prompts", "file-escapes", f"a link to {tmp_path / 'elsewhere'}")
    ]


def test_nothing_is_written_through_a_link(repository: Path, tmp_path: Path) -> None:
    assert writable(repository, "prompts/new.yaml") == repository / "prompts/new.yaml"
    (repository / "prompts/evil.yaml").symlink_to(tmp_path / "outside.yaml")
    (repository / "models").symlink_to(tmp_path)
    for path in ("prompts/evil.yaml", "models/new.yaml", "models/deep/new.yaml"):
        with pytest.raises(UsageError, match=f"{path} cannot be written: .*a link to {tmp_path}"):
            writable(repository, path)


def test_a_broken_link_and_a_pipe_in_the_ground_floor_are_findings_not_hangs(tmp_path: Path) -> None:
    root = build_tree(FILES, tmp_path)
    os.mkfifo(root / "prompts/pipe.yaml")
    (root / "models").mkdir()
    (root / "models/gone.yaml").symlink_to("nowhere.yaml")
    (root / "models/ring.yaml").symlink_to("ring.yaml")
    findings = load(WorkingTree(root)).findings
    assert {"prompts/pipe.yaml", "models/gone.yaml", "models/ring.yaml"} <= {
        one.path for one in findings if one.rule == "file-escapes"
    }


def test_a_revision_reads_like_the_working_tree(repository: Path) -> None:
    (repository / "prompts/a.yaml").write_text("changed")
    tree = GitTree(repository, "main")
    assert tree.paths("prompts") == WorkingTree(repository).paths("prompts") == ["prompts/a.yaml"]
    assert tree.read("prompts/a.yaml") == b"description: one\n"
    assert tree.read("datasets/d.jsonl") == b"{}\n"
    with pytest.raises(FileNotFoundError):
        tree.read("prompts/none.yaml")
    tree.close()


def test_symbolic_links_in_a_commit_are_never_followed(repository: Path) -> None:
    (repository / "prompts/link.yaml").symlink_to("a.yaml")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "link")
    tree = GitTree(repository, "HEAD")
    assert tree.escapes("prompts/link.yaml")
    with pytest.raises(FileNotFoundError):
        tree.read("prompts/link.yaml")
    tree.close()


@pytest.mark.parametrize("revision", ["no-such-branch", "--output=x", "-q", "main:prompts", ""])
def test_revisions_that_are_none(revision: str, repository: Path) -> None:
    with pytest.raises(UsageError):
        GitTree(repository, revision)


def test_names_with_blanks_and_line_feeds_survive(repository: Path) -> None:
    build_tree({"prompts/odd \n name.yaml": "x"}, repository)
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "odd")
    tree = GitTree(repository, "HEAD")
    assert tree.read("prompts/odd \n name.yaml") == b"x"
    tree.close()


def test_default_base_is_the_merge_base_with_main(repository: Path) -> None:
    main = GitTree(repository, "main").commit
    _git(repository, "checkout", "-qb", "topic")
    build_tree({"prompts/b.yaml": "x"}, repository)
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "topic")
    base = default_base(repository)
    assert base is not None and base.commit == main


def test_find_root(tmp_path: Path) -> None:
    build_tree(FILES, tmp_path / "repo")
    assert find_root(tmp_path / "repo" / "src") == tmp_path / "repo"
    assert set(DIRECTORIES.values()) == {"prompts", "datasets", "evals", "models"}


def test_a_base_without_common_history_is_said(repository: Path) -> None:
    assert base_caveat(repository) is None
    _git(repository, "checkout", "-q", "--orphan", "apart")
    _git(repository, "commit", "-qm", "apart")
    base = default_base(repository)
    assert base is not None and base.label == "main"
    assert "no history in common" in (base_caveat(repository) or "")
