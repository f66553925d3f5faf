"""Every rule has an id; findings say path:line:column, what was found, what was expected and what to do.

`--format github` prints them as workflow commands, which GitHub Actions shows on the lines of a pull request.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from sluice.checks import RULES, check
from sluice.cli.options import add_format, add_root, repository
from sluice.errors import ExitCode, Finding
from sluice.report.findings import finding_item, finding_line, tally


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_root(parser)
    add_format(parser, "github")
    parser.add_argument("--revision", metavar="REV", help="check a Git revision instead of the working tree")
    parser.add_argument("--rules", action="store_true", help="list every rule instead of checking")


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print all findings; exit 3 where one of them is an error."""
    if arguments.rules:
        _print_rules(arguments.format)
        return ExitCode.OK
    repo = repository(arguments)
    findings = check(repo.at(arguments.revision) if arguments.revision else repo.working())
    if arguments.format == "github":
        _annotate(findings)
    else:
        print(_rendered(findings, arguments.format), end="")
    return ExitCode.INVALID if any(finding.severity == "error" for finding in findings) else ExitCode.OK


def _annotate(findings: list[Finding]) -> None:
    from sluice.cli.guard import command
    from sluice.report.annotations import findings_lines

    for line in findings_lines(findings):
        (command if line.startswith("::") else print)(line)
    print(tally(findings))


def _print_rules(style: str) -> None:
    if style == "json":
        print(json.dumps({name: rule.title for name, rule in sorted(RULES.items())}, indent=2))
        return
    for name, rule in sorted(RULES.items()):
        print(f"- `{name}`: {rule.title}" if style == "markdown" else f"{name:34} {rule.title}")


def _rendered(findings: list[Finding], style: str) -> str:
    if style == "json":
        return json.dumps({"format": 1, "findings": [asdict(finding) for finding in findings]}, indent=2) + "\n"
    if not findings:
        return "no findings\n"
    if style == "markdown":
        return "\n".join([f"**{tally(findings)}**", "", *map(finding_item, findings), ""])
    return "\n".join([*map(finding_line, findings), tally(findings), ""])
