"""`sluice doctor`: what is here, what is missing, and the command that repairs it."""

import json
import shutil
import socket
from importlib.metadata import PackageNotFoundError

import pytest
from miniature import MODEL, commit, git, miniature, write

from sluice.cli import doctor, main
from sluice.digest import digest_bytes

WEIGHTS = b"not really weights"


@pytest.fixture(autouse=True)
def no_endpoints(monkeypatch):
    monkeypatch.delenv("SLUICE_ENDPOINT", raising=False)
    monkeypatch.delenv("SLUICE_API_KEY", raising=False)


@pytest.fixture
def embedded(tmp_path):
    """A repository that carries its model's weights."""
    model = {
        **MODEL,
        "source": {"path": "models/served", "files": {"weights.bin": digest_bytes(WEIGHTS)}},
        "serving": {"engine": "local"},
    }
    (tmp_path / "models/served").mkdir(parents=True)
    (tmp_path / "models/served/weights.bin").write_bytes(WEIGHTS)
    return miniature(tmp_path, count=4, model=model)


def diagnoses(root, capsys) -> tuple[int, dict[str, dict[str, str]]]:
    code = main(["doctor", "--root", str(root), "--format", "json"])
    return code, {one["name"]: one for one in json.loads(capsys.readouterr().out)["diagnoses"]}


def test_all_is_well(embedded, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda package: "1.0")
    code, found = diagnoses(embedded, capsys)
    assert code == 0
    assert {one["state"] for one in found.values()} == {"ok"}
    assert "digests match" in found["model served, weights"]["found"]
    assert found["base"]["found"].startswith("main, commit ")


def test_changed_weights_are_to_fix_with_the_file_named(embedded, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda package: "1.0")
    (embedded / "models/served/weights.bin").write_bytes(b"other bytes")
    code, found = diagnoses(embedded, capsys)
    assert code == 4
    assert found["model served, weights"]["state"] == "fix"
    assert "models/served/weights.bin" in found["model served, weights"]["repair"]


def test_absent_weights_are_to_fix(embedded, capsys):
    (embedded / "models/served/weights.bin").unlink()
    code, found = diagnoses(embedded, capsys)
    assert code == 4
    assert "models/served/weights.bin is missing" in found["model served, weights"]["repair"]


def test_absent_packages_are_named_with_the_command_that_installs_them(embedded, capsys, monkeypatch):
    def version(package: str) -> str:
        if package == "torch":
            raise PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(doctor, "version", version)
    code, found = diagnoses(embedded, capsys)
    assert code == 4
    assert found["model served, packages"]["found"] == "no torch"
    assert "scripts/setup" in found["model served, packages"]["repair"]


def test_a_model_that_nothing_serves_names_the_variable(tmp_path, capsys):
    code, found = diagnoses(miniature(tmp_path, count=4), capsys)
    assert code == 4
    assert "SLUICE_ENDPOINT_SERVED" in found["model served"]["repair"]


def test_a_server_that_does_not_answer_is_to_fix(tmp_path, capsys, monkeypatch, closed_port):
    monkeypatch.setenv("SLUICE_ENDPOINT", f"http://127.0.0.1:{closed_port}")
    code, found = diagnoses(miniature(tmp_path, count=4), capsys)
    assert code == 4
    assert found["model served"]["state"] == "fix"
    assert "without a key" in found["model served"]["found"]


@pytest.fixture
def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_key_is_never_shown(tmp_path, capsys, monkeypatch, closed_port):
    monkeypatch.setenv("SLUICE_ENDPOINT", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("SLUICE_API_KEY", "a-secret-of-mine")
    main(["doctor", "--root", str(miniature(tmp_path, count=4))])
    printed = capsys.readouterr()
    assert "a-secret-of-mine" not in printed.out + printed.err
    assert "with a key" in printed.out


def test_without_a_base_it_is_a_note_and_no_failure(embedded, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda package: "1.0")
    shutil.rmtree(embedded / ".git")
    code, found = diagnoses(embedded, capsys)
    assert found["base"]["state"] == "note"
    assert code == 0


def test_a_base_that_eval_would_miss_is_to_fix(embedded, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda package: "1.0")
    git(embedded, "branch", "--move", "main", "trunk")
    code, found = diagnoses(embedded, capsys)
    assert (code, found["base"]["state"]) == (4, "fix")
    assert "git fetch origin main:refs/remotes/origin/main" in found["base"]["repair"]
    assert main(["eval", "--root", str(embedded)]) == 2


def test_the_repair_of_a_missing_base_repairs_it(embedded, capsys, monkeypatch, tmp_path_factory):
    monkeypatch.setattr(doctor, "version", lambda package: "1.0")
    git(embedded, "branch", "feat")
    clone = tmp_path_factory.mktemp("clones") / "clone"
    git(embedded, "clone", "--quiet", "--single-branch", "--branch", "feat", f"file://{embedded}", str(clone))
    _, found = diagnoses(clone, capsys)
    repair = found["base"]["repair"].partition(",")[0].split()
    assert repair[0] == "git"
    git(clone, *repair[1:])
    assert diagnoses(clone, capsys)[1]["base"]["state"] == "ok"


def test_a_shallow_clone_is_noted(embedded, capsys, tmp_path_factory):
    git(embedded, "checkout", "--quiet", "-b", "feat")
    write(embedded, "note.txt", "mine")
    commit(embedded)
    clone = tmp_path_factory.mktemp("clones") / "clone"
    shallow = ("--depth", "1", "--no-single-branch", "--branch", "feat")
    git(embedded, "clone", "--quiet", *shallow, f"file://{embedded}", str(clone))
    _, found = diagnoses(clone, capsys)
    assert (found["base"]["state"], "this clone is shallow" in found["base"]["found"]) == ("note", True)
    git(clone, "fetch", "--quiet", "--unshallow")
    assert diagnoses(clone, capsys)[1]["base"]["state"] == "ok"


@pytest.mark.parametrize("place", [".sluice", ".sluice/cache"])
def test_a_state_directory_that_cannot_be_written_is_to_fix(embedded, capsys, place):
    (embedded / place).parent.mkdir(exist_ok=True)
    (embedded / place).write_text("a file where evals write")
    code, found = diagnoses(embedded, capsys)
    assert (code, found[".sluice/"]["state"]) == (4, "fix")
    assert f"{place} cannot be written" in found[".sluice/"]["found"]


def test_looking_leaves_nothing_behind(embedded, capsys):
    diagnoses(embedded, capsys)
    assert not (embedded / ".sluice").exists()
    assert git(embedded, "status", "--porcelain") == ""


def test_without_git_it_is_to_fix(embedded, capsys, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    code, found = diagnoses(embedded, capsys)
    assert (code, found["git"]["state"], found["base"]["state"]) == (4, "fix", "fix")


def test_a_full_disk_is_to_fix(embedded, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "FREE_BYTES", 10**18)
    code, found = diagnoses(embedded, capsys)
    assert (code, found["disk"]["state"]) == (4, "fix")


def test_text_puts_the_repair_under_what_is_to_fix(tmp_path, capsys):
    main(["doctor", "--root", str(miniature(tmp_path, count=4))])
    lines = capsys.readouterr().out.splitlines()
    place = next(index for index, line in enumerate(lines) if line.startswith("fix     model served"))
    assert lines[place + 1].strip().startswith("-> ")


def test_markdown_is_a_table(embedded, capsys):
    main(["doctor", "--root", str(embedded), "--format", "markdown"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["| what | state | found | what to do |", "|---|---|---|---|"]
    assert all(line.count("|") == 5 for line in lines)


def test_files_that_cannot_be_read_do_not_stop_it(embedded, capsys):
    write(embedded, "prompts/broken.yaml", "messages: [")
    code, found = diagnoses(embedded, capsys)
    assert "files" in found and found["files"]["state"] == "fix"
    assert code == 4


def test_what_releases_lack_is_noted_and_keeps_no_eval_from_running(embedded, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda package: "1.0")
    write(embedded, "infra/overlays/staging/environment.yaml", {
        "description": "For tests.", "cluster": "staging", "namespace": "sluice-staging", "prompts": ["answer"],
        "accept": {"engines": ["tgi"]}, "approvers": ["@your-login"], "capacity": {"nvidia.com/gpu": 1},
    })  # fmt: skip
    code, found = diagnoses(embedded, capsys)
    assert code == 0
    assert found["infra, examples"]["state"] == "note"
    assert "infra/overlays/staging/environment.yaml:" in found["infra, examples"]["found"]
    assert {"kustomize", "kubectl", "staging, GPUs", "staging, releases"} <= set(found)
