"""The demo's edits can be read and applied to this repository as it is, and ask for the three verdicts."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import play_demo  # noqa: E402

EDITS = play_demo.read_edits()


def test_the_session_shows_a_yes_a_no_and_a_cannot_tell_in_this_order() -> None:
    assert [edit.expect for edit in EDITS] == [0, 1, 4]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_says_what_it_does_and_why(edit: play_demo.Edit) -> None:
    assert 10 < len(edit.title) <= 52
    assert edit.why.endswith(".") and "  " not in edit.why


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_applies_to_the_prompt_as_it_is(edit: play_demo.Edit, tmp_path: Path) -> None:
    """In a repository of its own, so that an uncommitted edit of a contributor does not matter to Git's index."""
    (tmp_path / "prompts").mkdir()
    shipped = ROOT / "prompts/support-answer.yaml"
    (tmp_path / "prompts/support-answer.yaml").write_bytes(shipped.read_bytes())
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    done = subprocess.run(["git", "apply", str(edit.patch)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "prompts/support-answer.yaml").read_bytes() != shipped.read_bytes()


def test_the_readme_shows_a_command_by_line_20_and_its_output_by_line_40() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert any(line == "./scripts/demo" for line in lines[:20])
    assert any("demo:start" in line for line in lines[:40])


def test_a_why_may_go_on_over_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "9-some-edit.patch"
    path.write_text("title: some words\nexpect: 1\nwhy: It starts here,\n  and ends here.\n\ndiff --git a/x b/x\n")
    assert play_demo.read_edit(path) == play_demo.Edit(
        "9-some-edit", "some words", "It starts here, and ends here.", 1, path
    )


@pytest.mark.parametrize(("codes", "ends"), [([0, 1, 4], 0), ([0, 0, 4], 1), ([0, 1, 3], 1), ([70, 1, 4], 1)])
def test_it_ends_non_zero_where_a_verdict_differs(codes, ends, monkeypatch, tmp_path, capsys) -> None:
    played = iter(codes)
    monkeypatch.setattr(play_demo, "ROOT", tmp_path)
    monkeypatch.setattr(play_demo, "clone", lambda scratch: None)
    monkeypatch.setattr(play_demo, "play", lambda edit, *_: play_demo.Played(edit, next(played), 1.0))
    monkeypatch.setattr(sys, "argv", ["play_demo.py"])
    assert play_demo.main() == ends
    assert ("EXPECTED" in capsys.readouterr().out) == bool(ends)
