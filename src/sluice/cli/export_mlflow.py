"""The export to an MLflow tracker: a run for the change, nested runs for its suites."""

from __future__ import annotations

import argparse
import os

from sluice.cli.exporting import shown_judgement
from sluice.cli.options import repository
from sluice.digest import digest, digest_bytes
from sluice.errors import ExitCode, UsageError
from sluice.interchange.exported import chosen_suites
from sluice.interchange.mlflow import track
from sluice.interchange.tracked import change, suite_run
from sluice.report.json import to_json
from sluice.report.markdown import to_markdown

URI_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT = "sluice"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a tracker."""
    parser.add_argument("--tracking-uri", metavar="URI", help=f"a server, or sqlite:///FILE (default: ${URI_VARIABLE})")
    parser.add_argument("--experiment", default=EXPERIMENT, metavar="NAME", help=f"default: {EXPERIMENT}")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Write what is not there yet, and say where it is."""
    uri = arguments.tracking_uri or os.environ.get(URI_VARIABLE)
    if not uri:
        raise UsageError(f"no tracker is named: --tracking-uri URI, or {URI_VARIABLE}")
    judgement = shown_judgement(repository(arguments), arguments)
    suites = chosen_suites(judgement, arguments.suites)
    stored = b"".join(to_json(judgement)) + b"\n"
    artifacts = {"judgement.json": stored, "report.md": to_markdown(judgement).encode()}
    written = track(
        uri,
        arguments.experiment,
        digest({"judgement": digest_bytes(stored), "suites": [suite.name for suite in suites]}),
        change(judgement, suites, artifacts),
        [suite_run(judgement, suite) for suite in suites],
    )
    state = "wrote" if written.new else "is there already:"
    print(f"{state} run {written.run} of experiment {written.experiment} ({arguments.experiment})")
    return ExitCode.OK
