"""Resumable: an interrupted training goes on from its last checkpoint. Writes weights, digests and the model card."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from sluice.cli.options import add_root, repository
from sluice.errors import ExitCode

if TYPE_CHECKING:
    from sluice.training import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("model", help="the model's name")
    parser.add_argument("--steps", type=int, metavar="N", help="stop after N steps (to try a recipe)")
    parser.add_argument("--datasets", action="store_true", help="write the recipe's datasets again instead of training")
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Train, or write the datasets, with progress on standard error."""
    from sluice import training
    from sluice.training import datasets

    repo = repository(arguments)
    if arguments.datasets:
        for path in datasets.write(repo.root):
            print(path)
        return ExitCode.OK
    result = training.train(repo.root, arguments.model, report=_report, steps=arguments.steps)
    state = "trained" if result.finished else "stopped"
    print(f"{state} at step {result.steps}: {result.folder.relative_to(repo.root)}, {result.digest}")
    return ExitCode.OK


def _report(progress: Progress) -> None:
    minutes = progress.seconds_left / 60
    print(
        f"{progress.stage} {progress.step}/{progress.steps}  loss {progress.loss:.3f}  "
        f"accuracy {progress.accuracy:.1%}  {progress.tokens_per_second:,.0f} tokens/s  {minutes:.0f} min left",
        file=sys.stderr,
        flush=True,
    )
