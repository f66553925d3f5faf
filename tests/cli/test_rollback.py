"""Going back: a commit with the next number that holds what ran before."""

import pytest
from cli.release_workplace import GOOD, workplace
from miniature import git

from sluice.evidence.keys import SECRET_VARIABLE
from sluice.release.record import read_record


@pytest.fixture
def place(repository, server, sluice, monkeypatch, tmp_path_factory):
    """Staging has had two releases."""
    made = workplace(repository, sluice, monkeypatch, tmp_path_factory.mktemp("outside"))
    made.first()
    made.merge(GOOD)
    made.judge()
    assert made.release()[0] == 0
    return made


def record(place):
    return read_record(place.show("release.json").encode())


def test_by_default_the_last_one_that_was_different_comes_back(place):
    first = read_record(place.show("release.json", "deploy/staging^").encode())
    code, out, err = place.sluice("rollback", "staging", "--push")
    assert code == 0, out + err
    assert "staging is back at release 1, as release 3" in out
    now = record(place)
    assert (now.number, now.restores, now.release, now.evidence) == (3, 1, first.release, first.evidence)
    for directory in ("bundle", "manifests"):
        trees = [git(place.remote, "rev-parse", f"deploy/staging{at}:{directory}") for at in ("", "^^")]
        assert trees[0] == trees[1]
    assert place.remote_log()[0] == "Release 3 of staging restores release 1"
    code, out, err = place.sluice("verify", "--all")
    assert code == 0, out + err


def test_forth_again_by_number_or_digest(place):
    second = record(place).release
    assert place.sluice("rollback", "staging", "--push")[0] == 0
    assert place.sluice("rollback", "staging", "--to", second[7:19], "--push")[0] == 0
    assert (record(place).number, record(place).restores) == (4, 2)
    assert place.sluice("rollback", "staging", "--to", "1", "--push")[0] == 0
    assert (record(place).number, record(place).restores) == (5, 1)


def test_what_runs_already_and_what_is_unknown(place):
    code, _, err = place.sluice("rollback", "staging", "--to", "2", "--push")
    assert code == 2
    assert "release 2 is what staging runs now" in err
    code, _, err = place.sluice("rollback", "staging", "--to", "9", "--push")
    assert code == 2
    assert "knows no release '9' of staging" in err
    code, _, err = place.sluice("rollback", "production")
    assert code == 2
    assert "nothing was released to production yet" in err


def test_a_rollback_without_a_key_verifies_by_the_signed_release_that_it_restores(place, monkeypatch):
    monkeypatch.delenv(SECRET_VARIABLE)
    assert place.sluice("rollback", "staging", "--push")[0] == 0
    code, out, err = place.sluice("verify")
    assert code == 0, out + err
    assert "staging 3" in out


def test_what_was_turned_back_comes_again_only_where_somebody_says_so(place):
    """Else the next run of a workflow would undo the rollback."""
    assert place.sluice("rollback", "staging", "--push")[0] == 0
    code, out, _ = place.release()
    assert code == 1
    assert "this is release 2, which release 3 turned back from; merge a change, or say --again" in out
    place.merge(GOOD + "\nAnd kind.")
    place.judge()
    assert place.sluice("release", "staging", "--dry-run")[0] == 0, "another change is judged against what runs"
    code, out, _ = place.release("--commit", "HEAD^", "--again")
    assert code == 0
    assert "the same was admitted before, as release 2" in out
    assert record(place).number == 4


def tamper(place, clone):
    """Write to the branch past Sluice: nine servers instead of one."""
    copy = place.clone(clone)
    git(copy, "checkout", "--quiet", "-B", "deploy/staging", "origin/deploy/staging")
    (target,) = copy.glob("manifests/*-deployment-*.yaml")
    target.write_text(target.read_text().replace("replicas: 1", "replicas: 9"))
    git(copy, "-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "--quiet", "--all", "-m", "tamper")
    git(copy, "push", "--quiet", str(place.remote), "deploy/staging")


def test_what_somebody_wrote_past_sluice_is_never_signed(place, tmp_path):
    tamper(place, tmp_path / "c")
    code, out, err = place.sluice("rollback", "staging", "--to", "2", "--push")
    assert code == 0, out + err
    assert "replicas: 9" not in git(place.remote, "grep", "-h", "replicas", "deploy/staging", "--", "manifests")
    assert (record(place).number, record(place).restores) == (3, 2)
    assert place.sluice("verify")[0] == 0


def test_by_default_what_verifies_comes_back_over_what_does_not(place, tmp_path):
    tamper(place, tmp_path / "c")
    code, out, err = place.sluice("rollback", "staging", "--push")
    assert code == 0, out + err
    assert record(place).restores == 2
    assert place.sluice("rollback", "staging", "--push")[0] == 0
    assert record(place).restores == 1, "the edit between is no release"


def test_a_release_is_not_built_on_what_does_not_verify(place, tmp_path):
    tamper(place, tmp_path / "c")
    place.merge("Answer with the last word only.")
    place.judge()
    git(place.root, "fetch", "--quiet", "origin", "+deploy/staging:refs/remotes/origin/deploy/staging")
    for words in (["--dry-run"], ["--push"]):
        code, out, err = place.sluice("release", "staging", *words)
        assert code == 4 and "does not verify" in out and "sluice rollback staging" in out, out + err
    assert place.sluice("release", "staging", "--push", "--over-unverified")[0] == 0
