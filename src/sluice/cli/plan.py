"""Affected suites by closure digest, with calls, tokens, money, and the drop that each metric could see."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from sluice.cli.judging import refuse_invalid
from sluice.cli.options import add_format, add_root, add_sides, repository, sides
from sluice.errors import ExitCode
from sluice.gate.changes import Change, find_changes
from sluice.gate.forecast import SuiteForecast, forecast


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("suites", nargs="*", help="only these suites (default: all)")
    add_sides(parser)
    add_root(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the plan; it runs nothing."""
    base, head = sides(repository(arguments), arguments)
    refuse_invalid(head)
    change = find_changes(base, head, arguments.suites)
    suites = forecast(base, head, change)
    if arguments.format == "json":
        print(json.dumps({"format": 1, "affected": [asdict(one) for one in suites],
                          "unaffected": change.unaffected, "edits": change.edits}, indent=2))  # fmt: skip
    else:
        print("\n".join(_lines(change, suites, bullet="- " if arguments.format == "markdown" else "  ")))
    return ExitCode.OK


def _lines(change: Change, suites: Sequence[SuiteForecast], bullet: str) -> list[str]:
    lines = [*change.edits, *change.problems]
    for suite in suites:
        lines.append(f"{suite.suite}: {suite.cases} cases on {suite.engine}; changed: {', '.join(suite.why)}")
        money = f", at most ${suite.cost:.2f}" if suite.cost else ""
        lines.append(f"{bullet}at most {suite.calls} calls, about {suite.prompt_tokens:,} prompt tokens{money}")
        lines += [
            f"{bullet}{one.metric}: {one.cases} cases can see a drop of {one.detectable * 100:.1f} points; "
            f"an unchanged prompt passes the margin of {one.margin * 100:g} points with {one.chance_to_pass:.0%}"
            for one in suite.metrics
        ]
    if change.unaffected:
        lines.append(f"not affected: {', '.join(change.unaffected)}")
    return lines or ["no suites here"]
