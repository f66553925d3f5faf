"""Which changes are data alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.forge.answers import ChangedFile
from sluice.forge.pulls import Changes
from sluice.forge.trust import code_among, is_data, why_untrusted

DATA = [
    "prompts/answer.yaml", "datasets/questions.jsonl", "datasets/questions.yaml", "evals/answer.yaml",
    "models/small.yaml", "models/small/model.safetensors", "models/small/config.json", "README.md", "docs/cli.md",
    "LICENSE", "docs/pictures/one.png", "prompts/README.md",
]  # fmt: skip
CODE = [
    ".github/workflows/pull-request.yml", ".github/CODEOWNERS", "src/sluice/gate/judge.py", "scripts/test",
    "requirements.lock", "pyproject.toml", "evals/answer.py", "models/small/modeling.py", "conftest.py", "yaml.py",
    "yaml/__init__.py", ".sluice/cache/completions.sqlite", ".gitattributes", "prompts/.env.yaml", "prompts",
    "Prompts/answer.yaml", "prompts/answer.YAML", "infra/policy/keys/main.pub", "tests/conftest.py", "sitecustomize.py",
    "evals/../src/x.yaml", "prompts/a\nb.yaml", "prompts/\u202ea.yaml", "prompts/a;b.yaml", ".pre-commit-config.yaml",
    "models/small/pytorch_model.bin", "models/small/weights.pkl", "setup.cfg", "docs/conf.py", "Makefile", "", "x.pth",
]  # fmt: skip


def changed(*files, complete=True):
    return Changes(tuple(files), "b" * 40, complete)


def file(name, **more):
    return ChangedFile(filename=name, status="modified", **more)


@pytest.mark.parametrize("path", DATA)
def test_data_is_known_as_such(path):
    assert is_data(path)
    assert why_untrusted(changed(file(path))) is None


@pytest.mark.parametrize("path", CODE)
def test_everything_else_counts_as_code(path):
    assert not is_data(path)
    assert "more than data" in why_untrusted(changed(file("prompts/answer.yaml"), file(path)))


@pytest.mark.parametrize("path", ["src/sluice/a.py", "evals/answer.py"])
def test_code_that_was_renamed_to_data_counts(path):
    moved = ChangedFile(filename="docs/a.md", status="renamed", previous_filename=path)
    assert code_among([moved]) == (path,)


def test_a_list_that_may_be_cut_off_counts_as_code():
    assert "300 files" in why_untrusted(changed(file("prompts/a.yaml"), complete=False))


@given(st.text(max_size=60))
def test_no_path_reaches_a_reader_as_it_is(path):
    told = why_untrusted(changed(file(f"src/{path}")))
    assert told.isascii() and told.isprintable() and not set(told) & set("<>@#[]()!*~|`$&\\")


def test_many_are_counted():
    told = why_untrusted(changed(*[file(f"src/{n}.py") for n in range(9)]))
    assert "and 6 more" in told


@given(st.lists(st.sampled_from(["prompts", "evals", "src", "..", ".", "a", ".git", "x.yaml", "x.py"]), min_size=1))
def test_hidden_and_climbing_paths_are_never_data(parts):
    path = "/".join(parts)
    if is_data(path):
        assert not any(part.startswith(".") for part in path.split("/") if part != ".")
