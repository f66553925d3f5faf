"""Releases through the front door: judged on main, released by commit, and every refusal with its reason."""

import json
import subprocess
import threading
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from cli.release_workplace import BAD, GOOD, WHO, workplace
from miniature import git

from sluice.cli import evidence_writing
from sluice.evidence.keys import SECRET_VARIABLE
from sluice.release.lock import Lock
from sluice.release.record import read_record
from sluice.rollout import branch as deploy


@pytest.fixture
def place(repository, server, sluice, monkeypatch, tmp_path_factory):
    return workplace(repository, sluice, monkeypatch, tmp_path_factory.mktemp("outside"))


def test_a_first_release_is_refused_until_an_approver_names_it(place):
    code, out, err = place.release()
    assert code == 4, err
    assert f"a person must name its first release: --first-by {WHO}" in out
    code, out, _ = place.release("--first-by", "somebody")
    assert code == 1
    assert f"somebody may not name the first release of staging; {WHO} may" in out
    code, out, _ = place.sluice("release", "staging", "--first-by", WHO, "--dry-run")
    assert code == 0
    assert "may be released to staging" in out
    assert git(place.remote, "branch", "--list", "deploy/*") == ""


def test_an_example_of_the_template_is_named_with_its_line_and_never_pushed(place):
    job = place.root / "infra/components/weights/job.yaml"
    job.write_text(job.read_text().replace("acme/prompts", "your-org/your-repository"))
    place.merge()
    place.judge()
    line = next(n for n, text in enumerate(job.read_text().splitlines(), 1) if "your-org" in text)
    code, out, _ = place.release("--first-by", WHO)
    assert code == 4
    assert f"infra/components/weights/job.yaml:{line}:" in out and "sluice init --repository OWNER/NAME" in out
    assert git(place.remote, "branch", "--list", "deploy/*") == ""


def test_the_commit_of_a_release_holds_everything(place):
    place.first()
    record = read_record(place.show("release.json").encode())
    assert isinstance(record.lock, Lock)
    trailers = dict(line.split(": ", 1) for line in place.remote_log("%(trailers:only)")[:3])
    assert trailers["Release"] == record.release
    assert trailers["Release-Number"] == "1"
    assert trailers["Source-Commit"] == git(place.root, "rev-parse", "main").strip()
    files = git(place.remote, "ls-tree", "-r", "--name-only", "deploy/staging").splitlines()
    assert {"release.json", "release.dsse.json", "bundle/manifest.json", "bundle/prompt-answer.json"} <= set(files)
    manifests = [yaml.safe_load(place.show(path)) for path in files if path.startswith("manifests/")]
    (server,) = [one for one in manifests if one["kind"] == "Deployment"]
    assert server["spec"]["template"]["spec"]["containers"][0]["image"] == record.lock.models["served"].image
    assert manifests[0]["kind"] == "Namespace", "files sort in the order in which they are applied"
    assert (record.anchor.by, record.anchor.number) == (WHO, 1)


def test_a_change_that_main_judged_is_released_and_told_in_words(place):
    place.first()
    place.merge(GOOD)
    place.judge()
    code, out, err = place.release()
    assert code == 0, out + err
    assert "as release 2" in out
    assert "answer: its messages, inputs or output changed" in out
    assert "answer: pass (judged on main)" in out
    assert place.remote_log()[0].startswith("Release 2 of staging: ")
    assert read_record(place.show("release.json").encode()).anchor.number == 1


def test_the_same_again_is_no_release(place):
    place.first()
    code, out, _ = place.release()
    assert code == 0
    assert "staging runs" in out and "already, as release 1" in out
    assert len(place.remote_log()) == 1


def test_what_was_judged_bad_is_refused_with_the_gates_reason(place):
    place.first()
    place.merge(BAD)
    place.judge()
    code, out, _ = place.release()
    assert code == 1
    assert "refused: answer against release 1, which staging runs now: fail" in out
    assert len(place.remote_log()) == 1


def test_of_several_merges_the_newest_judged_one_is_released(place):
    place.first()
    judged = place.merge(GOOD)
    place.judge()
    newest = place.merge(GOOD + "\nAnd kind.")
    code, out, _ = place.release()
    assert code == 0
    assert f"newer on main, without evidence yet: {newest[:12]}" in out
    assert read_record(place.show("release.json").encode()).source_commit == judged
    place.judge()
    assert place.release()[0] == 0
    assert read_record(place.show("release.json").encode()).source_commit == newest


def test_what_nobody_judged_is_refused_with_the_nearest_run(place):
    place.first()
    commit = place.merge(GOOD)
    code, out, _ = place.release("--commit", commit)
    assert code == 4
    assert "no run of exactly this is recorded (served on tgi would do)" in out
    assert "differs in the prompt's messages" in out


def test_only_what_is_on_main_is_released(place):
    git(place.root, "checkout", "--quiet", "-b", "aside")
    git(place.root, "-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "--allow-empty", "-qm", "aside")
    code, _, err = place.release("--commit", "HEAD", "--first-by", WHO)
    assert code == 4
    assert "is not on main" in err


def test_an_approval_of_something_else_is_superseded(place):
    place.first()
    approved = read_record(place.show("release.json").encode()).release
    place.merge(GOOD)
    place.judge()
    code, out, _ = place.release("--expect", approved)
    assert code == 1
    assert "the approval is superseded" in out
    wanted = json.loads(place.sluice("release", "staging", "--dry-run", "--format", "json")[1])["release"]
    assert place.release("--expect", wanted)[0] == 0


def test_an_update_that_could_never_finish_is_refused(place):
    place.first()
    place.merge(serving={"served": {"strategy": "surge"}})
    code, out, _ = place.release()
    assert code == 1
    assert "served starts a new pod before an old one ends" in out


def test_going_back_by_a_merge_needs_no_new_evidence(place):
    place.first()
    before = git(place.root, "show", "HEAD:prompts/answer.yaml")
    place.merge(GOOD)
    place.judge()
    assert place.release()[0] == 0
    (place.root / "prompts/answer.yaml").write_text(before)
    place.merge()
    code, out, err = place.release()
    assert code == 0, out + err
    assert "the same was admitted before, as release 1" in out
    assert read_record(place.show("release.json").encode()).number == 3


def test_two_writers_at_once_both_land_one_after_the_other(place, monkeypatch):
    """The second writer planned on what the first replaced; it is planned again, on top."""
    place.first()
    place.merge(GOOD)
    place.judge()
    push, raced = deploy.push, threading.Event()

    def overtaken(root, environment, commit):
        if not raced.is_set():
            raced.set()
            monkeypatch.setattr(deploy, "push", push)
            assert place.release("--anchor-by", WHO)[0] == 0
        push(root, environment, commit)

    monkeypatch.setattr(deploy, "push", overtaken)
    code, out, err = place.release()
    assert raced.is_set()
    assert code == 0, out + err
    assert "had another release of staging first; planning again" in err
    assert "already, as release 2" in out, "what the other writer released is what was wanted"
    assert place.remote_log("%(trailers:key=Release-Number,valueonly)") == ["2", "", "1", ""]


def test_a_reference_is_named_by_an_approver(place):
    place.first()
    place.merge(GOOD)
    place.judge()
    assert place.release("--anchor-by", "somebody")[0] == 1
    assert place.release("--anchor-by", WHO)[0] == 0
    assert read_record(place.show("release.json").encode()).anchor.number == 2


def test_a_workflow_that_does_not_run_on_main_releases_nothing(place, monkeypatch):
    monkeypatch.setenv("GITHUB_REF", "refs/heads/other")
    code, _, err = place.release("--first-by", WHO)
    assert code == 4
    assert "only runs on main" in err


def test_without_a_key_a_release_is_pushed_only_where_that_is_meant(place, monkeypatch):
    monkeypatch.delenv(SECRET_VARIABLE)
    code, _, err = place.release("--first-by", WHO)
    assert code == 2 and "never verifies" in err and "--unsigned" in err
    assert git(place.remote, "branch", "--list", "deploy/*") == ""
    code, _, err = place.release("--first-by", WHO, "--unsigned")
    assert code == 0
    assert "the release is not signed" in err
    assert "release.dsse.json" not in git(place.remote, "ls-tree", "--name-only", "deploy/staging")
    assert place.sluice("verify")[0] == 1


def test_what_was_released_without_a_key_is_signed_by_releasing_it_again(place, monkeypatch):
    with monkeypatch.context() as keyless:
        keyless.delenv(SECRET_VARIABLE)
        assert place.release("--first-by", WHO, "--unsigned")[0] == 0
    assert place.release()[0] == 4, "nobody can tell who wrote it"
    code, out, err = place.release("--over-unverified")
    assert code == 0 and "as release 2" in out, err
    assert place.sluice("verify")[0] == 0
    assert "already, as release 2" in place.release()[1]


def test_without_push_the_release_stays_here(place):
    assert place.sluice("release", "staging", "--first-by", WHO)[0] == 0
    assert git(place.remote, "branch", "--list", "deploy/*") == ""
    assert deploy.read(place.root, "staging").number == 1
    assert deploy.read(place.root, "production") is None


def test_what_is_served_otherwise_there_is_judged_as_it_is_served_there(place):
    """The model file's arguments were judged; the environment's own need a run of their own, and get one."""
    place.first()
    place.merge(serving={"served": {"strategy": "recreate", "arguments": {"dtype": "float16"}}})
    code, out, _ = place.release("--commit", "HEAD")
    assert code == 4
    assert "differs in the serving arguments" in out
    words = ("--environment", "staging")
    code, out, err = place.sluice("eval", "--base", "HEAD^", "--head", "HEAD", "--complete", "--unproven", *words)
    assert code == 0, out + err
    code, _, err = place.sluice("evidence", "record", "--push")
    assert code == 4
    assert "the judgement is about the closure" in err, "evidence says in which environment"
    assert place.sluice("evidence", "record", "--push", *words)[0] == 0
    code, out, err = place.release()
    assert code == 0, out + err
    assert "served: dtype from unset to float16" in out
    assert place.sluice("eval", "--environment", "stagin")[0] == 2


def test_what_is_too_old_is_judged_again_and_renewed(place, monkeypatch):
    place.first()
    place.merge(GOOD)
    with monkeypatch.context() as then:
        then.setattr(evidence_writing, "_now", lambda: datetime.now(UTC) - timedelta(days=31))
        place.judge()
    code, out, _ = place.release("--commit", "HEAD")
    assert code == 4
    assert "more than 30 days ago" in out
    words = ("eval", "--base", nothing(place.root), "--head", "HEAD", "--complete", "--no-evidence")
    assert place.sluice(*words)[0] == 0
    code, out, err = place.sluice("evidence", "record", "--push")
    assert "known already" in out, out + err
    code, out, err = place.sluice("evidence", "record", "--push", "--renew", "30")
    assert code == 0 and ".2.json" in out, out + err
    code, out, err = place.release()
    assert code == 0, out + err
    assert "answer: pass (two stored runs)" in out
    assert place.sluice("verify")[0] == 0


def nothing(root):
    """A commit without files, as the nightly run compares with: every suite is new then."""
    tree = subprocess.run(["git", "mktree"], cwd=root, input="", capture_output=True, text=True).stdout.strip()
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.test")
    return git(root, *identity, "commit-tree", "-m", "Nothing", tree).strip()


def test_unknown_environments_are_named(place):
    code, _, err = place.release("--commit", "HEAD", "--first-by", WHO)
    assert code == 0, err
    code, _, err = place.sluice("release", "stagin")
    assert code == 2
    assert "did you mean 'staging'?" in err


def test_manifests_that_differ_under_the_same_lock_are_named(place):
    place.first()
    namespace = place.root / "infra/base/environment/namespace.yaml"
    namespace.write_text(namespace.read_text().replace("  labels:\n", "  labels:\n    team: answers\n"))
    place.merge()
    code, out, err = place.sluice("release", "staging", "--dry-run")
    assert code == 0, out + err
    assert "note: the lock is what release 1 has; other manifests: 000-namespace-sluice-staging.yaml" in out
