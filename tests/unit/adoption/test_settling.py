"""A newer template is merged into an adopted copy: what only one end makes sense of is settled, the rest is left."""

from __future__ import annotations

import pytest
from copies import template
from miniature import commit, git, write

from sluice.adoption.git import merging, unmerged
from sluice.adoption.performing import perform, regenerate
from sluice.adoption.plan import plan
from sluice.adoption.settling import settle, stage


@pytest.fixture
def adopted(tmp_path, adoption):
    """An adopted copy without any history of the template, as `use this template` makes it."""
    upstream = template(tmp_path / "template")
    git(upstream, "commit", "--quiet", "--amend", "--message", "The template's own history")
    copy = template(tmp_path / "copy")
    perform(copy, plan(copy, adoption, None))
    regenerate(copy)
    write(copy, "prompts/own.yaml", "description: ours\n")
    commit(copy, "Make the template ours")
    git(copy, "remote", "add", "template", str(upstream))
    git(copy, "fetch", "--quiet", "template")
    git(copy, "merge", "--quiet", "--strategy", "ours", "--allow-unrelated-histories", "--no-edit", "template/main")
    return upstream, copy


def newer(upstream):
    """The template moves on: engine, sample, README, CI, owners."""
    write(upstream, "src/engine.py", "NEW = True\n")
    (upstream / "scripts/test").write_text("true # newer\n")
    (upstream / "scripts/demo").write_text("echo newer demo\n")
    (upstream / "prompts/support-answer.yaml").write_text("description: newer sample\n")
    write(upstream, "scripts/demo-edits/4.patch", "")
    (upstream / "README.md").write_text("# The template, newer\n")
    (upstream / ".ci/run").write_text((upstream / ".ci/run").read_text().replace("--full", "--full --newer"))
    owners = upstream / ".github/CODEOWNERS"
    owners.write_text(owners.read_text() + "/src/                   @your-org/platform-owners\n")
    commit(upstream, "newer")


def merge(copy):
    git(copy, "fetch", "--quiet", "template")
    try:
        git(copy, "merge", "--no-commit", "--no-ff", "template/main")
    except Exception:
        assert merging(copy)


def finish(copy, adoption):
    settled = settle(copy)
    planned = plan(copy, adoption, adoption)
    perform(copy, planned)
    stage(copy, [*settled, *planned.removed, *planned.written, *regenerate(copy)])


def test_joining_the_histories_changes_no_file(adopted):
    _, copy = adopted
    assert git(copy, "diff", "--stat", "HEAD^1", "HEAD") == ""


def test_the_engine_comes_and_the_sample_does_not(adopted, adoption):
    upstream, copy = adopted
    newer(upstream)
    readme = (copy / "README.md").read_text()
    merge(copy)
    assert {"prompts/support-answer.yaml", "scripts/demo", "README.md"} <= unmerged(copy)
    finish(copy, adoption)
    assert unmerged(copy) == frozenset()
    git(copy, "commit", "--quiet", "--no-edit")
    assert git(copy, "status", "--porcelain") == ""
    assert (copy / "src/engine.py").read_text() == "NEW = True\n"
    assert (copy / "scripts/test").read_text() == "true # newer\n"
    assert not (copy / "scripts/demo").exists() and not (copy / "scripts/demo-edits").exists()
    assert sorted(path.name for path in (copy / "prompts").iterdir()) == ["assistant.yaml", "own.yaml"]
    assert (copy / "README.md").read_text() == readme
    assert "--newer" in (copy / ".ci/run").read_text() and "demo" not in (copy / ".ci/run").read_text()
    assert "@your-org" not in (copy / ".github/CODEOWNERS").read_text()


def test_the_next_upgrade_is_an_ordinary_merge(adopted, adoption):
    upstream, copy = adopted
    newer(upstream)
    merge(copy)
    finish(copy, adoption)
    git(copy, "commit", "--quiet", "--no-edit")
    (upstream / "src/engine.py").write_text("NEW = 2\n")
    commit(upstream)
    merge(copy)
    assert unmerged(copy) == frozenset()
    finish(copy, adoption)
    git(copy, "commit", "--quiet", "--no-edit")
    assert (copy / "src/engine.py").read_text() == "NEW = 2\n"


def test_an_edit_of_the_engine_that_meets_a_newer_one_is_left_to_a_person(adopted, adoption):
    upstream, copy = adopted
    (copy / "scripts/test").write_text("true # ours\n")
    commit(copy)
    newer(upstream)
    merge(copy)
    finish(copy, adoption)
    assert unmerged(copy) == {"scripts/test"}


def test_a_prompt_of_ones_own_that_has_a_name_of_the_sample_is_not_removed(adopted, adoption):
    upstream, copy = adopted
    write(copy, "prompts/support-answer.yaml", "description: ours\n")
    commit(copy)
    newer(upstream)
    merge(copy)
    finish(copy, adoption)
    assert "prompts/support-answer.yaml" in unmerged(copy)
    assert (copy / "prompts/support-answer.yaml").exists()
