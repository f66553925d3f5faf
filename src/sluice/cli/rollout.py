"""Makes the newest release of deploy/ENV true in its cluster: applied in order, healthy, then pruned; or turned back.

One rollout runs at a time. Killed at any moment, the same command goes on. A release that does not become healthy is
turned back to the one that ran before, and the exit code is 1. A release that does not verify is not rolled out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.cli.clusters import Teller, add_cluster, cluster_of, deployed_of, problems_of, refuse_foreign, seconds, warn
from sluice.cli.options import count, repository
from sluice.errors import ExitCode

if TYPE_CHECKING:
    from sluice.rollout.branch import Deployed

PATIENCE = 120.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_cluster(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    parser.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help="how long it may take (default: as its manifests say)"
    )
    parser.add_argument(
        "--patience", type=seconds, default=PATIENCE, metavar="SECONDS",
        help=f"how long an absent API server is waited for (default: {PATIENCE:.0f})",
    )  # fmt: skip
    parser.add_argument(
        "--keep", type=count, default=5, metavar="N", help="of how many releases bundles are kept (default: 5)"
    )
    parser.add_argument("--unverified", action="store_true", help="roll out what does not verify; for emergencies")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Roll out, or say what would change."""
    from sluice.rollout.wish import wished

    root = repository(arguments).root
    deployed = deployed_of(root, arguments)
    release = wished(deployed)
    cluster = cluster_of(arguments, arguments.patience)
    if arguments.dry_run:
        from sluice.cli.rollout_text import planned
        from sluice.rollout.drift import drift
        from sluice.rollout.ledger import read

        refuse_foreign(root, cluster, release, arguments)
        cluster.require_kinds(release.objects)
        found = drift(cluster, release, read(cluster, release.namespace), arguments.keep)
        print(planned(release, found, arguments.format), end="")
        return ExitCode.OK
    if _refused(root, deployed, arguments):
        return ExitCode.GATE_NO
    from sluice.cli.rollout_text import ended
    from sluice.rollout.apply import Settings, rollout

    refuse_foreign(root, cluster, release, arguments)
    outcome = rollout(cluster, release, Teller(), Settings(timeout=arguments.timeout, keep=arguments.keep))
    print(ended(outcome, arguments.format), end="")
    return ExitCode.OK if outcome.healthy else ExitCode.GATE_NO


def _refused(root: Path, deployed: Deployed, arguments: argparse.Namespace) -> bool:
    """Say what does not verify; True where that stops the rollout."""
    found = problems_of(root, deployed)
    for problem in found:
        warn(f"release {deployed.number} of {deployed.environment} does not verify: {problem}")
    if found and not arguments.unverified:
        warn(
            f"nothing was rolled out; `sluice rollback {deployed.environment}` goes back to what verifies, "
            "--unverified rolls it out nevertheless"
        )
    return bool(found) and not arguments.unverified
