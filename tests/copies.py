"""A miniature of the template: a small repository whose files have the names of the sample application."""

from __future__ import annotations

from pathlib import Path

from miniature import CARD, MODEL, PROMPT, SUITE, commit, git, rows, write

CODEOWNERS = """\
# Who must review what. The names are examples: put your own teams here (the last matching line wins).
# Policy (suites with their gates, cards, models, engine, scripts) has other owners than the texts that it judges.
*                       @your-org/platform-owners

/prompts/support-*      @your-org/docs-team
/datasets/portal-docs.*       @your-org/docs-team @your-org/platform-owners

/evals/                 @your-org/platform-owners
/scripts/               @your-org/platform-owners
"""
CI = """\
#!/usr/bin/env bash
# What CI runs on a clean clone: everything that contributors run, then the demo as proof from end to end.
scripts/test --full
scripts/demo
"""
EXAMPLES = 'url: ssh://git@github.com/your-org/your-repository\nwho: ["@your-login"]\n'
GENERATOR = """\
import pathlib
page = pathlib.Path("docs/tree.md")
text = "\\n".join(sorted(path.name for path in pathlib.Path("scripts").iterdir())) + "\\n"
if page.read_text() != text:
    page.write_text(text)
    print("written: docs/tree.md")
"""


def template(root: Path) -> Path:
    """Write and commit a small repository with the sample's names: two models, two train datasets, one suite."""
    weights = {**MODEL, "source": {"path": "models/portal-small", "files": {"w.bin": "sha256:" + "0" * 64}}}
    train = {**CARD, "split": "train", "slices": [], "cluster": None}
    write(root, "models/portal-small.yaml", {**weights, "training": {"facts": "portal-training"}})
    write(root, "models/portal-small/language.yaml", "words: []\n")
    write(root, "models/qwen2.5-1.5b.yaml", {**MODEL, "stand_in": "portal-small"})
    write(root, "prompts/support-answer.yaml", {**PROMPT, "model": "portal-small"})
    write(root, "evals/support-answer.yaml", {**SUITE, "prompt": "support-answer", "dataset": "portal-questions"})
    held_out = {"held_out_from": ["portal-training"], "held_out_by": ["question"]}
    write(root, "datasets/portal-questions.yaml", {**CARD, **held_out})
    write(root, "datasets/portal-questions.jsonl", rows(3))
    write(root, "datasets/portal-training.yaml", {key: value for key, value in train.items() if value is not None})
    write(root, "datasets/portal-training.jsonl", [{**row, "question": f"taught {row['id']}"} for row in rows(2)])
    for path, text in {
        ".github/CODEOWNERS": CODEOWNERS, ".ci/run": CI, "README.md": "# The template\n", "scripts/demo": "echo demo\n",
        "scripts/demo-edits/1.patch": "", "scripts/test": "true\n", "scripts/generate.py": GENERATOR,
        "tests/repo/test_demo.py": "", "tests/unit/training/test_loop.py": "", "tests/unit/test_digest.py": "",
        "docs/tree.md": "demo\ndemo-edits\ngenerate.py\ntest\n", ".gitignore": ".sluice/\n__pycache__/\n",
        "infra/gitops/flux/base/source.yaml": EXAMPLES,
        "infra/policy/keys/README.md": "", "infra/policy/keys/template.pub": "the template's\n",
    }.items():  # fmt: skip
        write(root, path, text)
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "config", "user.name", "t")
    git(root, "config", "user.email", "t@example.test")
    commit(root)
    return root
