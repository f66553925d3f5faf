"""The template's examples below `infra/`: all are found, `sluice init` writes what it knows, nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.adoption import placeholders
from sluice.adoption.placeholders import APPROVER, PLACEHOLDERS, REPOSITORY, Known, left, left_in
from sluice.adoption.template import TEMPLATE
from sluice.catalog import WorkingTree

ROOT = Path(__file__).resolve().parents[3]
LINE = '- {name: URL, value: "https://api.github.com/repos/your-org/your-repository/git/blobs"}\n'


HERE = {
    "infra/a.yaml": LINE,
    "infra/b.yaml": "url: ssh://git@github.com/your-org/your-repository\n",
    "infra/c.yaml": 'approvers: ["@your-login"]\n',
    "infra/d.yaml": "image: ghcr.io/github.com\n",
}


def test_a_finding_names_place_meaning_and_remedy():
    (found,) = left("infra/job.yaml", "# your-org stands in a comment\nkind: Job\n" + LINE)
    assert (found.path, found.line, found.column) == ("infra/job.yaml", 3, LINE.index("your-org") + 1)
    assert "OWNER/NAME" in found.expected and "sluice init" in found.fix


@pytest.mark.parametrize("one", PLACEHOLDERS, ids=lambda one: one.text)
def test_each_is_found_once_and_not_within_other_words(one):
    assert len(list(left("x", f'a: "{one.text}"'))) == 1
    assert not list(left("x", f"a: my{one.text}s"))


def test_what_is_known_leaves_nothing_open_in_this_repository():
    present = {path: (ROOT / path).read_text() for path in WorkingTree(ROOT).paths("infra")}
    filled = {**present, **Known("acme/prompts", ("@ann", "@bob")).filled(present)}
    assert [one for path, text in filled.items() for one in left(path, text)] == []


def test_only_what_is_known_changes():
    assert Known("acme/prompts", ("@ann", "@bob")).filled(HERE) == {
        "infra/a.yaml": LINE.replace(REPOSITORY.text, "acme/prompts"),
        "infra/b.yaml": "url: ssh://git@github.com/acme/prompts\n",
        "infra/c.yaml": 'approvers: ["@ann", "@bob"]\n',
    }
    assert Known(None).filled(HERE) == {}
    assert set(Known("acme/prompts").filled(HERE)) == {"infra/a.yaml", "infra/b.yaml"}


def test_a_forge_of_ones_own_is_addressed():
    forge = Known("acme/prompts", host="git.acme.test")
    assert forge.filled(HERE) == {
        "infra/a.yaml": '- {name: URL, value: "https://git.acme.test/api/v3/repos/acme/prompts/git/blobs"}\n',
        "infra/b.yaml": "url: ssh://git@git.acme.test/acme/prompts\n",
    }


def test_the_rendered_files_of_one_environment_are_asked_for(tmp_path):
    for path in (
        "base/a.yaml",
        "components/b.yaml",
        "overlays/staging/c.yaml",
        "overlays/live/d.yaml",
        "gitops/e.yaml",
    ):
        (tmp_path / "infra" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "infra" / path).write_text(LINE)
    found = {one.path for one in left_in(WorkingTree(tmp_path), "staging")}
    assert found == {"infra/base/a.yaml", "infra/components/b.yaml", "infra/overlays/staging/c.yaml"}
    assert len(left_in(WorkingTree(tmp_path))) == 5


def test_the_templates_own_answers_are_examples_too():
    assert TEMPLATE.approving == () and placeholders.listed(TEMPLATE.approving) == f'"{APPROVER.text}"'
