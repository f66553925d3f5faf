"""Each action reads the event and the token from a workflow's environment (GITHUB_*); `sluice forge ACTION --help`.

comment   bring the pull request to one report, from the finished run's artifact
check     post the check run `sluice` on the judged commit
command   read a comment as a command: authorise it, react, and say what the next job must do
overlay   put a pull request's prompts, datasets and suites over this checkout of main, as data
nightly   open, update or close the one issue about main
annotate  print annotations for the changed lines of prompts (no token needed)
"""

from __future__ import annotations

import argparse

from sluice.cli.options import add_root
from sluice.errors import ExitCode

ACTIONS = {
    "comment": "Bring the pull request to one report, from the finished run's artifact.",
    "check": "Post the check run `sluice` on the judged commit.",
    "command": "Read a comment as a command: authorise it, react, and say what the next job must do.",
    "overlay": "Put a pull request's prompts, datasets and suites over this checkout of main, as data.",
    "nightly": "Open, update or close the one issue about main.",
    "annotate": "Print annotations for the changed lines of prompts; needs no token.",
}
FINISHED = ("success", "failure", "cancelled", "skipped")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    added = {name: actions.add_parser(name, description=about) for name, about in ACTIONS.items()}
    for name in ("comment", "check"):
        _report_arguments(added[name])
    _command_arguments(added["command"])
    overlay = added["overlay"]
    overlay.add_argument(
        "--head", required=True, metavar="SHA", help="the pull request's commit, as `command` wrote it"
    )
    add_root(overlay)
    nightly = added["nightly"]
    nightly.add_argument("--judgement", metavar="FILE", help="what the night's eval stored; without it: it stored none")
    nightly.add_argument(
        "--failed", action="append", default=[], metavar="NAME", help="something else of the night that failed"
    )
    annotate = added["annotate"]
    annotate.add_argument("file", nargs="?", help="a stored judgement (default: the last one)")
    add_root(annotate)


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--judgement", metavar="FILE", help="read this instead of the run's artifact (after a command)")
    parser.add_argument("--head", metavar="SHA", help="the judged commit (after a command, as `command` wrote it)")
    add_root(parser)


def _command_arguments(parser: argparse.ArgumentParser) -> None:
    later = parser.add_mutually_exclusive_group()
    later.add_argument("--accept", action="store_true", help="carry out an /accept: sign it and store it")
    later.add_argument("--finish", choices=FINISHED, help="say how the job that the command asked for ended")
    parser.add_argument("--days", type=int, default=30, metavar="N", help="an acceptance holds so long (default: 30)")
    add_root(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Carry out one action; what it did, or why it did nothing, is printed."""
    if arguments.action in ("comment", "check"):
        from sluice.cli.forge_report import check, comment

        return comment(arguments) if arguments.action == "comment" else check(arguments)
    if arguments.action in ("command", "overlay"):
        from sluice.cli.forge_commands import command, overlay

        return command(arguments) if arguments.action == "command" else overlay(arguments)
    from sluice.cli.forge_notices import annotate, nightly

    return nightly(arguments) if arguments.action == "nightly" else annotate(arguments)
