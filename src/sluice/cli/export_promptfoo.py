"""promptfoo: a result file for `promptfoo import` and `promptfoo view`, or with --config a configuration."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import cast

from sluice.catalog import Catalog, WorkingTree, load
from sluice.cli.delivery import DeliveringStream
from sluice.cli.exporting import add_side, chosen_runs, shown_judgement
from sluice.cli.options import repository
from sluice.cli.writing import refuse_unwritable, write_whole
from sluice.errors import ExitCode, UsageError
from sluice.interchange.exported import ExportedRun
from sluice.interchange.promptfoo.exporting import ExportedCase, as_yaml, promptfoo_config, raw_prompt
from sluice.interchange.promptfoo.results import encode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of both files."""
    add_side(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--config", action="store_true", help="a configuration that judges the recorded outputs anew (one suite)"
    )
    what.add_argument("--live", action="store_true", help="a configuration that asks the model anew (one suite)")
    parser.add_argument("--output", metavar="FILE", default="-", help="where to write it (default: -, standard output)")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Write the result file or the configuration."""
    output = None if arguments.output == "-" else Path(arguments.output)
    if output is not None:
        refuse_unwritable(output)
    repo = repository(arguments)
    runs = chosen_runs(shown_judgement(repo, arguments), arguments)
    catalog = load(WorkingTree(repo.root)).require_valid()
    configured = arguments.config or arguments.live
    data = _config(catalog, runs, arguments.live) if configured else _results(catalog, runs)
    if output is not None:
        write_whole(output, [data])
    else:
        cast(DeliveringStream, sys.stdout).write_bytes(data)
    return ExitCode.OK


def _results(catalog: Catalog, runs: list[ExportedRun]) -> bytes:
    prompts = {
        run.suite: raw_prompt(catalog.prompts[run.prompt].value) if run.prompt in catalog.prompts else run.prompt
        for run in runs
    }
    return encode(runs, prompts)


def _config(catalog: Catalog, runs: list[ExportedRun], live: bool) -> bytes:
    if len(runs) != 1:
        raise UsageError("a configuration is of one suite and one side; choose them with --suite and --side")
    (run,) = runs
    if run.suite not in catalog.suites:
        raise UsageError(f"suite {run.suite} does not stand in this working tree any more")
    suite = catalog.suites[run.suite].value
    told = [(info, result) for info, result in run.results if result.repeat == 0]
    kept = [one for one in told if live or one[1].output]
    if len(kept) < len(told):
        print(f"sluice: {len(told) - len(kept)} cases without an output are left out", file=sys.stderr)
    cases = [ExportedCase(info.id, info.row, None if live else result.output) for info, result in kept]
    return as_yaml(promptfoo_config(run.suite, suite, catalog.prompts[suite.prompt].value, cases)).encode()
