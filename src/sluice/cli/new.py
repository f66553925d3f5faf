"""The file passes `sluice check` as it is; change it to what you need."""

from __future__ import annotations

import argparse

from sluice.cli.options import add_root, repository
from sluice.cli.writing import write_new
from sluice.errors import ExitCode
from sluice.scaffold import KINDS, scaffold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("name", help="lower case letters, digits, dots and dashes")
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Write the files."""
    repo = repository(arguments)
    write_new(repo.root, scaffold(arguments.kind, arguments.name, repo.working()))
    if arguments.kind == "suite":
        dataset = repo.working().suite(arguments.name).value.dataset
        if dataset != arguments.name:
            print(f"its cases are those of {dataset}, the first dataset with the fields that the prompt takes;")
            print(f"for others make a dataset (sluice new dataset {arguments.name}) and name it in the suite")
    return ExitCode.OK
