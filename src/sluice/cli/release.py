"""Releases main's newest judged commit: one signed commit on deploy/ENV with lock, bundle and rendered manifests.

Refused, with every reason, unless evidence allows exactly this lock. With --push a release that somebody else's
overtook is planned again on top of it. Signed with the key in SLUICE_EVIDENCE_KEY, without which it is not pushed.
"""

from __future__ import annotations

import argparse

from sluice.cli.options import add_format, add_root, repository
from sluice.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("environment", metavar="ENV", help="a directory of infra/overlays with an environment.yaml")
    parser.add_argument("--commit", metavar="REV", help="release this commit of main (default: the newest judged one)")
    parser.add_argument("--first-by", metavar="NAME", help="who names the first release; one of the approvers")
    parser.add_argument("--anchor-by", metavar="NAME", help="who makes this release the reference for later ones")
    parser.add_argument("--expect", metavar="DIGEST", help="refuse anything but the release that was approved")
    parser.add_argument("--again", action="store_true", help="release what the last rollback turned back from")
    parser.add_argument("--dry-run", action="store_true", help="say what would be released, and write nothing")
    parser.add_argument("--push", action="store_true", help="fetch first, and bring the release to origin")
    parser.add_argument("--over-unverified", action="store_true", help="build on a newest release that does not verify")
    parser.add_argument("--unsigned", action="store_true", help="push a release that will not verify; for emergencies")
    add_root(parser)
    add_format(parser, "github")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Plan, and write what is allowed."""
    from sluice.cli.releasing import released
    from sluice.rollout.planning import Wish

    wish = Wish(
        environment=arguments.environment,
        commit=arguments.commit,
        first_by=arguments.first_by,
        anchor_by=arguments.anchor_by,
        expect=arguments.expect,
        again=arguments.again,
        over_unverified=arguments.over_unverified,
    )
    return released(
        repository(arguments).root,
        wish,
        push=arguments.push,
        dry_run=arguments.dry_run,
        style=arguments.format,
        unsigned=arguments.unsigned,
    )
