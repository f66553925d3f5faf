"""Brings an earlier release back, as a commit on deploy/ENV with the next number; history stays as it is.

Age plays no part: what was admitted once stays admitted. The cluster follows by pull, or by `sluice rollout ENV`.
"""

from __future__ import annotations

import argparse

from sluice.cli.options import add_root, repository
from sluice.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("environment", metavar="ENV", help="the environment that goes back")
    parser.add_argument("--to", metavar="RELEASE", help="a number or digest (default: the last that was different)")
    parser.add_argument("--push", action="store_true", help="fetch first, and bring the release to origin")
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Restore."""
    from sluice.cli.releasing import rolled_back

    return rolled_back(repository(arguments).root, arguments.environment, arguments.to, push=arguments.push)
