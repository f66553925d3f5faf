"""Two clones and a bare remote: whoever pushes, everything lands, nothing is altered, and what is odd is said."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from miniature import commit, git

from sluice.errors import CannotJudge
from sluice.evidence import pushing
from sluice.evidence.branch import Branch
from sluice.evidence.committing import store
from sluice.evidence.git import LOCAL, TRACKED, blobs, tip
from sluice.evidence.pushing import fetch_quietly, push

SOURCE = Path(__file__).resolve().parents[3] / "src"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(pushing, "_LONGEST_WAIT", 0.05)


@pytest.fixture
def remote(tmp_path):
    root = tmp_path / "remote"
    root.mkdir()
    git(root, "init", "--quiet", "--bare", "--initial-branch", "main")
    seed = tmp_path / "seed"
    seed.mkdir()
    git(seed, "init", "--quiet", "--initial-branch", "main")
    (seed / "file").write_text("x")
    commit(seed)
    git(seed, "push", "--quiet", str(root), "main")
    return root


@pytest.fixture
def clone(tmp_path, remote):
    """Return a function that clones the remote."""

    def make(name, *options):
        subprocess.run(["git", "clone", "--quiet", *options, remote.as_uri(), str(tmp_path / name)], check=True)
        return tmp_path / name

    return make


def landed(remote):
    return set(blobs(remote, tip(remote, LOCAL)))


def test_the_first_push_makes_the_branch_and_the_second_adds_to_it(remote, clone):
    one, two = clone("one"), clone("two")
    store(one, {"runs/a": b"1"})
    assert push(one).added == ("runs/a",)
    store(two, {"runs/b": b"2"})
    assert push(two).added == ("runs/b",)
    assert landed(remote) == {"runs/a", "runs/b"}
    assert git(remote, "rev-list", "--count", LOCAL).strip() == "2"
    assert tip(two, LOCAL) == tip(two, TRACKED) == tip(remote, LOCAL)
    assert push(one).added == ()
    assert set(blobs(one, tip(one, LOCAL))) == {"runs/a", "runs/b"}


def test_writers_at_once_all_land(remote, clone, monkeypatch):
    monkeypatch.setattr(pushing, "TRIES", 30)
    clones = [clone(f"clone-{number}") for number in range(4)]
    failures = []
    start = threading.Barrier(len(clones))

    def write(number):
        try:
            start.wait()
            for file in range(2):
                store(clones[number], {f"runs/{number}-{file}": b"x", "runs/shared": str(number).encode()})
                push(clones[number])
        except Exception as failure:
            failures.append(repr(failure))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(clones))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    wanted = {f"runs/{number}-{file}" for number in range(4) for file in range(2)}
    assert landed(remote) == {*wanted, "runs/shared"}
    changed = git(remote, "log", "--format=", "--name-status", "--diff-filter=MDT", LOCAL)
    assert changed == "", "no commit altered a file"
    assert git(remote, "rev-list", "--merges", "--count", LOCAL).strip() == "0"


def test_the_earlier_file_stays_and_that_is_said(remote, clone):
    one, two = clone("one"), clone("two")
    store(one, {"runs/a": b"first"})
    store(two, {"runs/a": b"second"})
    push(one)
    told = push(two)
    assert told.added == ()
    assert told.words == ("runs/a was recorded by another run first, and stays as it is",)
    assert git(remote, "show", f"{LOCAL}:runs/a") == "first"


def test_many_fast_writers_end_in_words(remote, clone, monkeypatch):
    one = clone("one")
    store(one, {"runs/a": b"1"})
    hook = remote / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho 'cannot lock ref' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(CannotJudge, match="origin was faster 5 times"):
        push(one)
    hook.unlink()
    assert push(one).added == ("runs/a",)


def test_a_remote_that_refuses_is_told_at_once_and_what_was_recorded_is_kept(remote, clone):
    one = clone("one")
    store(one, {"runs/a": b"1"})
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH013: Repository rule violations found' >&2\nexit 1\n")
    hook.chmod(0o755)
    started = time.monotonic()
    with pytest.raises(
        CannotJudge, match=r"could not be brought to origin: .*GH013.*What was recorded is kept"
    ) as caught:
        push(one)
    assert time.monotonic() - started < 20
    assert "\n" not in str(caught.value)
    hook.unlink()
    assert push(one).added == ("runs/a",)


def test_credentials_of_an_address_are_not_shown(remote, clone):
    one = clone("one")
    git(one, "remote", "set-url", "origin", "http://user:hunter2@127.0.0.1:9/x.git")
    store(one, {"runs/a": b"1"})
    with pytest.raises(CannotJudge) as caught:
        push(one)
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)


def test_no_remote_is_said(tmp_path):
    git(tmp_path, "init", "--quiet")
    with pytest.raises(CannotJudge, match="no remote origin"):
        push(tmp_path)
    assert "no remote origin" in fetch_quietly(tmp_path)


KILLED = """
import sys
from pathlib import Path
from sluice.evidence.committing import store
from sluice.evidence.pushing import push
root = Path(sys.argv[1])
store(root, {"runs/a": b"1", "runs/b": b"2"})
print("stored", flush=True)
push(root)
"""


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.4])
def test_killed_while_pushing_the_same_again_lands_once(remote, clone, delay):
    one = clone("one")
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nsleep 0.2\n")
    hook.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(one)], env=environment, stdout=subprocess.PIPE, process_group=0
    )
    assert process.stdout.readline() == b"stored\n"
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    hook.unlink()
    for lock in one.glob(".git/**/*.lock"):
        lock.unlink()
    store(one, {"runs/a": b"1", "runs/b": b"2"})
    push(one)
    assert landed(remote) == {"runs/a", "runs/b"}
    assert int(git(remote, "rev-list", "--count", LOCAL)) == 1
    assert git(one, "fsck", "--no-dangling") == ""


def test_a_shallow_clone_reads_and_writes(remote, clone):
    one = clone("one")
    for number in range(3):
        store(one, {f"runs/{number}": b"x"})
        push(one)
    two = clone("two", "--depth=1")
    with Branch(two) as branch:
        assert "shallow" in branch.absence()
    assert "is at" in fetch_quietly(two)
    assert git(two, "rev-list", "--count", TRACKED).strip() == "1"
    store(two, {"runs/new": b"y"})
    assert push(two).added == ("runs/new",)
    assert landed(remote) == {"runs/0", "runs/1", "runs/2", "runs/new"}
    assert git(remote, "rev-list", "--count", LOCAL).strip() == "4", "the history that it did not have is kept"
    store(one, {"runs/late": b"z"})
    push(one)
    store(two, {"runs/later": b"z"})
    push(two)
    assert len(landed(remote)) == 6


def test_a_rewritten_history_is_said_and_lost_files_do_not_come_back_by_themselves(remote, clone):
    one, two = clone("one"), clone("two")
    store(one, {"runs/a": b"1", "runs/b": b"2"})
    push(one)
    fetch_quietly(two)
    git(one, "update-ref", "-d", LOCAL)
    git(one, "update-ref", "-d", TRACKED)
    store(one, {"runs/b": b"other", "runs/c": b"3"})
    git(one, "push", "--quiet", "--force", "origin", "evidence")

    told = fetch_quietly(two)
    assert "was rewritten on origin: 2 files are gone or altered" in told
    with Branch(two) as branch:
        assert "2 files that it had are gone or altered, runs/a, runs/b" in branch.rewritten()[0]
    store(two, {"runs/d": b"4"})
    push(two)
    assert landed(remote) == {"runs/b", "runs/c", "runs/d"}


def test_a_history_that_was_rewritten_without_loss_is_none(remote, clone):
    one, two = clone("one"), clone("two")
    store(one, {"runs/a": b"1"})
    push(one)
    store(one, {"runs/b": b"2"})
    push(one)
    fetch_quietly(two)
    git(one, "update-ref", "-d", LOCAL)
    git(one, "update-ref", "-d", TRACKED)
    store(one, {"runs/a": b"1", "runs/b": b"2"})
    git(one, "push", "--quiet", "--force", "origin", "evidence")
    assert "rewritten" not in fetch_quietly(two)


def test_a_branch_that_the_remote_lost_is_not_made_anew_in_silence(remote, clone):
    one = clone("one")
    store(one, {"runs/a": b"1"})
    push(one)
    git(remote, "update-ref", "-d", LOCAL)
    store(one, {"runs/b": b"2"})
    with pytest.raises(CannotJudge, match="has lost the branch evidence") as caught:
        push(one)
    assert f"git push origin {TRACKED}:{LOCAL}" in str(caught.value)
    git(one, "push", "--quiet", "origin", f"{TRACKED}:{LOCAL}")
    push(one)
    assert landed(remote) == {"runs/a", "runs/b"}


def test_a_pre_push_hook_of_the_person_is_not_run(remote, clone):
    one = clone("one")
    hook = one / ".git" / "hooks" / "pre-push"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    store(one, {"runs/a": b"1"})
    assert push(one).added == ("runs/a",)
