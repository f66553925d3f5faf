"""Reads the judgement of the last `sluice eval`, or a file that `sluice eval --output` wrote. Runs nothing."""

from __future__ import annotations

import argparse

from sluice.cli.judging import show
from sluice.cli.options import add_format, add_root, count, repository
from sluice.cli.stored import read_judgement
from sluice.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("file", nargs="?", help="a stored judgement (default: the last one)")
    parser.add_argument("--cases", type=count, default=3, metavar="N", help="show N of the worst cases (default: 3)")
    add_root(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the judgement; exit 0, whatever its verdict."""
    show(read_judgement(repository(arguments), arguments.file), arguments)
    return ExitCode.OK
