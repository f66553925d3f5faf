"""The program of the control plane: built with Go from pinned modules once, kept outside the clone by its content."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = ("go.mod", "go.sum", "main.go", "kwok.go")
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok")
HOW_TO = "Go 1.26 or newer builds it: install Go, then run scripts/cluster build (once, 10 to 30 minutes)"
LATEST = 2
"""How many builds are kept; older ones are removed after a new one."""


def cache() -> Path:
    """Return where builds lie: outside the clone, so that a fresh clone needs no build."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice" / "cluster"


def home() -> Path:
    """Return the directory of the build that belongs to these sources."""
    content = hashlib.sha256()
    for name in SOURCES:
        content.update(name.encode() + b"\0" + (HERE / name).read_bytes() + b"\0")
    return cache() / content.hexdigest()[:16]


def built() -> Path | None:
    """Return the directory with all components, or None where it has to be built first."""
    place = home()
    return place if (place / "complete").is_file() else None


def build() -> Path:
    """Build what is missing and return its directory; of two at once, one waits for the other."""
    place = home()
    if built():
        return place
    if shutil.which("go") is None:
        raise SystemExit(f"cluster: {HOW_TO}")
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built():
            _build(place)
            _forget(place)
    return place


def version() -> str:
    """Return the Kubernetes version that go.mod pins."""
    found = re.search(r"k8s\.io/kubernetes (v\S+)", (HERE / "go.mod").read_text())
    assert found, "go.mod names no Kubernetes"
    return found[1]


def _build(place: Path) -> None:
    sys.stderr.write("cluster: building the control plane with Go (once, 10 to 30 minutes)\n")
    major, minor, _ = version().removeprefix("v").split(".")
    known = {"gitVersion": version(), "gitMajor": major, "gitMinor": minor}
    flags = " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in known.items())])
    with tempfile.TemporaryDirectory(dir=cache()) as scratch:
        subprocess.run(
            ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", f"{scratch}/plane", "."],
            cwd=HERE, env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}, check=True,
        )  # fmt: skip
        place.mkdir(exist_ok=True)
        (Path(scratch) / "plane").replace(place / "plane")
    for name in COMPONENTS:
        (place / name).unlink(missing_ok=True)
        (place / name).symlink_to("plane")
    (place / "complete").touch()


def _forget(current: Path) -> None:
    others = [one for one in cache().iterdir() if (one / "complete").is_file() and one != current]
    for old in sorted(others, key=lambda one: one.stat().st_mtime, reverse=True)[LATEST - 1 :]:
        shutil.rmtree(old)


if __name__ == "__main__":
    sys.stdout.write(f"{build()}\n")
