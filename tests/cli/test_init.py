"""`sluice init`: a fresh copy becomes its owner's, and its settings reach the forge."""

from __future__ import annotations

import io
import json
import sys

import pytest
from copies import template
from miniature import commit, git
from servers.github_fixtures import start_forge  # noqa: F401 - a fixture that is used by name
from servers.github_state import Forge

from sluice.adoption.answers import ANSWERS
from sluice.cli import main

ADMIN = {"administration": "write", "actions": "read", "variables": "write", "members": "read", "contents": "read"}


@pytest.fixture(autouse=True)
def nothing_of_a_person(monkeypatch, tmp_path):
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())


@pytest.fixture
def copy(tmp_path, monkeypatch):
    root = template(tmp_path / "copy")
    git(root, "remote", "add", "origin", "https://github.com/acme/prompts.git")
    monkeypatch.chdir(root)
    return root


def answers(copy):
    return json.loads((copy / ANSWERS).read_text())


def test_one_command_and_its_three_next_steps(copy, sluice, tmp_path):
    code, out, err = sluice("init", "--yes")
    assert (code, err) == (0, "")
    steps = out[out.index("Next:") :]
    assert [line.strip()[:2] for line in steps.splitlines() if line.strip()[:2] in ("1.", "2.", "3.", "4.")] == [
        "1.", "2.", "3.",
    ]  # fmt: skip
    assert "git push origin HEAD:main evidence" in steps
    assert "init --apply --repository acme/prompts" in steps
    assert str(tmp_path / "home/sluice/prompts/evidence.pem") in steps
    assert "--app-id" in steps
    made = answers(copy)
    assert (made["owner"], made["registry"]) == ("@acme", "ghcr.io/acme")
    assert made["environments"] == ["staging", "production"]
    assert made["template"] == git(copy, "rev-parse", "HEAD^{tree}").strip()
    assert git(copy, "rev-list", "--count", "evidence").strip() == "1"
    assert (copy / "infra/policy/keys/evidence.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----")
    assert "PRIVATE" not in out


def test_options_are_followed(copy, sluice):
    words = "--owner @acme/llm --registry registry.example.test/acme --environments test,live --model qwen2.5-1.5b"
    code, out, _ = sluice("init", *words.split(), "--application", "helper", "--app-id", "77", "--no-key")
    assert code == 0
    assert "--app-id" not in out
    assert (copy / "prompts/helper.yaml").exists() and not (copy / "models/portal-small.yaml").exists()
    assert answers(copy)["environments"] == ["test", "live"]
    assert not (copy / "infra/policy/keys/evidence.pub").exists()
    assert '"integration_id": 77' in (copy / ".github/settings/rulesets/sluice-main.json").read_text()


def test_the_templates_examples_give_way_to_what_is_known(copy, sluice):
    source = copy / "infra/gitops/flux/base/source.yaml"
    assert sluice("init", "--yes", "--owner", "@acme/llm")[0] == 0
    assert source.read_text() == 'url: ssh://git@github.com/acme/prompts\nwho: ["@your-login"]\n'
    code, out, err = sluice("init", "--yes")
    assert code == 0, err
    assert "Before a first release" in out and "infra/gitops/flux/base/source.yaml:2" in out
    commit(copy)
    assert sluice("init", "--yes", "--approvers", "@ann,@bob")[0] == 0
    assert source.read_text().endswith('who: ["@ann", "@bob"]\n')
    assert "Before a first release" not in sluice("init", "--yes", "--approvers", "@ann,@bob")[1]


def test_a_dry_run_touches_nothing(copy, sluice, tmp_path):
    code, out, _ = sluice("init", "--yes", "--dry-run")
    assert code == 0
    assert "would remove 1 in prompts/: support-answer.yaml" in out
    assert "would write .github/CODEOWNERS" in out
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "branch", "--list", "evidence") == ""
    assert not (tmp_path / "home").exists()


def test_names_come_from_the_repository_and_not_from_the_directory(copy, sluice, tmp_path):
    assert sluice("init", "--yes")[0] == 0
    assert (copy / "README.md").read_text().startswith("# prompts\n")
    assert (tmp_path / "home/sluice/prompts/evidence.pem").is_file()


def test_a_dry_run_counts_what_it_lists(copy, sluice):
    (copy / "scripts/demo-edits/2.patch").write_text("")
    commit(copy)
    out = sluice("init", "--yes", "--dry-run")[1]
    assert "would remove 3 in scripts/: demo, demo-edits/ (2 files)\n" in out
    assert "would remove 1 in tests/: repo/ (1 file)\n" in out


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--key-directory", "/dev/null/x"), "/dev/null is no directory"),
        (("--key-directory", "./keys"), "part of the repository"),
        (("--key-directory", "elsewhere", "--no-key"), "choose"),
        (("--repository", "foo"), "--repository 'foo' names no repository"),
        (("--application", "Assistant!"), "--application 'Assistant!' cannot be used"),
    ],
)
def test_every_answer_is_checked_before_anything_is_written(copy, sluice, words, said, dry):
    code, out, err = sluice("init", "--yes", *words, *dry)
    assert (code, said in err) == (2, True), out + err
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "branch", "--list", "evidence") == ""


def test_a_file_that_is_no_key_is_left_and_named(copy, sluice, tmp_path):
    (tmp_path / "place").mkdir()
    (tmp_path / "place/evidence.pem").write_text("mine")
    code, _, err = sluice("init", "--yes", "--key-directory", str(tmp_path / "place"))
    assert (code, "evidence.pem holds no secret key" in err) == (2, True)
    assert git(copy, "status", "--porcelain") == ""
    assert (tmp_path / "place/evidence.pem").read_text() == "mine"


def test_answers_that_nobody_has_committed_yet_are_the_defaults(copy, sluice):
    words = ("--owner", "@acme/llm", "--environments", "live", "--application", "helper", "--app-id", "7")
    assert sluice("init", "--yes", *words)[0] == 0
    before = git(copy, "status", "--porcelain", "--untracked-files=all"), answers(copy)
    code, out, err = sluice("init", "--yes")
    assert code == 0, err
    assert (git(copy, "status", "--porcelain", "--untracked-files=all"), answers(copy)) == before
    assert "nothing to remove or to write" in out and "1. git add --all" in out


def test_only_what_is_missing_is_said_again(copy, sluice, tmp_path):
    assert sluice("init", "--yes")[0] == 0
    commit(copy)
    out = sluice("init", "--yes")[1]
    assert "1. git push origin HEAD:main evidence" in out and "git commit" not in out
    assert f"< {tmp_path / 'home/sluice/prompts/evidence.pem'}" in out and "FILE" not in out
    (tmp_path / "home/sluice/prompts/evidence.pem").unlink()
    assert "FILE is the secret half" in sluice("init", "--yes")[1]
    git(copy, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(copy, "update-ref", "refs/remotes/origin/evidence", "evidence")
    out = sluice("init", "--yes")[1]
    assert "All is done and pushed" in out and "doctor --repository acme/prompts" in out
    assert "Next:" not in out and "gh secret" not in out


def test_an_eval_before_the_push_says_so_instead_of_listing_what_the_template_lost(copy, sluice):
    git(copy, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert sluice("init", "--yes")[0] == 0
    for state in ("not committed", "not pushed"):
        code, out, err = sluice("eval")
        assert (code, out) == (4, ""), state
        assert "still the template's own" in err and "git push origin HEAD:main evidence" in err
        if state == "not committed":
            commit(copy)
    git(copy, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert "template's own" not in sluice("eval")[2]


def test_running_it_again_changes_nothing(copy, sluice):
    assert sluice("init", "--yes")[0] == 0
    before = git(copy, "status", "--porcelain", "--untracked-files=all")
    assert sluice("init", "--yes")[0] == 0
    assert git(copy, "status", "--porcelain", "--untracked-files=all") == before
    commit(copy)
    code, out, _ = sluice("init", "--yes")
    assert code == 0
    assert "nothing to remove or to write" in out
    assert git(copy, "status", "--porcelain") == ""


def test_a_dirty_tree_is_refused_and_named(copy, sluice):
    (copy / "notes.txt").write_text("mine")
    code, _, err = sluice("init", "--yes")
    assert code == 2
    assert "notes.txt" in err and "commit" in err
    assert (copy / "prompts/support-answer.yaml").exists()


def test_where_nobody_can_be_asked_the_option_is_named(copy, sluice):
    code, _, err = sluice("init")
    assert code == 2
    assert "--owner" in err and "--yes" in err


def test_without_a_remote_there_is_no_default_for_the_owner(copy, sluice):
    git(copy, "remote", "remove", "origin")
    code, _, err = sluice("init", "--yes")
    assert (code, "say --owner" in err) == (2, True)


def test_on_a_terminal_it_asks_and_takes_a_blank_for_the_default(copy, sluice, monkeypatch):
    given = iter(["@acme/llm", "", "live", "qwen2.5-1.5b", ""])
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or next(given))
    assert sluice("init")[0] == 0
    made = answers(copy)
    assert (made["owner"], made["registry"], made["environments"]) == ("@acme/llm", "ghcr.io/acme", ["live"])
    assert (made["model"], made["embedded"]) == ("qwen2.5-1.5b", False)
    assert "[@acme]" in asked[0] and "[staging,production]" in "".join(asked)


def test_a_wrong_answer_is_asked_for_again_and_the_others_are_kept(copy, sluice, monkeypatch):
    given = iter(
        ["acme", "@acme/llm", "https://x", "", "Live", "live", "qwen", "qwen2.5-1.5b", "@acme/llm", "@ann, @bob"]
    )
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: next(given))
    code, _, err = sluice("init")
    assert code == 0
    for said in ("--owner 'acme'", "--registry 'https://x'", "--environments", "there is no models/qwen.yaml"):
        assert said in err
    made = answers(copy)
    assert (made["owner"], made["environments"], made["model"]) == ("@acme/llm", ["live"], "qwen2.5-1.5b")
    assert "--approvers '@acme/llm'" in err and made["approvers"] == ["@ann", "@bob"]


def test_an_interrupt_at_a_question_claims_nothing(copy, sluice, monkeypatch):
    def interrupt(question):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", interrupt)
    code, _, err = sluice("init")
    assert (code, "nothing was written" in err, "is kept" in err) == (4, True, False)
    assert git(copy, "status", "--porcelain") == ""


def test_an_answer_that_cannot_be_followed_is_explained(copy, sluice):
    code, _, err = sluice("init", "--yes", "--owner", "acme")
    assert code == 2
    assert "--owner 'acme' cannot be used" in err and "@organisation/team" in err
    assert git(copy, "status", "--porcelain") == ""


def test_what_was_answered_for_good_cannot_be_answered_again(copy, sluice):
    assert sluice("init", "--yes")[0] == 0
    commit(copy)
    code, _, err = sluice("init", "--model", "qwen2.5-1.5b")
    assert (code, "--model" in err) == (2, True)


def test_an_app_can_be_named_later(copy, sluice):
    assert sluice("init", "--yes")[0] == 0
    commit(copy)
    code, out, _ = sluice("init", "--app-id", "77")
    assert code == 0
    assert "write .github/settings/rulesets/sluice-record-writers.json" in out
    assert answers(copy)["app_id"] == 77


def test_a_spoilt_file_of_answers_is_named(copy, sluice):
    assert sluice("init", "--yes")[0] == 0
    (copy / ANSWERS).write_text("{}")
    commit(copy)
    code, _, err = sluice("init", "--yes")
    assert (code, ANSWERS in err) == (2, True)


def test_evidence_that_came_with_the_copy_is_named(copy, sluice):
    git(copy, "update-ref", "refs/remotes/origin/evidence", "HEAD")
    code, out, _ = sluice("init", "--yes")
    assert code == 0
    assert "git push origin --delete evidence" in out
    assert "made the branch" not in out


def test_outside_a_repository_it_says_what_to_do(tmp_path, sluice):
    (tmp_path / "prompts").mkdir()
    code, _, err = sluice("init", "--yes", "--root", str(tmp_path))
    assert (code, "clone your copy" in err) == (2, True)


def test_a_newer_template_that_is_being_merged_is_settled(copy, sluice, tmp_path):
    assert sluice("init", "--yes")[0] == 0
    commit(copy)
    upstream = template(tmp_path / "template")
    git(copy, "fetch", "--quiet", str(upstream), "main")
    git(copy, "merge", "--quiet", "--strategy", "ours", "--allow-unrelated-histories", "--no-edit", "FETCH_HEAD")
    (upstream / "scripts/demo").write_text("echo newer\n")
    commit(upstream)
    git(copy, "fetch", "--quiet", str(upstream), "main")
    with pytest.raises(Exception, match="merge"):
        git(copy, "merge", "--no-commit", "--no-ff", "FETCH_HEAD")
    code, out, _ = sluice("init", "--yes")
    assert code == 0
    assert "The merge has no conflict left" in out
    assert not (copy / "scripts/demo").exists()


# The forge


@pytest.fixture
def forge(monkeypatch, start_forge):  # noqa: F811
    state = Forge("acme/prompts")
    state.branches.update(main="a" * 40, evidence="b" * 40)
    monkeypatch.setenv("GITHUB_TOKEN", state.token("ghs_secret_token", **ADMIN))
    server = start_forge(state)
    monkeypatch.setenv("GITHUB_API_URL", server.url)
    return server


@pytest.fixture
def adopted(copy):
    assert main(["init", "--yes", "--owner", "@acme/llm", "--approvers", "@ann"]) == 0
    commit(copy)
    return copy


def test_settings_are_sent_and_each_is_named(adopted, forge, sluice):
    code, out, err = sluice("init", "--apply")
    assert (code, err) == (0, "")
    assert "set        ruleset sluice-main" in out
    assert "refused" not in out
    assert len(forge.forge.settings["rulesets"]) == 3
    code, out, _ = sluice("init", "--apply", "--repository", "acme/prompts")
    assert code == 0
    assert not [line for line in out.splitlines() if not line.startswith("unchanged")]


def test_a_dry_run_of_sending_says_what_and_sends_nothing(adopted, forge, sluice):
    code, out, err = sluice("init", "--apply", "--dry-run")
    assert (code, err) == (0, "")
    assert "would set  ruleset sluice-main" in out and "would set  environment production, branches" in out
    assert {request.method for request in forge.requests} == {"GET"}
    assert forge.forge.settings["rulesets"] == {}
    assert sluice("init", "--apply")[0] == 0
    assert "would set" not in sluice("init", "--apply", "--dry-run")[1]


@pytest.mark.parametrize("words", [("--owner", "@acme/other"), ("--no-key",), ("--app-id", "7")])
def test_what_sending_would_ignore_is_refused(adopted, forge, sluice, words):
    code, _, err = sluice("init", "--apply", *words)
    assert (code, words[0] in err) == (2, True)
    assert forge.requests == []


def test_what_is_refused_stands_beside_its_reason_and_ends_with_4(adopted, forge, sluice):
    forge.forge.private = True
    code, out, err = sluice("init", "--apply")
    assert code == 4
    lines = out.splitlines()
    place = next(index for index, line in enumerate(lines) if line.startswith("refused"))
    assert lines[place + 1].strip().startswith("-> ") and "Enterprise" in lines[place + 1]
    assert "1 of the settings" in err
    assert "ghs_secret_token" not in out + err


def test_nothing_is_sent_before_the_branches_are_pushed(adopted, forge, sluice):
    del forge.forge.branches["evidence"]
    code, _, err = sluice("init", "--apply")
    assert (code, "git push origin main evidence" in err) == (2, True)


def test_without_a_token_it_says_which_variable(adopted, sluice):
    code, _, err = sluice("init", "--apply")
    assert (code, "GITHUB_TOKEN" in err) == (2, True)


def test_without_a_repository_it_says_which_option(adopted, forge, sluice):
    git(adopted, "remote", "remove", "origin")
    code, _, err = sluice("init", "--apply")
    assert (code, "--repository OWNER/NAME" in err) == (2, True)


def test_before_the_first_init_there_is_nothing_to_send(copy, forge, sluice):
    code, _, err = sluice("init", "--apply")
    assert (code, "sluice init writes it" in err) == (2, True)


# The doctor


def test_the_doctor_finds_the_settings_in_order_after_they_were_sent(adopted, forge, sluice):
    assert sluice("init", "--apply")[0] == 0
    state = forge.forge
    state.token("ghs_secret_token", **ADMIN, environments="read", secrets="read")
    state.settings["secrets evidence"] = {"SLUICE_EVIDENCE_KEY": "", "SLUICE_DEPLOY_KEY": ""}
    state.settings["deploy keys"] = {"evidence": False}
    state.settings["workflows"] = {".github/workflows/judge.yml": "active"}
    (adopted / ".github/workflows").mkdir()
    (adopted / ".github/workflows/judge.yml").write_text("on: push\n")
    code, out, _ = sluice("doctor", "--repository", "--format", "json")
    found = {one["name"]: one for one in json.loads(out)["diagnoses"]}
    assert [one for one in found.values() if one["state"] == "fix"] == []
    assert found["adoption"]["state"] == "ok"
    assert found["source of the check sluice"]["state"] == "note"
    assert found["variable SLUICE_STAGING"]["state"] == "note" and found["branches deploy/*"]["state"] == "ok"
    assert code == 0


def test_the_doctor_says_what_is_missing_and_ends_with_4(adopted, forge, sluice):
    code, out, _ = sluice("doctor", "--repository", "acme/prompts")
    assert code == 4
    lines = out.splitlines()
    place = next(index for index, line in enumerate(lines) if line.startswith("fix     ruleset sluice-main"))
    assert lines[place + 1].strip() == "-> sluice init --apply sends it"
    assert "ghs_secret_token" not in out


def test_the_doctor_of_a_machine_asks_no_forge(adopted, forge, sluice):
    sluice("doctor")
    assert forge.requests == []


def test_the_doctor_refuses_another_repository_than_the_token_sees(adopted, forge, sluice):
    code, out, _ = sluice("doctor", "--repository", "acme/other")
    assert code == 4
    assert "name it with --repository" in out
    forge.violations.clear()
