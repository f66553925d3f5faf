"""What verbs that talk to a cluster share: options, the release that a deploy branch wishes, whether it verifies."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.cli.options import add_format, add_root
from sluice.errors import CannotJudge, UsageError
from sluice.report.visible import one_line

if TYPE_CHECKING:
    from sluice.rollout.branch import Deployed
    from sluice.rollout.cluster import Cluster
    from sluice.rollout.health import Health
    from sluice.rollout.release import Release


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the environment, and how its cluster is reached."""
    parser.add_argument("environment", metavar="ENV", help="the environment; its releases lie on deploy/ENV")
    parser.add_argument("--kubeconfig", metavar="FILE", help="how to reach the cluster (default: as kubectl does)")
    parser.add_argument("--context", metavar="NAME", help="the context of the kubeconfig (default: the current one)")
    parser.add_argument("--kubectl", metavar="PROGRAM", default="kubectl", help="the kubectl to use (default: kubectl)")
    parser.add_argument("--any-cluster", action="store_true", help="go on where the cluster bears another one's name")
    parser.add_argument("--offline", action="store_true", help="take every branch as this clone knows it")
    add_root(parser)
    add_format(parser)


def seconds(text: str) -> float:
    """Read a number of seconds above 0; anything else is a usage error."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return number


def cluster_of(arguments: argparse.Namespace, patience: float) -> Cluster:
    """Return the cluster that the options name."""
    from sluice.rollout.cluster import Cluster

    return Cluster(arguments.kubectl, arguments.kubeconfig, arguments.context, patience=patience, tell=warn)


def refuse_foreign(root: Path, cluster: Cluster, release: Release, arguments: argparse.Namespace) -> None:
    """Raise UsageError where the cluster is another environment's, unless that is meant."""
    from sluice.cli.releasing import environments
    from sluice.rollout import belonging

    if not arguments.any_cluster:
        clusters = {name: entry.value.cluster for name, entry in environments(root).items()}
        belonging.refuse_foreign(cluster, release, clusters)


def deployed_of(root: Path, arguments: argparse.Namespace) -> Deployed:
    """Return the newest release of the environment; raise UsageError where there is none.

    Unless --offline it is fetched, and with it main and the evidence, which it is verified by.
    """
    from sluice.cli.releasing import learn
    from sluice.evidence.git import REMOTE, ask
    from sluice.rollout import branch as deploy

    name = arguments.environment
    if not arguments.offline and ask(root, "remote", "get-url", REMOTE).returncode == 0:
        learn(root, name)
        _refuse_lost(root, name)
    deployed = deploy.read(root, name)
    if deployed is None:
        _refuse_unknown(root, name)
        raise UsageError(
            f"nothing was released to {name!r} yet: there is no branch deploy/{name} (sluice release {name})"
        )
    return deployed


def _refuse_lost(root: Path, name: str) -> None:
    """A branch that only this clone has is no wish of anybody else's."""
    from sluice.evidence.git import REMOTE, tip
    from sluice.rollout import branch as deploy

    if tip(root, deploy.local_ref(name)) and not tip(root, deploy.tracked_ref(name)):
        raise UsageError(
            f"{REMOTE} has no deploy/{name}, and this clone has one: `git push {REMOTE} deploy/{name}` brings it "
            "there, --offline goes by what this clone knows"
        )


def _refuse_unknown(root: Path, name: str) -> None:
    from sluice.cli.releasing import main_catalog

    main = main_catalog(root)
    if main is not None and main.environments:
        main.environment(name)


def problems_of(root: Path, deployed: Deployed) -> tuple[str, ...]:
    """Return why a release does not verify; empty where it does."""
    from sluice.evidence.branch import Branch
    from sluice.evidence.keys import keys_of
    from sluice.rollout.verifying import problems

    try:
        keys = keys_of(root)
        with Branch(root) as evidence:
            return problems(root, deployed, evidence, keys)
    except CannotJudge as error:
        return (str(error),)


def warn(words: str) -> None:
    """Tell a person on standard error."""
    print(f"sluice: {words}", file=sys.stderr, flush=True)


class Teller:
    """Tells of a rollout on standard error: a line when something changes, none while nothing does."""

    def __init__(self) -> None:
        self._began, self._last = time.monotonic(), ""

    def said(self, words: str) -> None:
        """Something happened."""
        print(f"[{time.monotonic() - self._began:5.1f}s] {one_line(words)}", file=sys.stderr, flush=True)

    def waits(self, states: Sequence[Health]) -> None:
        """How far everything is."""
        from sluice.cli.rollout_text import progress

        words = progress(states)
        if words != self._last:
            self._last = words
            self.said(words)
