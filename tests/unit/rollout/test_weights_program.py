"""The program that fetches and checks weights in a cluster: run as there, against a forge and a hub on this machine."""

from __future__ import annotations

import hashlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.rollout.released import ROOT

PROGRAM = ROOT / "infra/components/weights/weights.py"
NAME = "0" * 64
FILES = {"config.json": b"{}\n", "model.safetensors": b"weights" * 1000}
COMMIT = "c" * 40


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


MANIFEST = {
    "directory": NAME,
    "files": {path: {"sha256": sha256(data), "blob": blob(data)} for path, data in FILES.items()},
}


class Forge(http.server.BaseHTTPRequestHandler):
    """Hands out contents by Git's id, and plays a hub: a listing of one commit, and its files."""

    contents: dict[str, bytes] = {}
    listed: list[dict[str, Any]] = []
    asked: list[tuple[str, str | None]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization")))
        path = self.path.partition("?")[0]
        if "/tree/" in path:
            tree = [
                {
                    "type": "file",
                    "path": one["rfilename"],
                    "oid": one["blobId"],
                    "size": len(FILES.get(one["rfilename"], b"")),
                }
                for one in self.listed
            ]
            self.answer(json.dumps(tree).encode(), "application/json")
        elif path.startswith("/api/models/"):
            self.answer(
                json.dumps({"id": "org/m", "sha": COMMIT, "siblings": self.listed}).encode(), "application/json"
            )
        elif path.rpartition("/")[2] in self.contents:
            self.answer(self.contents[path.rpartition("/")[2]], "application/octet-stream")
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def answer(self, data: bytes, kind: str) -> None:
        self.send_response(200)
        for key, value in {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            "X-Repo-Commit": COMMIT,
            "ETag": f'"{sha256(data)}"',
        }.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def forge() -> Iterator[str]:
    Forge.contents = {blob(data): data for data in FILES.values()} | FILES
    Forge.listed, Forge.asked = [], []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run(verb: str, manifest: dict[str, Any], volume: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    file = volume.parent / "weights.json"
    file.write_text(json.dumps(manifest))
    return subprocess.run(
        [sys.executable, str(PROGRAM), verb, str(file), str(volume)],
        env={"HOME": str(volume.parent), **environment}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume"


def held(volume: Path) -> dict[str, bytes]:
    root = volume / NAME
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_weights_are_fetched_checked_and_then_named(forge: str, volume: Path):
    done = run("fetch", MANIFEST, volume, WEIGHTS_URL=f"{forge}/blobs", HF_TOKEN="t")
    assert done.returncode == 0, done.stderr
    assert held(volume) == FILES
    assert [path.name for path in volume.iterdir()] == [NAME]
    assert {token for _, token in Forge.asked} == {"Bearer t"}
    assert run("verify", MANIFEST, volume).returncode == 0


def test_weights_that_are_there_are_checked_and_not_fetched_again(forge: str, volume: Path):
    assert run("fetch", MANIFEST, volume, WEIGHTS_URL=forge).returncode == 0
    Forge.asked.clear()
    assert run("fetch", MANIFEST, volume, WEIGHTS_URL=forge).returncode == 0
    assert not Forge.asked


def test_other_bytes_never_get_the_name(forge: str, volume: Path):
    Forge.contents[blob(FILES["config.json"])] = b"[]\n"
    done = run("fetch", MANIFEST, volume, WEIGHTS_URL=forge)
    assert done.returncode == 1 and "config.json has SHA-256" in done.stderr
    assert not (volume / NAME).exists()


def test_a_download_that_was_cut_off_is_begun_again(forge: str, volume: Path):
    (volume / f".partial-{NAME}").mkdir()
    (volume / f".partial-{NAME}/stray").write_text("from a pod that was killed")
    assert run("fetch", MANIFEST, volume, WEIGHTS_URL=forge).returncode == 0
    assert held(volume) == FILES


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "config.json").write_bytes(b"{ }"), "config.json has SHA-256"),
        (lambda root: (root / "config.json").unlink(), "config.json is missing"),
        (lambda root: (root / "pickle.bin").write_bytes(b""), "pickle.bin is not in the manifest"),
    ],
)
def test_a_pod_does_not_start_on_other_weights(damage: Any, words: str, forge: str, volume: Path):
    assert run("fetch", MANIFEST, volume, WEIGHTS_URL=forge).returncode == 0
    damage(volume / NAME)
    done = run("verify", MANIFEST, volume)
    assert done.returncode == 1 and words in done.stderr


def test_a_pod_waits_for_the_job(volume: Path, tmp_path: Path):
    file = tmp_path / "weights.json"
    file.write_text(json.dumps(MANIFEST))
    words = ["verify", str(file), str(volume)]
    code = f"import runpy, sys, time; time.sleep = lambda _: sys.exit(7); sys.argv[1:] = {words}"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 7 and "waiting for" in done.stderr


def hub(forge: str, volume: Path, **listed: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    Forge.listed = [
        {"rfilename": "config.json", "blobId": blob(FILES["config.json"]), **listed.get("config", {})},
        {
            "rfilename": "model.safetensors",
            "blobId": "0" * 40,
            "lfs": {
                "sha256": sha256(FILES["model.safetensors"]),
                "size": 7000,
                "pointerSize": 130,
                **listed.get("model", {}),
            },
        },
        {"rfilename": "pytorch_model.bin", "blobId": "1" * 40},
    ]
    manifest = {"directory": NAME, "hub": "org/m", "revision": COMMIT, "files": {}}
    settings = {"HF_ENDPOINT": forge, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return run("fetch", manifest, volume, **settings)


def test_a_commit_of_a_hub_is_held_to_the_hubs_own_listing(forge: str, volume: Path):
    done = hub(forge, volume)
    assert done.returncode == 0, done.stderr
    sums = held(volume).pop("SHA256SUMS").decode()
    assert sums == "".join(f"{sha256(data)}  {path}\n" for path, data in sorted(FILES.items()))
    assert set(held(volume)) == {*FILES, "SHA256SUMS"}, "no pickled weights"
    manifest = {"directory": NAME, "hub": "org/m", "revision": COMMIT, "files": {}}
    assert run("verify", manifest, volume).returncode == 0
    (volume / NAME / "config.json").write_bytes(b"other")
    assert run("verify", manifest, volume).returncode == 1


@pytest.mark.parametrize("listed", [{"config": {"blobId": "2" * 40}}, {"model": {"sha256": "3" * 64}}])
def test_files_that_the_hub_does_not_list_are_refused(listed: dict[str, Any], forge: str, volume: Path):
    done = hub(forge, volume, **listed)
    assert done.returncode == 1 and "not what the hub lists" in done.stderr
    assert not (volume / NAME).exists()
