"""Where an environment stands, in one screen: Git's wish, the cluster's truth, the evidence, and what differs.

The exit code is 0 where the wish runs and nothing differs, and 1 otherwise: a scheduled job needs nothing else.
"""

from __future__ import annotations

import argparse

from sluice.cli.clusters import add_cluster, cluster_of, deployed_of, problems_of, refuse_foreign
from sluice.cli.options import repository
from sluice.errors import ExitCode

PATIENCE = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_cluster(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Ask, and show."""
    from sluice.cli.rollout_text import screen
    from sluice.rollout.standing import standing
    from sluice.rollout.wish import evidence_of, wished

    root = repository(arguments).root
    deployed = deployed_of(root, arguments)
    cluster = cluster_of(arguments, PATIENCE)
    release = wished(deployed)
    refuse_foreign(root, cluster, release, arguments)
    found = standing(cluster, release)
    problems = problems_of(root, deployed)
    evidence = (*evidence_of(deployed), *(f"NOT VERIFIED: {one}" for one in problems))
    print(screen(found, cluster.address(), evidence, arguments.format), end="")
    return ExitCode.OK if found.state == "as wished" and not problems else ExitCode.GATE_NO
