"""Each DIR is the `.sluice` of a shard that ran `sluice eval SUITE` or `sluice eval --shard I/N`, or holds it.

Afterwards `sluice eval --stored` judges the change from what all shards answered, calls no model, and says what one run
would have said. Without `--stored` it asks for what no part of a suite can know to be missing: a base to sample anew,
pairs to time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.cli.options import add_root, repository
from sluice.errors import ExitCode
from sluice.report.numbers import counted
from sluice.runner.merge import merge


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("directories", nargs="+", metavar="DIR", help="the state of one shard")
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Merge and say what was new; exit 4, with nothing written, where two shards contradict each other."""
    done = merge([Path(name) for name in arguments.directories], repository(arguments).state)
    print(
        f"{counted(done.runs, 'run')} here now, {done.new_runs:,} of them merged; "
        f"{counted(done.new_completions, 'new answer')}. Next: sluice eval --stored"
    )
    return ExitCode.OK
