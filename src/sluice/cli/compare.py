"""Shows every case of one kind of the last judgement (or of a file), with both outputs and their difference."""

from __future__ import annotations

import argparse

from sluice.cli.options import add_root, count, repository
from sluice.cli.stored import read_judgement
from sluice.compare import Change
from sluice.errors import ExitCode, UsageError, nearest

KINDS: tuple[Change, ...] = ("broken", "repaired", "changed", "error", "same")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("suite", nargs="?", help="only this suite")
    parser.add_argument("--only", choices=KINDS, action="append", help="which cases (default: broken and repaired)")
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="at most N cases a suite (default: 20)")
    parser.add_argument("--file", help="a stored judgement (default: the last one)")
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the cases; exit 0."""
    from sluice.cli.judging import terminal_style
    from sluice.report.terminal import cases_to_text

    judgement = read_judgement(repository(arguments), arguments.file)
    names = [suite.name for suite in judgement.suites]
    if arguments.suite and arguments.suite not in names:
        raise UsageError(f"the judgement has no suite {arguments.suite!r}; {nearest(arguments.suite, names)}")
    wanted = tuple(arguments.only or ("broken", "repaired"))
    width, colour = terminal_style()
    for suite in judgement.suites:
        if arguments.suite in (None, suite.name):
            print(cases_to_text(suite, wanted, limit=arguments.limit, width=width, colour=colour), end="")
    return ExitCode.OK
