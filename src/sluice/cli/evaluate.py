"""Without options it judges the working tree against origin/main (or main): the one command a contributor needs.

Suites whose closure did not change are not run. The verdict's policy is the base's. Interrupted runs go on
where they stopped, and a judgement is kept for `sluice report`, `sluice gate` and `sluice compare`.
"""

from __future__ import annotations

import argparse

from sluice.cli.judging import add_judging_options, judge_change, keep, show
from sluice.cli.options import add_environment, add_format, add_root, add_sides, add_suites, repository
from sluice.cli.shard import add_shard, run_shard
from sluice.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_suites(parser, "all that are affected")
    add_sides(parser)
    add_judging_options(parser)
    add_shard(parser)
    add_environment(parser)
    add_root(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Judge, keep and print; the exit code is the verdict's."""
    repo = repository(arguments)
    if arguments.shard:
        return run_shard(repo, arguments)
    judgement = judge_change(repo, arguments)
    keep(repo, judgement, arguments.output)
    show(judgement, arguments)
    return judgement.verdict.exit_code
