"""Deploy branches on real Git: one commit is one release, and of writers at once one wins and the others hear of it."""

import multiprocessing
import subprocess

import pytest
from unit.release.records import TIME, bundle, record

from sluice.errors import CannotJudge
from sluice.release.message import message
from sluice.rollout import branch as deploy
from sluice.rollout.branch import LostRace

MANIFESTS = {"000-namespace-n.yaml": b"kind: Namespace\n", "001-deployment-d.yaml": b"kind: Deployment\n"}


def git(root, *words):
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def remote(tmp_path):
    git(tmp_path, "init", "--quiet", "--bare", "remote")
    return tmp_path / "remote"


@pytest.fixture
def clone(tmp_path, remote):
    def make(name="one"):
        git(tmp_path, "clone", "--quiet", str(remote), name)
        return tmp_path / name

    return make


def write(root, number=1, parent=None, words="Say"):
    told = record(number, words)
    files = deploy.contents(told, bundle(words), MANIFESTS, None)
    return deploy.commit_release(root, parent, files, TIME, message(told))


def test_what_is_written_is_read_back(clone):
    root = clone()
    assert deploy.read(root, "staging") is None
    first = write(root)
    deploy.keep(root, "staging", first, None)
    found = deploy.read(root, "staging")
    assert (found.number, found.commit, found.record) == (1, first, record())
    assert (found.bundle, found.manifests, found.statement) == (bundle(), MANIFESTS, None)
    assert list(found.manifests) == sorted(MANIFESTS)
    assert git(root, "status", "--porcelain") == "", "neither index nor working tree is touched"


def test_a_release_replaces_the_whole_tree(clone):
    root = clone()
    first = write(root)
    files = deploy.contents(record(2), bundle(), {"000-namespace-n.yaml": b"x"}, b"signed")
    second = deploy.commit_release(root, first, files, TIME, message(record(2)))
    deploy.keep(root, "staging", second, None)
    found = deploy.read(root, "staging")
    assert list(found.manifests) == ["000-namespace-n.yaml"]
    assert found.statement == b"signed"
    assert [one.number for one in deploy.history(root, "staging")] == [2, 1]
    assert deploy.find(root, "staging", "1").commit == first
    assert deploy.find(root, "staging", record(2).release[:17]).commit == second
    assert deploy.find(root, "staging", "3") is None


def test_the_same_release_is_the_same_commit(clone):
    root = clone()
    assert write(root) == write(root)


def test_a_push_needs_what_the_remote_has_as_its_parent(clone):
    one, two = clone("one"), clone("two")
    first = write(one)
    deploy.push(one, "staging", first)
    with pytest.raises(LostRace, match="had another release of staging first"):
        deploy.push(two, "staging", write(two, words="Tell"))
    assert deploy.fetch(two, "staging") == first
    second = write(two, 2, first, "Tell")
    deploy.push(two, "staging", second)
    with pytest.raises(LostRace):
        deploy.push(one, "staging", write(one, 2, first, "Ask"))
    deploy.fetch(one, "staging")
    assert deploy.read(one, "staging").commit == second


def test_what_was_kept_here_and_overtaken_is_not_what_runs(clone):
    one, two = clone("one"), clone("two")
    deploy.keep(one, "staging", write(one), None)
    assert deploy.read(one, "staging").number == 1
    other = write(two, words="Tell")
    deploy.push(two, "staging", other)
    deploy.fetch(one, "staging")
    assert deploy.read(one, "staging").commit == other, "the remote's, not a merge of both"


def test_a_branch_that_was_written_meanwhile_is_not_moved(clone):
    root = clone()
    first = write(root)
    deploy.keep(root, "staging", first, None)
    second = write(root, 2, first)
    deploy.keep(root, "staging", second, first)
    with pytest.raises(LostRace, match="was written here meanwhile"):
        deploy.keep(root, "staging", write(root, 2, first, "Tell"), first)
    assert deploy.head(root, "staging") == second


def test_a_branch_that_is_checked_out_is_left_alone(clone):
    root = clone()
    deploy.keep(root, "staging", write(root), None)
    git(root, "checkout", "--quiet", "deploy/staging")
    with pytest.raises(CannotJudge, match="is checked out"):
        deploy.keep(root, "staging", write(root, 2), deploy.head(root, "staging"))


def test_a_remote_that_lost_the_branch_is_no_first_release(clone, remote):
    root = clone()
    deploy.push(root, "staging", write(root))
    git(remote, "update-ref", "-d", "refs/heads/deploy/staging")
    with pytest.raises(CannotJudge, match="has lost deploy/staging that it had"):
        deploy.fetch(root, "staging")


def test_without_a_remote_nothing_is_pushed(tmp_path):
    git(tmp_path, "init", "--quiet")
    with pytest.raises(CannotJudge, match="there is no remote origin"):
        deploy.fetch(tmp_path, "staging")


def test_what_is_no_release_is_told(clone):
    root = clone()
    tree = subprocess.run(["git", "mktree"], cwd=root, input="", capture_output=True, text=True).stdout.strip()
    commit = git(root, "-c", "user.name=t", "-c", "user.email=t@example.test", "commit-tree", "-m", "x", tree)
    git(root, "update-ref", "refs/heads/deploy/staging", commit)
    with pytest.raises(CannotJudge, match=r"holds no release\.json"):
        deploy.read(root, "staging")
    git(root, "update-ref", "refs/heads/deploy/production", write(root))
    with pytest.raises(CannotJudge, match="is a release of staging"):
        deploy.read(root, "production")


@pytest.mark.parametrize(
    ("index", "kind", "name", "file"),
    [(0, "Namespace", "n", "000-namespace-n.yaml"), (12, "Job", "../x:y", "012-job-..-x-y.yaml")],
)
def test_names_of_manifests_are_plain_and_sort(index, kind, name, file):
    assert deploy.manifest_name(index, kind, name) == file


def release_until_won(root, words, wins):
    """What a writer does: plan on what the remote has, push, and plan again after a lost race."""
    lost = 0
    while True:
        parent = deploy.fetch(root, "staging")
        number = deploy.read(root, "staging", parent).number + 1 if parent else 1
        try:
            deploy.push(root, "staging", write(root, number, parent, words))
        except LostRace:
            lost += 1
            continue
        wins.put((words, number, lost))
        return


def test_of_writers_at_once_each_lands_on_top_of_the_other(clone, remote):
    names = ("one", "two", "three")
    roots = [clone(name) for name in names]
    processes = multiprocessing.get_context("spawn")
    wins = processes.Queue()
    writers = [processes.Process(target=release_until_won, args=(root, root.name, wins)) for root in roots]
    for writer in writers:
        writer.start()
    landed = sorted(wins.get(timeout=120)[:2] for _ in writers)
    for writer in writers:
        writer.join(timeout=30)
    assert sorted(number for _, number in landed) == [1, 2, 3]
    deploy.fetch(roots[0], "staging")
    found = list(deploy.history(roots[0], "staging"))
    assert [one.number for one in found] == [3, 2, 1]
    assert git(remote, "rev-list", "--merges", "deploy/staging") == ""
