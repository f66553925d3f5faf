"""Exports that are one file: to `--output`, or to standard output."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import cast

from sluice.cli.delivery import DeliveringStream
from sluice.cli.exporting import add_side, chosen_runs, shown_judgement
from sluice.cli.options import repository
from sluice.cli.writing import refuse_unwritable, write_whole
from sluice.errors import ExitCode

ENCODERS = {"junit": "junit", "csv": "comma_separated", "parquet": "parquet"}
"""Format -> the module of `interchange` whose `encode` writes it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a file."""
    add_side(parser)
    parser.add_argument("--output", metavar="FILE", default="-", help="where to write it (default: -, standard output)")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Encode the runs and write them."""
    output = None if arguments.output == "-" else Path(arguments.output)
    if output is not None:
        refuse_unwritable(output)
    runs = chosen_runs(shown_judgement(repository(arguments), arguments), arguments)
    data: bytes = importlib.import_module(f"sluice.interchange.{ENCODERS[arguments.kind]}").encode(runs)
    if output is not None:
        write_whole(output, [data])
    else:
        cast(DeliveringStream, sys.stdout).write_bytes(data)
    return ExitCode.OK
