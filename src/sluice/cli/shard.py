"""`eval --shard I/N`: answers one part of an eval, for a matrix of jobs or an indexed Kubernetes Job."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict

from sluice.cli.judging import checked_sides, watching
from sluice.cli.options import Repository, suite_names
from sluice.cli.serving import servers_of
from sluice.errors import ExitCode, UsageError
from sluice.gate.changes import find_changes
from sluice.gate.sharded import Answered, answer_part
from sluice.report.numbers import counted
from sluice.runner.plan import Part

FORMAT = 1
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
"""Where an indexed Kubernetes Job says which of its pods this is, from 0."""
_MOST = 1000


def add_shard(parser: argparse.ArgumentParser) -> None:
    """Add `--shard`."""
    parser.add_argument(
        "--shard",
        type=_part,
        metavar="I/N",
        help="answer part I of N and judge nothing; sluice merge joins the parts "
        f"(job/N: the part of this pod of an indexed Kubernetes Job, {INDEX_VARIABLE} + 1)",
    )


def run_shard(repo: Repository, arguments: argparse.Namespace) -> ExitCode:
    """Answer a part and say what there is of it; errors are answers of a kind, and are judged with the others."""
    _refuse_contradictions(arguments)
    base, head = checked_sides(repo, arguments)
    with servers_of(arguments) as connect:
        from sluice.cli.proving import needs_proof, reuse_evidence

        unproven = needs_proof(repo, base, arguments)
        change = find_changes(base, head, suite_names(arguments), unproven=unproven)
        reuse_evidence(repo, base, head, change, arguments)
        with watching() as watcher:
            done = answer_part(
                *(base, head, change, repo.state, watcher, arguments.shard),
                complete=arguments.complete,
                connect=connect,
            )
    print(_rendered(arguments.shard, done, arguments.format))
    return ExitCode.OK


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    options = {
        "--stored": arguments.stored,
        "--retry-errors": arguments.retry_errors,
        "--output": arguments.output,
    }
    said = [option for option, given in options.items() if given]
    if said:
        raise UsageError(f"--shard judges nothing and asks a part; {', '.join(said)} is for what was merged")


def _rendered(part: Part, done: Sequence[Answered], style: str) -> str:
    if style == "json":
        suites = [asdict(one) for one in done]
        return json.dumps({"format": FORMAT, "shard": part.number, "shards": part.count, "suites": suites}, indent=2)
    lines = [f"shard {part}, {one.suite}: {counted(one.calls, 'call')}, {_errors(one)}" for one in done]
    bullet = "- " if style == "markdown" else ""
    return "\n".join(f"{bullet}{line}" for line in lines or [f"shard {part}: nothing is affected"])


def _errors(one: Answered) -> str:
    return f"{counted(one.errors, 'error')}" if one.errors else "all answered"


def _part(text: str) -> Part:
    """Read I/N, both from 1 on, or job/N."""
    number, slash, count = text.partition("/")
    if number == "job":
        index = os.environ.get(INDEX_VARIABLE, "")
        if not _whole(index):
            raise argparse.ArgumentTypeError(f"{INDEX_VARIABLE} is {index!r}: this is no pod of an indexed Job")
        number = str(int(index) + 1)
    if not slash or not _whole(number) or not _whole(count) or not 1 <= int(number) <= int(count) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no part, such as 2/4 (of {_MOST} at most) or job/4")
    return Part(int(number), int(count))


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit()
