"""Verifies releases from a clone, without network: signatures, locks, bundles and the evidence that they rest on.

The lock and the bundle are made anew from the commit that a release came from. Keys are those of main, or of --keys.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.cli.options import add_format, add_root, repository
from sluice.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from sluice.rollout.branch import Deployed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("release", nargs="?", metavar="RELEASE", help="a number or digest (default: what runs now)")
    parser.add_argument("--environment", metavar="ENV", help="only this environment (default: all)")
    parser.add_argument("--all", action="store_true", help="the whole history, not only what runs now")
    parser.add_argument("--keys", metavar="REV", help="trust the public keys of this revision (default: of main)")
    add_root(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Verify; exit 1 where anything is not what it must be."""
    from sluice.evidence.branch import Branch
    from sluice.evidence.keys import keys_of
    from sluice.rollout.verifying import problems

    root = repository(arguments).root
    keys = keys_of(root, arguments.keys)
    with Branch(root) as evidence:
        found = [(one, problems(root, one, evidence, keys)) for one in _wanted(root, arguments)]
    if not found:
        raise UsageError("no release that is meant is known here; `git fetch origin` brings the deploy branches")
    print(_table(found, arguments.format), end="")
    good = sum(not wrong for _, wrong in found)
    print(f"sluice: {good} of {len(found)} verify by {keys.place}", file=sys.stderr)
    return ExitCode.OK if good == len(found) else ExitCode.GATE_NO


def _wanted(root: Path, arguments: argparse.Namespace) -> Iterator[Deployed]:
    from sluice.cli.releasing import environments
    from sluice.rollout import branch as deploy

    for name in [arguments.environment] if arguments.environment else environments(root):
        if arguments.release is not None:
            one = deploy.find(root, name, arguments.release)
        elif arguments.all:
            yield from deploy.history(root, name)
            continue
        else:
            one = deploy.read(root, name)
        if one is not None:
            yield one


def _table(found: list[tuple[Deployed, tuple[str, ...]]], style: str) -> str:
    from sluice.report.neutral import plain
    from sluice.report.visible import one_line

    if style == "json":
        return json.dumps({"format": 1, "releases": [_data(*one) for one in found]}, indent=2) + "\n"
    show = plain if style == "markdown" else one_line
    bullet, indent = ("- ", "  - ") if style == "markdown" else ("", "  ")
    lines = []
    for one, wrong in found:
        status = "NOT VERIFIED" if wrong else "verified"
        lines.append(f"{bullet}{one.environment} {one.number}  {one.release[7:19]}  {status}")
        lines += [f"{indent}{show(problem)}" for problem in wrong]
    return "\n".join([*lines, ""])


def _data(one: Deployed, wrong: tuple[str, ...]) -> dict[str, object]:
    return {
        "environment": one.environment,
        "number": one.number,
        "release": one.release,
        "commit": one.commit,
        "source_commit": one.record.source_commit,
        "restores": one.record.restores,
        "signed": one.statement is not None,
        "verified": not wrong,
        "problems": list(wrong),
    }
