"""Evidence through the front door: judged on main, signed, verified, reused; and what is tampered with is refused."""

import json
import re
import subprocess

import pytest
from miniature import PROMPT, SUITE, commit, edit_prompt, git, write

from sluice.evidence.git import LOCAL, TRACKED
from sluice.evidence.keys import SECRET_VARIABLE
from sluice.evidence.stored import unpack

HARMLESS = "Answer with the last word.\nBe very brief."


@pytest.fixture
def adopted(repository, sluice, monkeypatch, tmp_path_factory):
    """A repository whose main lists a key, with the secret half in the environment and a bare remote."""
    secrets = tmp_path_factory.mktemp("secrets")
    assert sluice("evidence", "keygen", str(secrets))[0] == 0
    commit(repository, "key")
    monkeypatch.setenv(SECRET_VARIABLE, (secrets / "evidence.pem").read_text())
    remote = tmp_path_factory.mktemp("remote")
    git(remote, "init", "--quiet", "--bare", "--initial-branch", "main")
    git(repository, "remote", "add", "origin", str(remote))
    git(repository, "push", "--quiet", "origin", "main")
    return repository


def merged(root, text="merge"):
    """Commit what the working tree holds to main, as a merge does."""
    made = commit(root, text)
    git(root, "push", "--quiet", "origin", "main")
    return made


def judge_main(sluice, *words):
    """What judge.yml does after a push to main."""
    code = sluice("eval", "--base", "HEAD^", "--head", "HEAD", "--complete", "--unproven", *words)
    recorded = sluice("evidence", "record", "--push")
    return code, recorded


@pytest.fixture
def judged(adopted, server, sluice):
    """Main's suite has been judged and recorded, and the clone has forgotten what it called."""
    edit_prompt(adopted, "Answer with the last word.\nBe kind.")
    merged(adopted)
    code, recorded = judge_main(sluice)
    assert code[0] == 0, code
    assert recorded[0] == 0, recorded
    forget(adopted, server)
    return adopted


def forget(root, server):
    """Delete the clone's own cache and journals, so that only evidence can save calls."""
    subprocess.run(["rm", "-rf", root / ".sluice"], check=True)
    server.calls.clear()


def statements(sluice, *words):
    return json.loads(sluice("evidence", "list", "--format", "json", *words)[1])["evidence"]


def test_a_judged_merge_is_recorded_verified_and_shown(judged, sluice):
    rows = statements(sluice)
    assert [row["kind"] for row in rows] == ["run", "verdict"]
    assert all(row["verified"] and row["suite"] == "answer" for row in rows)
    assert rows[1]["says"] == "pass"
    assert {row["commit"] for row in rows} == {git(judged, "rev-parse", "HEAD").strip()}
    code, out, err = sluice("evidence", "verify", "--all")
    assert code == 0, out + err
    assert "2 of 2 verify" in err
    code, out, _ = sluice("evidence", "show", rows[0]["digest"][:14])
    assert code == 0
    assert "300 of 300 results pass" in out
    assert "called" in out and "300 of 300 results in that run" in out
    shown = json.loads(sluice("evidence", "show", rows[0]["digest"], "--format", "json")[1])
    facts = shown["statement"]["predicate"]["sluice"]
    assert facts["servers"][0]["engine"] == "tgi"
    assert facts["servers"][0]["version"]
    verdict = json.loads(sluice("evidence", "show", rows[1]["digest"], "--format", "json")[1])["statement"]
    (claim,) = verdict["predicate"]["sluice"]["claims"]
    found = claim["metric"], claim["comparator"], claim["threshold"], claim["passed"]
    assert found == ("correct", ">", "-0.05", True)
    assert claim["detectable"] > 0
    assert verdict["predicate"]["result"] == "PASSED"
    assert verdict["predicate"]["passedTests"] == ["correct"]


def test_a_base_with_evidence_costs_no_model_call(judged, server, sluice):
    edit_prompt(judged, HARMLESS)
    code, out, err = sluice("eval", "--complete")
    assert code == 0, out + err
    assert len(server.generations) == 300, "head alone is asked"
    assert "300 of 300 answers of base are those of signed runs" in " ".join(out.split())


def test_no_evidence_asks_both_sides(judged, server, sluice):
    edit_prompt(judged, HARMLESS)
    code, out, _ = sluice("eval", "--complete", "--no-evidence")
    assert code == 0
    assert len(server.generations) == 600
    assert "signed runs" not in out


def test_a_revert_a_squash_and_a_rebase_to_known_content_call_nothing(judged, server, sluice):
    known = git(judged, "rev-parse", "HEAD").strip()
    edit_prompt(judged, HARMLESS)
    merged(judged)
    (code, out, err), recorded = judge_main(sluice)
    assert code == 0 and recorded[0] == 0, (out, err, recorded)
    forget(judged, server)

    git(judged, "checkout", "--quiet", "-b", "revert")
    git(judged, "-c", "user.name=t", "-c", "user.email=t@example.test", "revert", "--no-edit", "HEAD")
    code, out, err = sluice("eval", "--head", "HEAD", "--complete")
    assert code == 0, out + err
    assert not server.generations
    assert "300 of 300 answers of base and 300 of 300 answers of head" in " ".join(out.split())

    forget(judged, server)
    git(judged, "checkout", "--quiet", "-b", "squash", known)
    edit_prompt(judged, "Something else that nobody judged.")
    commit(judged, "one")
    edit_prompt(judged, HARMLESS)
    commit(judged, "two: another history, the same content")
    code, out, err = sluice("eval", "--base", known, "--head", "HEAD", "--complete")
    assert code == 0, out + err
    assert not server.generations


def test_the_same_command_again_says_the_same(judged, server, sluice):
    edit_prompt(judged, HARMLESS)
    first = sluice("eval", "--complete", "--format", "json")
    again = sluice("eval", "--complete", "--format", "json")
    told = [json.loads(one[1])["suites"][0]["notes"] for one in (first, again)]
    assert told[0] == told[1]
    assert told[0]


def test_new_cases_cost_only_themselves(judged, server, sluice):
    rows = (judged / "datasets" / "questions.jsonl").read_text()
    new = {"id": "case-9000", "question": "Which word ends question number 9000 word9000", "expected": "word9000",
           "topic": "even", "page": "page-9"}  # fmt: skip
    (judged / "datasets" / "questions.jsonl").write_text(rows + json.dumps(new) + "\n")
    code, out, err = sluice("eval", "--complete")
    assert code == 0, out + err
    assert len(server.generations) == 1, "an equal request of both sides, of one new case"


def test_recording_twice_is_no_change(judged, server, sluice):
    tip = git(judged, "rev-parse", TRACKED)
    (judged / "note.txt").write_text("no suite depends on this")
    merged(judged)
    _, (code, out, err) = judge_main(sluice)
    assert code == 0, err
    assert not server.calls, "what is proven and unchanged is not judged again"
    assert "nothing was run" in out
    assert git(judged, "rev-parse", TRACKED) == tip


def test_a_judgement_recorded_twice_is_known(adopted, server, sluice):
    edit_prompt(adopted, HARMLESS)
    merged(adopted)
    judge_main(sluice)
    tip = git(adopted, "rev-parse", TRACKED)
    code, out, err = sluice("evidence", "record", "--push")
    assert code == 0, err
    assert out.count("known already") == 2
    assert git(adopted, "rev-parse", TRACKED) == tip


def test_unproven_suites_are_judged_although_nothing_changed(adopted, server, sluice):
    (adopted / "note.txt").write_text("no suite depends on this")
    merged(adopted)
    assert sluice("eval", "--base", "HEAD^", "--head", "HEAD", "--complete")[0] == 0
    assert not server.generations
    code, out, err = sluice("eval", "--base", "HEAD^", "--head", "HEAD", "--complete", "--unproven")
    assert code == 0, out + err
    assert len(server.generations) == 300, "equal sides are one completion"
    assert "no run evidence yet" in " ".join(out.split())


def test_a_partial_run_is_refused(adopted, server, sluice):
    edit_prompt(adopted, "Answer never.")
    merged(adopted)
    assert sluice("eval", "--base", "HEAD^", "--head", "HEAD")[0] == 1, "an early look decides"
    code, _, err = sluice("evidence", "record")
    assert code == 4
    assert "partial run is no evidence" in err
    assert "--complete" in err
    assert sluice("evidence", "list")[0] == 4


def test_a_failing_complete_head_is_recorded_as_a_failure(adopted, server, sluice):
    edit_prompt(adopted, "Answer never.")
    merged(adopted)
    (code, *_), recorded = judge_main(sluice)
    assert code == 1
    assert recorded[0] == 0, recorded
    assert [row["says"] for row in statements(sluice)] == ["0 of 300 results pass", "fail"]


def test_a_working_tree_and_a_commit_off_main_are_refused(adopted, server, sluice):
    edit_prompt(adopted, HARMLESS)
    assert sluice("eval", "--complete")[0] == 0
    code, _, err = sluice("evidence", "record")
    assert code == 4 and "working tree" in err
    git(adopted, "checkout", "--quiet", "-b", "branch")
    commit(adopted, "not merged")
    assert sluice("eval", "--complete", "--head", "HEAD")[0] == 0
    code, _, err = sluice("evidence", "record")
    assert code == 4 and "is not on main" in err


def test_a_run_of_another_ref_makes_no_evidence(judged, sluice, monkeypatch):
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    sluice("eval", "--base", "HEAD^", "--head", "HEAD", "--complete")
    code, _, err = sluice("evidence", "record")
    assert code == 4 and "refs/pull/7/merge" in err
    code, _, err = sluice("evidence", "accept", "answer", "--case", "case-0001", "--reason", "r", "--by", "ann")
    assert code == 4 and "refs/pull/7/merge" in err


def test_a_judgement_of_another_commit_is_refused(adopted, server, sluice):
    edit_prompt(adopted, HARMLESS)
    first = merged(adopted)
    sluice("eval", "--base", "HEAD^", "--head", "HEAD", "--complete", "--output", "stored.json")
    edit_prompt(adopted, "Answer with the last word.\nBe kind.")
    second = merged(adopted)
    text = (adopted / "stored.json").read_text().replace(first, second)
    (adopted / "stored.json").write_text(text)
    code, _, err = sluice("evidence", "record", "--judgement", "stored.json")
    assert code == 4
    assert "the judgement is about the closure" in err


def test_a_key_that_main_does_not_list_signs_nothing(adopted, server, sluice, monkeypatch, tmp_path_factory):
    edit_prompt(adopted, HARMLESS)
    merged(adopted)
    sluice("eval", "--base", "HEAD^", "--head", "HEAD", "--complete")
    other = tmp_path_factory.mktemp("other")
    sluice("evidence", "keygen", str(other), "--name", "other")
    monkeypatch.setenv(SECRET_VARIABLE, (other / "other.pem").read_text())
    code, _, err = sluice("evidence", "record")
    assert code == 2
    assert "commit the public half to main first" in err
    for text, said in [("", "is not set"), ("-----BEGIN nonsense-----", "holds no unencrypted secret key")]:
        monkeypatch.setenv(SECRET_VARIABLE, text)
        code, _, err = sluice("evidence", "record")
        assert code == 2 and said in err


def tampered(root, path, data, *, quoted=False):
    """Replace a file on the branch, as somebody could who may write it."""
    from sluice.evidence.committing import _AUTHOR
    from sluice.evidence.git import tell

    blob = tell(root, "hash-object", "-w", "--stdin", data=data)
    index = {"GIT_INDEX_FILE": str(root / ".git" / "tampered-index")}
    tell(root, "read-tree", TRACKED, environment=index)
    if quoted:
        tell(root, "update-index", "-z", "--index-info", data=f"100644 {blob}\t{path}\0".encode(), environment=index)
    else:
        tell(root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", environment=index)
    tree = tell(root, "write-tree", environment=index)
    made = tell(root, "commit-tree", tree, "-p", TRACKED, "-m", "tamper", environment=_AUTHOR)
    for ref in (TRACKED, LOCAL):
        tell(root, "update-ref", ref, made)


@pytest.mark.parametrize("part", ["envelope", "run"])
def test_tampered_evidence_is_named_and_not_used(judged, server, sluice, part):
    row = statements(sluice)[0]
    path = row["path"] if part == "envelope" else row["path"].replace(".json", ".run.gz")
    data = bytearray(subprocess.run(["git", "show", f"{TRACKED}:{path}"], cwd=judged, capture_output=True).stdout)
    data[len(data) // 2] ^= 1
    tampered(judged, path, bytes(data))

    code, out, err = sluice("evidence", "verify", "--all")
    assert code == 1
    assert "NOT VERIFIED" in out
    assert "alter or delete evidence" in err
    assert "was rewritten: 1 files" in err

    edit_prompt(judged, HARMLESS)
    code, out, err = sluice("eval", "--complete")
    assert code == 0
    assert len(server.generations) == 600, "nothing of it is trusted"
    assert "evidence of answer is not used" in err
    assert path.split("/")[-1].split(".")[0][:12] in err


def test_evidence_by_a_key_that_base_dropped_is_not_used_and_made_anew(judged, server, sluice, monkeypatch, tmp_path):
    (judged / "infra/policy/keys/evidence.pub").unlink()
    secrets = judged.parent / f"{judged.name}-secrets"
    secrets.mkdir()
    assert sluice("evidence", "keygen", str(secrets), "--name", "second")[0] == 0
    monkeypatch.setenv(SECRET_VARIABLE, (secrets / "second.pem").read_text())
    merged(judged, "rotate")
    code, out, _ = sluice("evidence", "verify", "--all")
    assert code == 1 and out.count("does not list") == 2
    (judged / "note.txt").write_text("a later commit")
    merged(judged)
    (code, _, err), recorded = judge_main(sluice)
    assert code == 0 and recorded[0] == 0, (err, recorded)
    assert len(server.generations) == 300
    rows = statements(sluice)
    assert [row["verified"] for row in rows if row["kind"] == "run"] == [False, True]
    assert sorted(row["verified"] for row in rows if row["kind"] == "verdict") == [False, True]
    assert rows[1]["path"].endswith(".2.json")
    forget(judged, server)
    edit_prompt(judged, HARMLESS)
    assert sluice("eval", "--complete")[0] == 0
    assert len(server.generations) == 300


def test_outputs_none_leaves_states_but_no_words(adopted, server, sluice):
    write(adopted, "datasets/questions.yaml", {**__import__("miniature").CARD, "outputs": "none"})
    edit_prompt(adopted, HARMLESS)
    merged(adopted)
    (code, *_), recorded = judge_main(sluice)
    assert code == 0 and recorded[0] == 0, recorded
    path = statements(sluice)[0]["path"].replace(".json", ".run.gz")
    data = subprocess.run(["git", "show", f"{TRACKED}:{path}"], cwd=adopted, capture_output=True).stdout
    whole = unpack(data)
    assert {result.state for result in whole.run.cases} == {"pass"}
    assert all(result.output is None for result in whole.run.cases)
    assert all(case.row == {} for case in whole.cases)
    forget(adopted, server)
    edit_prompt(adopted, "Answer with the last word.\nBe kind.")
    code, _, err = sluice("eval", "--complete")
    assert code == 0
    assert len(server.generations) == 600
    assert "holds states, but no outputs" in err


def test_a_secret_in_an_output_does_not_reach_the_branch(adopted, tgi, sluice, monkeypatch):
    from servers.tgi_contract import text_of

    leaked = "AKIA" + "Q3EGRTUVWXYZ2345"

    def answer(generation):
        word = text_of(generation.messages[-1]).split()[-1]
        return f"{word} {leaked}" if word == "word7" else word

    started = tgi(answer)
    monkeypatch.setenv("SLUICE_ENDPOINT", started.url)
    edit_prompt(adopted, HARMLESS)
    merged(adopted)
    (code, *_), recorded = judge_main(sluice)
    assert code == 0 and recorded[0] == 0, recorded
    path = statements(sluice)[0]["path"].replace(".json", ".run.gz")
    data = subprocess.run(["git", "show", f"{TRACKED}:{path}"], cwd=adopted, capture_output=True).stdout
    whole = unpack(data)
    silent = [result.case for result in whole.run.cases if result.output is None]
    assert silent == ["case-0007"]
    assert leaked not in repr(whole)
    forget(adopted, started)
    edit_prompt(adopted, "Answer with the last word.\nBe kind.")
    assert sluice("eval", "--complete")[0] == 0
    assert len(started.generations) == 301, "the one answer that was not kept is asked for again"


# Acceptances


def accept(sluice, *words):
    return sluice("evidence", "accept", "answer", "--reason", "known, ticket 12", "--by", "ann", *words)


def test_an_accepted_change_passes_with_a_warning_and_a_new_closure_voids_it(judged, server, sluice):
    git(judged, "checkout", "--quiet", "-b", "change")
    edit_prompt(judged, "trade")
    commit(judged)
    code, out, _ = sluice("eval", "--complete", "--head", "HEAD")
    assert code == 1
    code, out, err = accept(sluice, "--metric", "correct", "--head", "HEAD", "--push", "--author", "bob")
    assert code == 0, err
    assert re.search(r"sha256:[0-9a-f]{64}", out)
    code, out, _ = sluice("eval", "--complete", "--head", "HEAD")
    assert code == 0, out
    assert "pass (accepted)" in out
    assert "accepted by ann until" in " ".join(out.split())
    assert sluice("eval", "--complete", "--head", "HEAD", "--no-evidence")[0] == 1

    # On main the same acceptance holds, and the verdict's statement carries it.
    git(judged, "checkout", "--quiet", "main")
    git(judged, "merge", "--quiet", "--ff-only", "change")
    git(judged, "push", "--quiet", "origin", "main")
    (code, *_), recorded = judge_main(sluice)
    assert code == 0 and recorded[0] == 0, recorded
    told = [row for row in statements(sluice) if row["says"] == "pass (accepted)"]
    assert len(told) == 1
    statement = json.loads(sluice("evidence", "show", told[0]["digest"], "--format", "json")[1])["statement"]
    assert statement["predicate"]["result"] == "WARNED"
    assert statement["predicate"]["warnedTests"] == ["correct"]
    assert len(statement["predicate"]["sluice"]["acceptances"]) == 1

    edit_prompt(judged, "trade, and more")
    assert sluice("eval", "--complete", "--base", "HEAD^")[0] == 1, "another closure"


def test_naming_every_lost_case_accepts_a_metric_and_naming_fewer_does_not(judged, server, sluice):
    git(judged, "checkout", "--quiet", "-b", "change")
    edit_prompt(judged, "trade")
    commit(judged)
    lost = [f"case-{number:04}" for number in range(0, 300, 7)]
    few = [word for case in lost[:-1] for word in ("--case", case)]
    assert accept(sluice, *few, "--head", "HEAD")[0] == 0
    assert sluice("eval", "--complete", "--head", "HEAD")[0] == 1
    assert accept(sluice, "--case", lost[-1], "--head", "HEAD")[0] == 0
    code, out, _ = sluice("eval", "--complete", "--head", "HEAD")
    assert code == 0, out


def test_another_policy_voids_an_acceptance(judged, server, sluice):
    git(judged, "checkout", "--quiet", "-b", "change")
    edit_prompt(judged, "trade")
    commit(judged)
    assert accept(sluice, "--metric", "correct", "--head", "HEAD")[0] == 0
    git(judged, "checkout", "--quiet", "main")
    write(judged, "evals/answer.yaml", {**SUITE, "gates": {"correct": {"max_drop": 0.04, "floor": 0.5}}})
    merged(judged, "a stricter gate")
    git(judged, "checkout", "--quiet", "change")
    git(judged, "-c", "user.name=t", "-c", "user.email=t@example.test", "rebase", "--quiet", "main")
    assert sluice("eval", "--complete", "--head", "HEAD")[0] == 1


def test_a_gated_removal_can_be_accepted(judged, server, sluice):
    git(judged, "checkout", "--quiet", "-b", "change")
    write(judged, "evals/other.yaml", {**SUITE, "gates": {"correct": {"max_drop": 0.06, "floor": 0.5}}})
    (judged / "evals" / "answer.yaml").unlink()
    commit(judged)
    code, out, _ = sluice("eval", "--complete", "--head", "HEAD")
    assert code == 4 and "removed or renamed" in out
    assert accept(sluice, "--removal", "--head", "HEAD")[0] == 0
    code, out, _ = sluice("eval", "--complete", "--head", "HEAD")
    assert code == 0, out
    assert "pass (accepted)" in out
    edit_prompt(judged, HARMLESS)
    assert sluice("eval", "--complete")[0] == 4, "what is left changed, so the acceptance is void"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--metric", "corect"), 2, "did you mean 'correct'"),
        (("--case", "case-9999"), 2, "no case 'case-9999'"),
        (("--metric", "correct", "--author", "ANN"), 2, "somebody else must accept"),
        (("--metric", "correct", "--days", "91"), 2, "1 to 90 days"),
        (("--metric", "correct", "--author", "bob smith"), 2, "'bob smith' is no login"),
        (("--metric", "correct", "--by", "ann\x1b[2K"), 2, "is no login"),
        (("--metric", "correct", "--by", ""), 2, "name who"),
        (("--metric", "correct", "--by", "T"), 2, "somebody else must accept"),
        (("--metric", "correct", "--by", "t", "--author", "bob"), 2, "somebody else must accept"),
        (("--metric", "correct", "--reason", "  "), 2, "needs a reason"),
        (("--metric", "correct", "--reason", "fine\x1b[2J"), 2, "none that cannot be seen"),
        (("--metric", "correct", "--reason", "x" * 501), 2, "at most 500 characters"),
        (("--metric", "correct", "--command", "javascript:x"), 2, "no address of a comment"),
        (("--removal",), 2, "nothing gated named 'answer' is gone"),
    ],
)
def test_what_may_not_be_accepted_is_said(adopted, server, sluice, words, code, said):
    git(adopted, "checkout", "--quiet", "-b", "change")
    edit_prompt(adopted, "trade")
    commit(adopted)
    found, _, err = accept(sluice, "--head", "HEAD", *words)
    assert found == code
    assert said in err
    assert sluice("evidence", "list")[0] == 4, "nothing was signed"


def test_only_a_commit_that_changes_something_is_accepted(adopted, server, sluice):
    edit_prompt(adopted, "trade")
    code, _, err = accept(sluice, "--metric", "correct")
    assert (code, "a working tree is none" in err) == (2, True)
    git(adopted, "checkout", "--quiet", "--", ".")
    git(adopted, "checkout", "--quiet", "-b", "change")
    (adopted / "note.txt").write_text("no suite depends on this")
    commit(adopted)
    code, _, err = accept(sluice, "--metric", "correct", "--head", "HEAD")
    assert (code, "answer is the same in origin/main" in err) == (2, True)
    code, _, err = accept(sluice, "--metric", "correct", "--head", "main", "--base", "main")
    assert (code, "say --author" in err) == (2, True)


def test_a_login_in_an_address_of_the_forge_is_the_authors(adopted, server, sluice):
    git(adopted, "checkout", "--quiet", "-b", "change")
    edit_prompt(adopted, "trade")
    git(adopted, "add", "--all")
    address = "12345+Ann@users.noreply.github.com"
    git(adopted, "-c", "user.name=Ann Other", "-c", f"user.email={address}", "commit", "--quiet", "-m", "mine")
    code, _, err = accept(sluice, "--metric", "correct", "--head", "HEAD", "--author", "bob")
    assert (code, "ann wrote the change" in err) == (2, True)


def test_a_push_names_what_was_recorded_earlier_and_brings_what_is_known_already(adopted, server, sluice, monkeypatch):
    from datetime import UTC, datetime

    from sluice.cli import evidence_writing

    git(adopted, "checkout", "--quiet", "-b", "change")
    edit_prompt(adopted, "trade")
    commit(adopted)
    now = datetime.now(UTC)
    monkeypatch.setattr(evidence_writing, "_now", lambda: now)
    first = re.search(r"recorded: (\S+)", accept(sluice, "--case", "case-0007", "--head", "HEAD")[1])[1]
    code, out, _ = accept(sluice, "--case", "case-0014", "--head", "HEAD", "--push")
    assert code == 0
    assert f"pushed too, recorded here earlier: {first}\n" in out and "pushed 2 files" in out
    assert accept(sluice, "--case", "case-0021", "--head", "HEAD")[0] == 0
    assert "pushed 1 files" in accept(sluice, "--case", "case-0021", "--head", "HEAD", "--push")[1]


def test_a_directory_for_a_key_is_made_for_its_owner_alone(repository, sluice, tmp_path_factory):
    place = tmp_path_factory.mktemp("secrets") / "new" / "place"
    assert sluice("evidence", "keygen", str(place))[0] == 0
    assert place.stat().st_mode & 0o777 == 0o700 and (place / "evidence.pem").stat().st_mode & 0o777 == 0o600
    code, _, err = sluice("evidence", "keygen", "/dev/null/x", "--name", "other")
    assert (code, "/dev/null is no directory" in err) == (2, True)
    assert sluice("evidence", "keygen", str(repository / "keys"), "--name", "other")[0] == 2
    assert not (repository / "keys").exists()
    assert [path.name for path in (repository / "infra/policy/keys").iterdir()] == ["evidence.pub"]


def test_where_no_main_is_known_the_message_says_so_once(judged, sluice):
    git(judged, "checkout", "--quiet", "-b", "trunk")
    git(judged, "branch", "--quiet", "-D", "main")
    git(judged, "update-ref", "-d", "refs/remotes/origin/main")
    code, out, err = sluice("evidence", "verify", "--all")
    assert code == 1
    assert "and neither origin/main nor main is known here" in out
    assert "0 of 2 verify: neither origin/main nor main is known here" in err
    assert "no revision" not in out + err and "does not list" not in out + err


def test_a_path_of_several_lines_is_shown_on_one(judged, sluice):
    tampered(judged, "runs/evil\nname\x1b", b"x", quoted=True)
    code, _, err = sluice("evidence", "verify", "--all")
    assert code == 1
    assert "1 files on the branch are no evidence, first runs/evil\\nname\\x1b\n" in err


def test_an_expired_acceptance_does_not_hold(judged, server, sluice, monkeypatch):
    from datetime import UTC, datetime, timedelta

    from sluice.cli import evidence_writing

    git(judged, "checkout", "--quiet", "-b", "change")
    edit_prompt(judged, "trade")
    commit(judged)
    monkeypatch.setattr(evidence_writing, "_now", lambda: datetime.now(UTC) - timedelta(days=8))
    assert accept(sluice, "--metric", "correct", "--head", "HEAD", "--days", "7")[0] == 0
    assert sluice("eval", "--complete", "--head", "HEAD")[0] == 1


# What is missing is said


def test_a_clone_without_the_branch_says_how_to_get_it(judged, server, sluice, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("clones") / "shallow"
    remote = git(judged, "remote", "get-url", "origin").strip()
    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{remote}", str(other)], check=True)
    monkeypatch.chdir(other)
    code, _, err = sluice("evidence", "list")
    assert code == 4
    assert "git fetch origin evidence" in err and "shallow" in err
    edit_prompt(other, HARMLESS)
    code, _, err = sluice("eval", "--complete")
    assert code == 0
    assert "no branch evidence is known here" in err
    assert len(server.generations) == 600
    forget(other, server)
    assert sluice("evidence", "fetch")[0] == 0
    code, _, err = sluice("evidence", "verify", "--all")
    assert code == 0, err
    assert sluice("eval", "--complete")[0] == 0
    assert len(server.generations) == 300


def test_a_repository_without_keys_says_nothing_of_evidence(repository, server, sluice):
    edit_prompt(repository, HARMLESS)
    code, _, err = sluice("eval", "--complete")
    assert code == 0
    assert "evidence" not in err


def test_fetching_where_there_is_none_yet_is_no_error(adopted, sluice):
    code, out, _ = sluice("evidence", "fetch")
    assert code == 0
    assert "no branch evidence yet" in out


def test_keygen_keeps_the_secret_out_of_the_repository(repository, sluice, tmp_path_factory):
    code, _, err = sluice("evidence", "keygen", str(repository))
    assert code == 2 and "part of the repository" in err
    place = tmp_path_factory.mktemp("keys")
    code, out, _ = sluice("evidence", "keygen", str(place))
    assert code == 0
    assert "BEGIN" not in out
    assert (place / "evidence.pem").stat().st_mode & 0o777 == 0o600
    assert (repository / "infra/policy/keys/evidence.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----")
    code, _, err = sluice("evidence", "keygen", str(place))
    assert code == 2 and "exists already" in err
    code, out, err = sluice("evidence", "keygen", "-", "--name", "second")
    assert code == 0
    assert out.startswith("-----BEGIN PRIVATE KEY-----")
    assert "BEGIN" not in err
    assert sluice("evidence", "keygen", "-", "--name", "../x")[0] == 2


def test_digests_that_are_unknown_ambiguous_or_too_short(judged, sluice):
    for digits in ("ffff0", "abc", "zz"):
        code, _, err = sluice("evidence", "show", digits)
        assert code == 2 and "no evidence has a digest" in err
    assert sluice("evidence", "verify")[0] == 2
    row = statements(sluice)[0]
    assert sluice("evidence", "verify", row["digest"])[0] == 0


def test_prompt_parameters_are_part_of_the_request(judged, server, sluice):
    edit_prompt(judged, PROMPT["messages"][0]["content"], parameters={"max_tokens": 17, "temperature": 0})
    assert sluice("eval", "--complete")[0] == 0
    assert len(server.generations) == 300
