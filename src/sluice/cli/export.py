"""Reads the judgement of the last `sluice eval`, or a file that `sluice eval --output` wrote. Runs nothing.
`sluice export FORMAT --help`.

junit     JUnit XML for the test view of a CI system: a test case for each case and repeat
csv       a table with a row for each case and repeat
parquet   the same table with types, for pyarrow, pandas, DuckDB and others
promptfoo a result file for `promptfoo view`, or a configuration
mlflow    a run of an MLflow tracker, with a nested run for each suite

What a dataset's card withholds from artifacts is in no export; --public withholds what it keeps from comments too.
"""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass
from types import ModuleType

from sluice.cli.options import add_root
from sluice.errors import ExitCode


@dataclass(frozen=True, slots=True)
class Format:
    """One format: the module of this package that has its `add_arguments` and `run`, and what it is in a line."""

    module: str
    summary: str


FORMATS = {
    "junit": Format("export_file", "JUnit XML for the test view of a CI system: a test case for each case and repeat."),
    "csv": Format("export_file", "A table with a row for each case and repeat, safe to open with a spreadsheet."),
    "parquet": Format("export_file", "The table of `csv` with a type for each column; needs pyarrow."),
    "promptfoo": Format("export_promptfoo", "A result file for `promptfoo view`, or a configuration."),
    "mlflow": Format("export_mlflow", "A run of an MLflow tracker, nested for each suite; needs mlflow-skinny."),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the formats and their options."""
    formats = parser.add_subparsers(dest="kind", required=True, metavar="FORMAT")
    for name, one in FORMATS.items():
        added = formats.add_parser(name, description=one.summary)
        added.add_argument("file", nargs="?", help="a stored judgement (default: the last one)")
        added.add_argument(
            "--suite", action="append", default=[], dest="suites", metavar="NAME", help="only this suite; repeatable"
        )
        added.add_argument("--public", action="store_true", help="for eyes outside: show outputs of public cards only")
        _module(one).add_arguments(added)
        add_root(added)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Export; exit 0, whatever the verdict."""
    return ExitCode(_module(FORMATS[arguments.kind]).run(arguments))


def _module(one: Format) -> ModuleType:
    return importlib.import_module(f"sluice.cli.{one.module}")
