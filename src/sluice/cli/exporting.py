"""What every export shares: the runs that are asked for, without what may not be shown."""

from __future__ import annotations

import argparse
import sys

from sluice.cli.options import Repository
from sluice.cli.stored import read_judgement
from sluice.gate.judgement import Judgement
from sluice.interchange.exported import ExportedRun, exported_runs
from sluice.report.privacy import shown_to
from sluice.results import SIDES


def add_side(parser: argparse.ArgumentParser) -> None:
    """Add `--side`, for formats that tell of runs one by one."""
    parser.add_argument(
        "--side", choices=("base", "head", "both"), default="head", help="whose results (default: head)"
    )


def shown_judgement(repo: Repository, arguments: argparse.Namespace) -> Judgement:
    """Return the judgement that is meant, as far as its cards allow."""
    return shown_to(read_judgement(repo, arguments.file), "public" if arguments.public else "private")


def chosen_runs(judgement: Judgement, arguments: argparse.Namespace) -> list[ExportedRun]:
    """Return the runs that `--suite` and `--side` choose; say on standard error where there is none."""
    sides = SIDES if arguments.side == "both" else (arguments.side,)
    runs = exported_runs(judgement, sides, arguments.suites)
    if not runs:
        why = "it judged no suite" if not judgement.suites else "its suites are new and have no base"
        print(f"sluice: the judgement holds no such run: {why}", file=sys.stderr)
    return runs
