"""Looks at Python, packages, Git, weights and endpoints, and names the command that repairs what is missing.

`fix` marks what keeps an eval of this repository from running (exit 4), `note` what it can do without: Kustomize,
kubectl, room for each environment's servers, examples of the template that a release would refuse. With
`--repository` it looks at the repository's settings at the forge instead: rulesets, environments, names of secrets,
variables, Actions permissions, workflows, public keys and the evidence branch. That needs a token in GITHUB_TOKEN.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sluice.adoption.diagnosis import Diagnosis
from sluice.catalog import FETCH_MAIN, Catalog, base_caveat, default_base, has_commits
from sluice.cli.options import Repository, add_format, add_root, repository
from sluice.errors import CannotJudge, ExitCode, SluiceError, UsageError
from sluice.providers.endpoint import Endpoint
from sluice.report.numbers import counted
from sluice.report.visible import escaped_line
from sluice.runner.connect import connect, weights_directory
from sluice.runner.engine import Engine, choose_engine
from sluice.schema import PathSource

LOCAL_PACKAGES = ("torch", "transformers", "tokenizers")
FREE_BYTES = 500_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_root(parser)
    add_format(parser)
    parser.add_argument(
        "--repository",
        metavar="OWNER/NAME",
        nargs="?",
        const="",
        help="look at the repository's settings at the forge (default: that of the remote origin)",
    )


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print every diagnosis; exit 4 where one has to be mended."""
    repo = repository(arguments)
    found = list(diagnose(repo) if arguments.repository is None else diagnose_settings(repo, arguments.repository))
    print(_rendered(found, arguments.format))
    return ExitCode.CANNOT_JUDGE if any(one.state == "fix" for one in found) else ExitCode.OK


def diagnose(repo: Repository) -> Iterator[Diagnosis]:
    """Yield what this machine and this repository have, in the order in which things are needed."""
    yield Diagnosis("python", "ok", f"{sys.version.split()[0]} on {sys.platform}, {os.cpu_count()} cores")
    yield _git()
    yield _base(repo)
    yield _space(repo)
    yield _state(repo)
    catalog = repo.working()
    yield _files(catalog)
    for model in sorted({entry.value.model for entry in catalog.prompts.values()} & set(catalog.models)):
        yield from _model(repo, catalog, model)
    yield from _releases(repo, catalog)


def _releases(repo: Repository, catalog: Catalog) -> Iterator[Diagnosis]:
    """What releases and roll-outs need beside; evals do without."""
    from sluice.adoption import local
    from sluice.rollout import readiness

    if catalog.environments:
        yield local.examples(repo.root, "note")
    if shutil.which("git") is not None and has_commits(repo.root):
        yield from readiness.inspect(repo.root, catalog)


def diagnose_settings(repo: Repository, named: str) -> Iterator[Diagnosis]:
    """Yield what the clone shows of the settings, then what the forge shows."""
    from sluice.adoption import git, inspecting_releases, local, settings
    from sluice.adoption.inspecting import inspect
    from sluice.cli.forging import client
    from sluice.cli.releasing import environments

    git.require_repository(repo.root)
    yield from local.inspect(repo.root)
    github, wanted = client(repo.root, named), settings.read(repo.root)
    yield from inspect(github, wanted, local.workflow_paths(repo.root))
    yield from inspecting_releases.inspect(github, wanted, environments(repo.root))


def _git() -> Diagnosis:
    path = shutil.which("git")
    if path is None:
        return Diagnosis("git", "fix", "no git command", "install Git; revisions are read through it")
    return Diagnosis("git", "ok", "found")


def _base(repo: Repository) -> Diagnosis:
    """Without a base there is nothing to compare with: every verdict would be `first`."""
    if shutil.which("git") is None:
        return Diagnosis("base", "fix", "unknown without Git", "install Git")
    try:
        base = default_base(repo.root)
    except UsageError as error:
        return Diagnosis("base", "note", str(error), "commit something first")
    if base is None and not has_commits(repo.root):
        return Diagnosis("base", "note", "nothing is committed yet", "commit something first")
    if base is None:
        return Diagnosis("base", "fix", "neither origin/main nor main", f"{FETCH_MAIN}, or pass --base REV")
    caveat = base_caveat(repo.root)
    if caveat:
        return Diagnosis("base", "note", caveat, "mend what it names, or pass --base REV")
    return Diagnosis("base", "ok", f"{base.label}, commit {(base.commit or '')[:12]}")


def _space(repo: Repository) -> Diagnosis:
    free = shutil.disk_usage(repo.root).free
    found = f"{free / 1e9:.1f} GB free"
    if free < FREE_BYTES:
        return Diagnosis("disk", "fix", found, f"free some; journals and answers go to {repo.state.name}/")
    return Diagnosis("disk", "ok", found)


def _state(repo: Repository) -> Diagnosis:
    """Evals write there; a directory of another user, or a read-only one, is only noticed by writing."""
    name = f"{repo.state.name}/"
    places = [repo.state, repo.state / "runs", repo.state / "cache"] if os.path.lexists(repo.state) else [repo.root]
    for place in filter(os.path.lexists, places):
        try:
            tempfile.TemporaryFile(dir=place).close()
        except OSError as error:
            found = f"{place} cannot be written: {error.strerror}"
            return Diagnosis(name, "fix", found, "make it writable; journals and answers are kept there")
    return Diagnosis(name, "ok", "can be written")


def _files(catalog: Catalog) -> Diagnosis:
    errors = sum(finding.severity == "error" for finding in catalog.findings)
    if errors:
        return Diagnosis("files", "fix", f"{errors} that cannot be read", "sluice check")
    kinds = (
        (catalog.prompts, "prompt"),
        (catalog.datasets, "dataset"),
        (catalog.suites, "suite"),
        (catalog.models, "model"),
    )
    return Diagnosis("files", "ok", ", ".join(counted(len(entries), kind) for entries, kind in kinds))


def _model(repo: Repository, catalog: Catalog, model: str) -> Iterator[Diagnosis]:
    """Yield what answers for one model here, and what that engine needs."""
    name = f"model {model}"
    try:
        engine = choose_engine(catalog, model)
    except SluiceError as error:
        yield Diagnosis(name, "fix", "nothing here serves it", str(error))
        return
    if engine.endpoint:
        yield _server(repo, catalog, engine, engine.endpoint)
        return
    if engine.name != "local":
        yield _runtime(engine)
        return
    yield _packages(name)
    yield _weights(repo, catalog, engine)


def _server(repo: Repository, catalog: Catalog, engine: Engine, endpoint: Endpoint) -> Diagnosis:
    """Ask the server what it is; it must be what the model file names."""
    name = f"model {engine.model}"
    place = f"{endpoint.url} ({'with' if endpoint.api_key else 'without'} a key)"
    try:
        connect(catalog, engine, repo.state).close()
    except SluiceError as error:
        return Diagnosis(name, "fix", f"no usable server at {place}", str(error))
    return Diagnosis(name, "ok", f"{engine.title}, at {place}")


def _runtime(engine: Engine) -> Diagnosis:
    """A server that evals start themselves needs a container runtime."""
    from sluice.serving.containers import find_runtime

    name = f"model {engine.model}"
    try:
        found = find_runtime()
    except SluiceError as error:
        return Diagnosis(name, "fix", f"evals start {engine.title}, and nothing here can", str(error))
    return Diagnosis(name, "ok", f"{engine.title}, started by evals in {found.kind}")


def _packages(name: str) -> Diagnosis:
    found, absent = [], []
    for package in LOCAL_PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            absent.append(package)
    if absent:
        repair = "run ./scripts/setup, or pip install '.[local]' in this clone"
        return Diagnosis(f"{name}, packages", "fix", f"no {', '.join(absent)}", repair)
    return Diagnosis(f"{name}, packages", "ok", ", ".join(found))


def _weights(repo: Repository, catalog: Catalog, engine: Engine) -> Diagnosis:
    name = f"model {engine.model}, weights"
    source = catalog.model(engine.model).value.source
    if not isinstance(source, PathSource):
        return Diagnosis(name, "fix", "no weights in this repository", "serve it, and name the endpoint")
    try:
        weights_directory(catalog, source, repo.state)
    except CannotJudge as error:
        return Diagnosis(name, "fix", "not the files that the model names", str(error))
    size = sum((Path(repo.root) / source.path / file).stat().st_size for file in source.files)
    return Diagnosis(
        name, "ok", f"{engine.title}, {counted(len(source.files), 'file')}, {size / 1e6:.1f} MB, digests match"
    )


def _rendered(found: list[Diagnosis], style: str) -> str:
    if style == "json":
        return json.dumps({"format": 1, "diagnoses": [asdict(one) for one in found]}, indent=2)
    if style == "markdown":
        rows = [f"| {one.name} | {one.state} | {one.found} | {one.repair} |" for one in found]
        return "\n".join(["| what | state | found | what to do |", "|---|---|---|---|", *rows])
    width = max(len(one.name) for one in found)
    return "\n".join(line for one in found for line in _lines(one, width))


def _lines(one: Diagnosis, width: int) -> Iterator[str]:
    yield f"{one.state:<8}{one.name.ljust(width)}  {escaped_line(one.found)}"
    if one.repair:
        yield f"{'':<8}{'':<{width}}  -> {escaped_line(one.repair)}"
