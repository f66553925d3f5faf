"""This very repository, copied without its history and made somebody's own: the rest checks, generates and tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IDENTITY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.test")
READS_THE_REPOSITORY = re.compile(r"\bparents\[|\bROOT\b|\bSOURCE\b|getcwd|Path\.cwd")
"""What a test needs that looks at the files around it; others cannot tell a copy from this repository."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


def copied(target: Path) -> Path:
    """What `git archive` would pack here and now: tracked files, and new ones that Git does not ignore."""
    listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for path in sorted({path for path in listed if path and os.path.lexists(ROOT / path)}):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, target / path, follow_symlinks=False)
    git(target, "init", "--quiet", "--initial-branch", "main")
    commit(target, "Initial commit")
    git(target, "remote", "add", "origin", "https://github.com/acme/prompts.git")
    return target


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, *IDENTITY, "commit", "--quiet", "--message", message)


def python(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run this interpreter with the copy's own engine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SLUICE_", "GITHUB_"))}
    environment = {**kept, "PYTHONPATH": str(root / "src"), "CI": "true", "XDG_CONFIG_HOME": str(root.parent / "home")}
    return subprocess.run([sys.executable, *words], cwd=root, env=environment, capture_output=True, text=True)


def sluice(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return python(root, "-m", "sluice.cli", *words)


def kept_tests(root: Path) -> list[str]:
    """What an adopter's `scripts/test` runs and can end otherwise than here: tests that read the copy's own files."""
    tests = root / "tests"
    others = [path for path in tests.rglob("*.py") if not path.name.startswith("test_")]
    reading = [path for path in others if READS_THE_REPOSITORY.search(path.read_text(encoding="utf-8"))]
    named = "|".join(sorted({path.stem for path in reading if path.name != "conftest.py"}))
    own = re.compile(rf"{READS_THE_REPOSITORY.pattern}|\b({named}) import|import ({named})\b")
    around = {path.parent for path in reading if path.name == "conftest.py"}
    files = sorted([*(tests / "unit").rglob("test_*.py"), *(tests / "cli").rglob("test_*.py")])
    chosen = [path for path in files if around & {*path.parents} or own.search(path.read_text(encoding="utf-8"))]
    return ["tests/repo", *(str(path.relative_to(root)) for path in chosen)]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """A copy that keeps the embedded model."""
    return adopted(tmp_path_factory.mktemp("embedded") / "prompts", "--owner", "@acme/llm")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A copy whose prompts name a served model; nothing of the embedded one is left."""
    words = ("--owner", "@someone", "--model", "qwen2.5-1.5b", "--environments", "live", "--app-id", "77")
    return adopted(tmp_path_factory.mktemp("served") / "prompts", *words)


def adopted(target: Path, *words: str) -> Path:
    copied(target)
    done = sluice(target, "init", "--yes", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    commit(target, "Make the template ours")
    return target


@pytest.fixture(params=["embedded", "served"])
def copy(request):
    return request.getfixturevalue(request.param)


def test_its_files_are_valid(copy):
    done = sluice(copy, "check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_generated_is_up_to_date(copy):
    done = python(copy, "scripts/generate.py", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_running_init_again_changes_nothing(copy):
    done = sluice(copy, "init", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert git(copy, "status", "--porcelain") == ""


def test_nothing_of_the_sample_is_left(copy):
    left = [
        path for path in git(copy, "ls-files").splitlines() if "support-answer" in path or "portal-questions" in path
    ]
    assert left == []
    assert not (copy / "scripts/demo").exists()


def test_the_first_prompt_gets_a_verdict(embedded):
    pytest.importorskip("torch")
    done = sluice(embedded, "eval", "--base", "main", "--head", "main", "assistant")
    assert done.returncode in (0, 4), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_its_secret_key_is_not_in_the_repository(embedded):
    assert (embedded.parent / "home/sluice/prompts/evidence.pem").exists()
    assert git(embedded, "ls-files", "infra/policy").split() == [
        "infra/policy/keys/README.md", "infra/policy/keys/evidence.pub",
    ]  # fmt: skip
    assert "PRIVATE KEY" not in git(embedded, "grep", "-h", "BEGIN", "--", "infra")


def test_the_tests_that_are_kept_pass(embedded):
    words = ("-q", "-n", "2", "-m", "not slow", "-p", "no:cacheprovider")
    done = python(embedded, "-m", "pytest", *words, *kept_tests(embedded))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_the_tests_about_the_repository_pass_without_the_embedded_model(served):
    tests = ("tests/repo", "tests/unit/training", "tests/unit/test_scaffold.py")
    done = python(served, "-m", "pytest", "-q", "-n", "2", "-m", "not slow", "-p", "no:cacheprovider", *tests)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
