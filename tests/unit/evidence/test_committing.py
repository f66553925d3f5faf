import subprocess
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miniature import commit, git
from unit.evidence import made

from sluice.errors import CannotJudge
from sluice.evidence.branch import Branch, Place, place_of
from sluice.evidence.committing import store
from sluice.evidence.git import LOCAL, blobs, tip


@pytest.fixture
def root(tmp_path):
    """A repository with a commit, an edit in the index and one in the working tree."""
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    (tmp_path / "file").write_text("one")
    commit(tmp_path)
    (tmp_path / "file").write_text("two")
    git(tmp_path, "add", "file")
    (tmp_path / "file").write_text("three")
    return tmp_path


def shown(root, path, ref=LOCAL):
    return subprocess.run(["git", "show", f"{ref}:{path}"], cwd=root, capture_output=True, check=True).stdout


def test_the_first_write_makes_an_orphan_branch_and_touches_nothing_else(root):
    before = (git(root, "status", "--porcelain"), git(root, "rev-parse", "HEAD"))
    written = store(root, {"runs/ab/x.json": b"\x00\xff\r\n", "verdicts/cd/y.json": b"2"})
    assert written.added == ("runs/ab/x.json", "verdicts/cd/y.json")
    assert git(root, "rev-list", "--count", LOCAL).strip() == "1"
    assert shown(root, "runs/ab/x.json") == b"\x00\xff\r\n"
    assert (git(root, "status", "--porcelain"), git(root, "rev-parse", "HEAD")) == before
    assert (root / "file").read_text() == "three"
    assert "file" not in blobs(root, tip(root, LOCAL))


def test_an_existing_file_is_never_altered_and_the_same_again_is_no_commit(root):
    first = store(root, {"a.json": b"1"})
    again = store(root, {"a.json": b"1"})
    assert (again.commit, again.added) == (first.commit, ())
    other = store(root, {"a.json": b"other", "b.json": b"2"})
    assert other.added == ("b.json",)
    assert shown(root, "a.json") == b"1"
    assert git(root, "rev-list", "--count", LOCAL).strip() == "2"


def test_a_branch_that_is_checked_out_is_left_alone(root):
    store(root, {"a.json": b"1"})
    git(root, "worktree", "add", "--quiet", str(root / "tree"), "evidence")
    with pytest.raises(CannotJudge, match="is checked out"):
        store(root, {"b.json": b"2"})


def test_writers_of_one_clone_do_not_lose_each_others_files(root):
    failures = []

    def write(number):
        try:
            store(root, {f"runs/00/{number}.json": str(number).encode()})
        except CannotJudge as failure:
            failures.append(str(failure))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    landed = set(blobs(root, tip(root, LOCAL)))
    assert len(landed) + len(failures) == 4
    assert all("run the command again" in failure for failure in failures)
    for number in range(4):
        store(root, {f"runs/00/{number}.json": str(number).encode()})
    assert len(blobs(root, tip(root, LOCAL))) == 4


def test_hooks_signing_and_attributes_of_the_person_do_not_matter(root):
    git(root, "config", "commit.gpgsign", "true")
    git(root, "config", "core.autocrlf", "true")
    (root / ".gitattributes").write_text("* text eol=crlf\n")
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    store(root, {"a.json": b"one\ntwo\n"})
    assert shown(root, "a.json") == b"one\ntwo\n"


hexadecimal = st.text("0123456789abcdef", min_size=64, max_size=64)


@settings(max_examples=60)
@given(st.sampled_from(["run", "verdict", "acceptance"]), hexadecimal, st.integers(1, 200))
def test_a_place_and_its_path_are_the_same_thing(kind, digits, attempt):
    place = Place(kind, digits, attempt)
    assert place_of(place.path) == place
    assert place.run_path == place.path.removesuffix(".json") + ".run.gz"


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "runs/aa/" + "b" * 64 + ".json",
        "runs/bb/" + "b" * 63 + ".json",
        "runs/bb/" + "B" * 64 + ".json",
        "runs/bb/" + "b" * 64 + ".1.json",
        "runs/bb/" + "b" * 64 + ".02.json",
        "runs/bb/" + "b" * 64 + ".json/x",
        "x/runs/bb/" + "b" * 64 + ".json",
        "runs/bb/" + "b" * 64 + ".run.gz",
    ],
)
def test_other_paths_are_no_place(path):
    assert place_of(path) is None


def test_a_branch_reads_what_was_stored_and_names_strays(root):
    files = made.run_files()
    store(root, {**files, "runs/stray.txt": b"", "README.md": b""})
    with Branch(root) as branch:
        (place,) = branch.places()
        assert branch.read(place.path) == files[place.path]
        assert branch.read(place.run_path) == files[place.run_path]
        assert branch.read("nowhere") is None
        assert branch.strays() == ("runs/stray.txt",)
        assert branch.problems() == ("1 files on the branch are no evidence, first runs/stray.txt",)


def test_a_history_that_alters_files_is_said(root):
    store(root, {"runs/a.json": b"1", "runs/b.json": b"2"})
    git(root, "stash", "--quiet")
    git(root, "checkout", "--quiet", "evidence")
    (root / "runs" / "b.json").unlink()
    commit(root)
    git(root, "checkout", "--quiet", "main")
    with Branch(root) as branch:
        told = branch.problems()
    assert any("1 commits of the branch evidence alter or delete evidence" in line for line in told), told


def test_no_branch_no_remote_and_no_repository_are_said(root, tmp_path_factory):
    with Branch(root) as branch:
        assert not branch.known
        assert "no remote origin" in branch.absence()
        assert branch.places() == ()
        assert branch.rewritten() == ()
    with Branch(tmp_path_factory.mktemp("bare")) as branch:
        assert not branch.known
        assert branch.absence()
