"""Reads the judgement of the last `sluice eval`, or a file that `sluice eval --output` wrote. Runs nothing.

`--summary` appends the report to the summary of a GitHub Actions step, which may hold one MiB.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from sluice.cli.judging import show
from sluice.cli.options import add_format, add_root, count, repository
from sluice.cli.stored import read_judgement
from sluice.errors import ExitCode, UsageError
from sluice.gate.judgement import Judgement

SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"
MOST_SUMMARY = 1_000_000
"""Bytes; a summary above one MiB is not shown at all."""
OPEN_CASES, COLLAPSED_CASES = 10, 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("file", nargs="?", help="a stored judgement (default: the last one)")
    parser.add_argument("--cases", type=count, default=3, metavar="N", help="show N of the worst cases (default: 3)")
    parser.add_argument("--summary", action="store_true", help=f"append it to ${SUMMARY_VARIABLE} instead of printing")
    add_root(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the judgement, or append it to the summary; exit 0, whatever its verdict."""
    judgement = read_judgement(repository(arguments), arguments.file)
    if arguments.summary:
        _summarise(judgement)
    else:
        show(judgement, arguments)
    return ExitCode.OK


def _summarise(judgement: Judgement) -> None:
    """Append as much of the report as the summary still holds."""
    from sluice.report.markdown import LEAST_BUDGET, to_markdown

    path = os.environ.get(SUMMARY_VARIABLE)
    if not path:
        raise UsageError(f"{SUMMARY_VARIABLE} is not set; --summary is for a step of GitHub Actions")
    try:
        with Path(path).open("ab") as file:
            room = MOST_SUMMARY - file.tell()
            if room <= LEAST_BUDGET:
                raise UsageError(f"the summary in {path} is full")
            text = to_markdown(judgement, budget=room - 1, cases=OPEN_CASES, collapsed=COLLAPSED_CASES)
            file.write(f"\n{text}".encode())
    except OSError as error:
        raise UsageError(f"cannot write {SUMMARY_VARIABLE}: {error}") from None
