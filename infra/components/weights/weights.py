"""Fetches a model's weights into a directory named by their manifest, and verifies them.

    weights.py fetch|verify MANIFEST DIRECTORY

The manifest of weights in a Git repository, whose forge hands out contents by id below WEIGHTS_URL:
{"directory": NAME, "files": {PATH: {"sha256": HEX, "blob": GIT-ID}}}; of a hub's repository:
{"directory": NAME, "hub": REPOSITORY, "revision": COMMIT, "files": {}}. There the hub's own listing of that commit says
what the files must be, and is kept as SHA256SUMS for every later start.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
import urllib.request
from pathlib import Path

SUMS = "SHA256SUMS"
SERVED = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
WAIT_SECONDS = 4 * 3600
PAUSE_SECONDS = 5


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def wanted(manifest: dict, directory: Path) -> dict[str, str]:
    """Return path -> SHA-256 as the manifest says, else as the first download recorded it."""
    if manifest["files"]:
        return {path: entry["sha256"] for path, entry in manifest["files"].items()}
    lines = (directory / SUMS).read_text().splitlines()
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


def differences(directory: Path, digests: dict[str, str]) -> list[str]:
    """Return what is missing, different, or there without being wanted."""
    found = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()} - {SUMS}
    wrong = [f"{path} is not in the manifest" for path in sorted(found - set(digests))]
    wrong += [f"{path} is missing" for path in sorted(set(digests) - found)]
    return wrong + [
        f"{path} has SHA-256 {is_} instead of {digest}"
        for path, digest in sorted(digests.items())
        if path in found and (is_ := sha256(directory / path)) != digest
    ]


def require(directory: Path, digests: dict[str, str]) -> None:
    """End the program where the directory does not hold exactly these files."""
    if wrong := differences(directory, digests):
        sys.exit(f"the weights in {directory} are not those of the release: " + "; ".join(wrong))


def fetch(manifest: dict, root: Path) -> None:
    """Download into a directory of its own, check, and only then give it its name."""
    done = root / manifest["directory"]
    if done.is_dir():
        return require(done, wanted(manifest, done))
    partial = root / f".partial-{manifest['directory']}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    if manifest.get("hub"):
        from_hub(manifest, partial)
    else:
        for path, entry in manifest["files"].items():
            download(f"{os.environ['WEIGHTS_URL']}/{entry['blob']}", partial / path)
    require(partial, wanted(manifest, partial))
    partial.rename(done)
    return None


def download(url: str, path: Path) -> None:
    """Fetch one file; a token, where there is one, goes to the named host only."""
    request = urllib.request.Request(url, headers={"Accept": "application/vnd.github.raw+json"})  # noqa: S310
    if token := os.environ.get("HF_TOKEN"):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with urllib.request.urlopen(request, timeout=60) as answer, path.open("wb") as stream:  # noqa: S310
        shutil.copyfileobj(answer, stream)


def from_hub(manifest: dict, partial: Path) -> None:
    """Download a commit of a hub's repository, and hold it to the hub's own listing."""
    from huggingface_hub import HfApi, snapshot_download

    repository, revision = manifest["hub"], manifest["revision"]
    snapshot_download(repository, revision=revision, local_dir=partial, allow_patterns=list(SERVED))
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    listed = HfApi().model_info(repository, revision=revision, files_metadata=True).siblings
    record(partial, {one.rfilename: (one.blob_id, one.lfs and one.lfs["sha256"]) for one in listed})


def record(partial: Path, listed: dict[str, tuple[str, str]]) -> None:
    """Hold each file to the hub's listing (SHA-256 of large files, Git's id of others), and write SHA256SUMS."""
    lines = []
    for path in sorted(path for path in partial.rglob("*") if path.is_file()):
        name, digest = str(path.relative_to(partial)), sha256(path)
        blob, large = listed[name]
        if digest != large and (large or git_id(path) != blob):
            sys.exit(f"{name} is not what the hub lists for this commit")
        lines.append(f"{digest}  {name}\n")
    (partial / SUMS).write_text("".join(lines))


def git_id(path: Path) -> str:
    """Return Git's id of a file's content (SHA-1: Git's choice)."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def verify(manifest: dict, root: Path) -> None:
    """Wait until the weights are there, and check every byte."""
    directory, end = root / manifest["directory"], time.monotonic() + WAIT_SECONDS
    while not directory.is_dir() and time.monotonic() < end:
        sys.stderr.write(f"waiting for {directory}\n")
        time.sleep(PAUSE_SECONDS)
    if not directory.is_dir():
        sys.exit(f"{directory} is not there; see the Job that fetches the weights")
    require(directory, wanted(manifest, directory))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        {"fetch": fetch, "verify": verify}[sys.argv[1]](json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3]))
