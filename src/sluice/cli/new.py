"""The file passes `sluice check` as it is; change it to what you need. An environment is made like another one."""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.catalog import ENVIRONMENT_FILE, ENVIRONMENTS_DIRECTORY
from sluice.cli.options import Repository, add_root, repository
from sluice.cli.writing import write_new
from sluice.errors import ExitCode, UsageError
from sluice.scaffold import KINDS, scaffold

ENVIRONMENT = "environment"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("kind", choices=(*KINDS, ENVIRONMENT))
    parser.add_argument("name", help="lower case letters, digits, dots and dashes")
    parser.add_argument(
        "--like", metavar="ENV", help="the environment that a new one is made like (default: the first)"
    )
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Write the files."""
    repo = repository(arguments)
    if arguments.kind == ENVIRONMENT:
        return _environment(repo, arguments.name, arguments.like)
    if arguments.like:
        raise UsageError("--like is about environments")
    write_new(repo.root, scaffold(arguments.kind, arguments.name, repo.working()))
    if arguments.kind == "suite":
        dataset = repo.working().suite(arguments.name).value.dataset
        if dataset != arguments.name:
            print(f"its cases are those of {dataset}, the first dataset with the fields that the prompt takes;")
            print(f"for others make a dataset (sluice new dataset {arguments.name}) and name it in the suite")
    return ExitCode.OK


def _environment(repo: Repository, name: str, like: str | None) -> ExitCode:
    """Write an environment's directories; what it is for, and where, its owner says."""
    from sluice.adoption import overlays
    from sluice.adoption.answers import ANSWERS, stored

    write_new(repo.root, overlays.alike(repo.root, name, like))
    file = f"{ENVIRONMENTS_DIRECTORY}/{name}/{ENVIRONMENT_FILE}"
    print(f"now say in {file} what it is for, its cluster, prompts, capacity and approvers; then sluice check")
    if (Path(repo.root) / ANSWERS).is_file() and (adoption := stored(repo.root)):
        names = ",".join((*adoption.environments[:-1], name, *adoption.environments[-1:]))
        print(
            f"at the forge: sluice init --environments {names} (in the order of a roll-out), then sluice init --apply"
        )
    print(f"merge it, then: sluice release {name} --dry-run")
    return ExitCode.OK
