from __future__ import annotations

import pytest
from miniature import commit, git

from sluice.adoption import answers, keys, local
from sluice.adoption.git import make_evidence_branch
from sluice.adoption.performing import perform
from sluice.adoption.plan import plan


def look(copy):
    return {one.name: one for one in local.inspect(copy)}


@pytest.fixture
def adopted(copy, adoption, tmp_path):
    perform(copy, plan(copy, adoption.model_copy(update={"approvers": ("@ann",)}), None, "acme/prompts"))
    keys.make_key(copy, tmp_path / "home")
    make_evidence_branch(copy, "text")
    commit(copy)
    return copy


def test_all_is_well(adopted):
    assert {one.state for one in look(adopted).values()} == {"ok"}
    assert "evidence (" in look(adopted)["public keys"].found


def test_examples_below_infra_are_named_with_their_lines(copy):
    found = look(copy)["infra, examples"]
    assert found.state == "fix" and "infra/gitops/flux/base/source.yaml:1" in found.found
    assert "sluice init --repository OWNER/NAME" in found.repair and "--approvers" in found.repair


def test_a_fresh_copy_is_told_what_comes_first(copy):
    found = look(copy)
    assert (found["adoption"].state, found["adoption"].repair) == ("fix", "sluice init, then commit")
    assert found["history of evidence"].state == "note"
    assert "template.pub cannot be used" in found["public keys"].found


def test_answers_that_are_not_committed_do_not_count(copy, adoption):
    perform(copy, plan(copy, adoption, None))
    assert answers.ANSWERS in look(copy)["adoption"].found
    assert look(copy)["adoption"].state == "fix"


def test_examples_among_the_owners_are_told(adopted):
    path = adopted / ".github/CODEOWNERS"
    path.write_text(path.read_text() + "/src/ @your-org/platform-owners\n")
    commit(adopted)
    assert "examples" in look(adopted)["adoption"].found


def test_without_a_key_nothing_can_be_verified(adopted):
    (adopted / "infra/policy/keys/evidence.pub").unlink()
    assert look(adopted)["public keys"].state == "ok", "what is not committed does not count"
    commit(adopted)
    assert "no evidence can be verified" in look(adopted)["public keys"].found


def test_keys_are_those_of_the_trunk_and_not_of_a_branch(adopted, tmp_path):
    git(adopted, "checkout", "--quiet", "-b", "change")
    (adopted / "infra/policy/keys/more.pub").write_text("not a key")
    commit(adopted)
    assert look(adopted)["public keys"].state == "ok"


def test_evidence_that_shares_history_with_main_is_told(copy):
    git(copy, "branch", "evidence", "main")
    found = look(copy)["history of evidence"]
    assert (found.state, "in common" in found.found) == ("fix", True)


def test_workflows_are_those_of_the_working_tree(copy):
    (copy / ".github/workflows").mkdir()
    (copy / ".github/workflows/b.yaml").write_text("")
    (copy / ".github/workflows/a.yml").write_text("")
    (copy / ".github/workflows/notes.md").write_text("")
    assert local.workflow_paths(copy) == [".github/workflows/a.yml", ".github/workflows/b.yaml"]
