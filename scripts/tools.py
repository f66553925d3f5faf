"""Programs that tests use and pip does not bring, and schemas of custom resources: built or fetched once, pinned."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / ".cache/tools"

BUILT = {
    "act": ("-tags", "WITHOUT_DOCKER", "github.com/nektos/act@v0.2.89"),
    "actionlint": ("github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",),
    "kustomize": ("sigs.k8s.io/kustomize/kustomize/v5@v5.8.1",),
    "kube-score": ("github.com/zegl/kube-score/cmd/kube-score@v1.20.0",),
    # Only the tests of rules are used, so no service discovery is built in.
    "promtool": ("-tags", "remove_all_sd", "github.com/prometheus/prometheus/cmd/promtool@v0.316.0"),
}
"""Program -> words of `go install`."""

FETCHED = {
    "act": (
        "https://github.com/nektos/act/releases/download/v0.2.89/act_Linux_x86_64.tar.gz",
        "0191d6f1f3b716b5c55820032605d05fc3c1cdbf581ebeff655019e5dd1524c0",
    ),
    "actionlint": (
        "https://github.com/rhysd/actionlint/releases/download/v1.7.12/actionlint_1.7.12_linux_amd64.tar.gz",
        "8aca8db96f1b94770f1b0d72b6dddcb1ebb8123cb3712530b08cc387b349a3d8",
    ),
}
"""Program -> release and its SHA-256, for machines without Go."""

SCHEMAS = {
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    "github.com/fluxcd/kustomize-controller@v1.9.4": (
        "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
    ),
    "github.com/fluxcd/source-controller@v1.9.6": ("config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",),
    "github.com/argoproj/argo-cd/v3@v3.5.7": (
        "manifests/crds/application-crd.yaml",
        "manifests/crds/appproject-crd.yaml",
    ),
}
"""Module of a controller -> the custom resources in it that `infra/` uses."""


def build(go: str, wanted: list[str]) -> None:
    """Build what is not there in this version; without names all, and copy the schemas."""
    for name, words in BUILT.items():
        if wanted and name not in wanted:
            continue
        if _is_from(name, " ".join(words)):
            continue
        print(f"tools: building {name} with Go (once)", file=sys.stderr)
        subprocess.run([go, "install", *words], check=True, env={**os.environ, "GOBIN": str(HOME)})
        _note(name, " ".join(words))
    for module, files in () if wanted else SCHEMAS.items():
        if not _is_from(f"crds/{Path(files[0]).name}", module):
            _copy_schemas(go, module, files)


def _copy_schemas(go: str, module: str, files: tuple[str, ...]) -> None:
    told = subprocess.run([go, "mod", "download", "-json", module], check=True, capture_output=True, cwd=HOME)
    (HOME / "crds").mkdir(exist_ok=True)
    for file in files:
        target = HOME / "crds" / Path(file).name
        target.write_bytes((Path(json.loads(told.stdout)["Dir"]) / file).read_bytes())
    _note(f"crds/{Path(files[0]).name}", module)


def fetch() -> None:
    """Fetch the releases that are pinned by digest."""
    for name, (url, digest) in FETCHED.items():
        if _is_from(name, digest):
            continue
        with urllib.request.urlopen(url, timeout=120) as answer:  # noqa: S310 - the addresses above
            data = answer.read()
        if hashlib.sha256(data).hexdigest() != digest:
            sys.exit(f"tools: {url} is not what was pinned")
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extract(name, HOME, filter="data")
        _note(name, digest)
    print("tools: install Go for kustomize, kube-score, promtool and schemas, and run this again", file=sys.stderr)


def _is_from(name: str, source: str) -> bool:
    note = HOME / f"{name}.from"
    return (HOME / name).is_file() and note.is_file() and note.read_text(encoding="utf-8") == source


def _note(name: str, source: str) -> None:
    (HOME / f"{name}.from").write_text(source, encoding="utf-8")


def run(wanted: list[str]) -> None:
    """Bring what this machine can have, or the named programs alone, which then must be had."""
    unknown = sorted(set(wanted) - set(BUILT))
    if unknown:
        sys.exit(f"tools: no {', '.join(unknown)}; known: {', '.join(BUILT)}")
    HOME.mkdir(parents=True, exist_ok=True)
    go = shutil.which("go")
    if go:
        build(go, wanted)
    elif not set(wanted) <= set(FETCHED):
        sys.exit(f"tools: install Go (it builds {', '.join(wanted)}), then run this again")
    elif (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        fetch()
    else:
        sys.exit(f"tools: install Go (it builds {', '.join(BUILT)}), then run this again")


if __name__ == "__main__":
    run(sys.argv[1:])
