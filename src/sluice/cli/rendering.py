"""What `render --environment` prints: manifests that would be released, or what differs between two sides."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sluice.catalog import Catalog
from sluice.cli.judging import refuse_invalid
from sluice.cli.options import Repository
from sluice.errors import CannotJudge, ExitCode, UsageError
from sluice.report.markdown import BUDGET
from sluice.report.neutral import block
from sluice.report.rendered import RenderedChange, RenderedEnvironment, write_rendered
from sluice.report.rendered_text import rendered_markdown, rendered_text
from sluice.report.visible import visible
from sluice.rollout.kustomize import Kustomize, find
from sluice.rollout.manifests import Manifest
from sluice.rollout.parity import differences
from sluice.rollout.proposal import Side, environments, proposed, side, touched, unchanged
from sluice.rollout.rendered import manifests_at

ALL = "all"


def render_environments(repo: Repository, arguments: argparse.Namespace) -> ExitCode:
    """Print what is asked for."""
    if arguments.prompt is not None or arguments.inputs is not None or arguments.revision:
        raise UsageError("--environment renders manifests; a prompt, --inputs and --revision are for messages")
    if arguments.output and not arguments.base:
        raise UsageError("--output keeps a difference, so it needs --base REV")
    head = repo.at(arguments.head) if arguments.head else repo.working()
    refuse_invalid(head)
    if arguments.base:
        return _compared(repo, repo.at(arguments.base), head, arguments)
    return _rendered(repo, head, _chosen(arguments.environment, sorted(head.environments), head), arguments.format)


def _chosen(wanted: str, known: Sequence[str], head: Catalog) -> tuple[str, ...]:
    """Return the environments that are meant; one that neither side knows is a usage error with the nearest name."""
    if wanted == ALL:
        return tuple(known)
    if wanted not in known:
        head.environment(wanted)
    return (wanted,)


def _compared(repo: Repository, base: Catalog, head: Catalog, arguments: argparse.Namespace) -> ExitCode:
    names = _chosen(arguments.environment, environments(base, head), head)
    differing = [name for name in names if touched(base, head, name)]
    kustomize = find(repo.root) if differing else None
    found = [_proposed(repo, base, head, name, kustomize if name in differing else None) for name in names]
    change = RenderedChange(base=base.commit, head=head.commit, environments=tuple(found))
    if arguments.output:
        _write(Path(arguments.output), write_rendered(change))
    print(_shown(change, arguments.format), end="")
    if any(one.refusals and one.unrendered for one in found):
        return ExitCode.CANNOT_JUDGE
    return ExitCode.GATE_NO if any(one.refusals for one in found) else ExitCode.OK


def _proposed(
    repo: Repository, base: Catalog, head: Catalog, name: str, kustomize: Kustomize | None
) -> RenderedEnvironment:
    if kustomize is None:
        return unchanged(head, name)
    return proposed(base, head, name, lambda one: _manifests(repo, kustomize, one))


def _manifests(repo: Repository, kustomize: Kustomize, one: Side) -> tuple[Manifest, ...]:
    return manifests_at(repo.root, kustomize, one.catalog.commit, one.lock, one.bundle.files)


def _shown(change: RenderedChange, style: str) -> str:
    if style == "json":
        return json.dumps(change.model_dump(mode="json"), indent=2) + "\n"
    if not change.environments:
        return "no environments here\n"
    return rendered_markdown(change, BUDGET) + "\n" if style == "markdown" else rendered_text(change)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise CannotJudge(f"cannot write {path}: {error.strerror}") from None


def _rendered(repo: Repository, head: Catalog, names: Sequence[str], style: str) -> ExitCode:
    """Print the manifests of one revision, and say where lock and manifests disagree."""
    kustomize = find(repo.root)
    sides = {name: side(head, name) for name in names}
    found = {name: _manifests(repo, kustomize, one) for name, one in sides.items()}
    problems = {name: tuple(map(str, differences(sides[name].lock, found[name]))) for name in names}
    if style == "json":
        told = [_data(sides[name], found[name], problems[name]) for name in names]
        print(json.dumps({"format": 1, "commit": head.commit, "environments": told}, indent=2))
    else:
        print("\n".join(_stream(name, sides[name], found[name], problems[name], style) for name in names))
    return ExitCode.GATE_NO if any(problems.values()) else ExitCode.OK


def _data(one: Side, manifests: Sequence[Manifest], problems: Sequence[str]) -> dict[str, object]:
    about = {"name": one.lock.environment, "release": one.lock.digest, "refusals": list(problems)}
    return {**about, "manifests": [manifest.value for manifest in manifests]}


def _stream(name: str, one: Side, manifests: Sequence[Manifest], problems: Sequence[str], style: str) -> str:
    """Return YAML documents under a comment that says what they are."""
    head = [f"{name}: release {one.lock.digest}", *(f"would be refused: {problem}" for problem in problems)]
    text = "".join(f"# {visible(line)}\n" for line in head)
    text += "".join(f"---\n{visible(manifest.text)}" for manifest in manifests)
    return block(text.rstrip("\n"), "yaml") if style == "markdown" else text.rstrip("\n")
