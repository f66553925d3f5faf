"""promptfoo: prompts, tests and deterministic assertions become a prompt, a dataset and a suite. What cannot be
kept is refused with file, test and reason; nothing is written then.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sluice.cli.options import add_root, repository
from sluice.cli.writing import write_new
from sluice.errors import ExitCode, InvalidFiles
from sluice.interchange.promptfoo import import_config
from sluice.report.findings import finding_line
from sluice.scaffold import refuse_unusable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("kind", choices=("promptfoo",), help="which tool's configuration")
    parser.add_argument("file", help="the configuration file")
    parser.add_argument("--name", help="how the dataset is named, and the prompts begin (default: as the file)")
    parser.add_argument(
        "--allow-code", action="store_true", help="take over Python of `python` assertions as evals/<suite>.py, unread"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be written, and write nothing")
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Import; exit 3 with findings where something cannot be kept."""
    repo = repository(arguments)
    if arguments.name is not None:
        refuse_unusable(arguments.name)
    imported = import_config(Path(arguments.file), repo.root, name=arguments.name, allow_code=arguments.allow_code)
    errors = [finding for finding in imported.findings if finding.severity == "error"]
    if errors:
        raise InvalidFiles(imported.findings)
    for finding in imported.findings:
        print(finding_line(finding))
    write_new(repo.root, imported.files, dry_run=arguments.dry_run, option="--name")
    print("next: `sluice check` says what these files still need (more cases, a licence, what they are held out from)")
    return ExitCode.OK
