"""The exit code is the verdict's. --self-test redraws the stored comparison under known truths: an unchanged
head must not fail, a head at the margin must not pass, and a sabotage must fail.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from sluice.cli.options import add_format, add_root, count, repository
from sluice.cli.stored import read_judgement
from sluice.errors import CannotJudge, ExitCode
from sluice.gate.judgement import Judgement
from sluice.gate.self_test import SelfTest, self_test
from sluice.report.numbers import counted

_NOTHING_TO_REDRAW = "no blocking pass/fail metric has at least 50 compared cases and a flip: nothing to redraw"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("file", nargs="?", help="a stored judgement (default: the last one)")
    parser.add_argument("--self-test", action="store_true", help="test the gate on the stored comparison")
    parser.add_argument("--draws", type=count, default=500, metavar="N", help="draws of the self-test (default: 500)")
    add_root(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the verdict or the self-test; the exit code says it too."""
    judgement = read_judgement(repository(arguments), arguments.file)
    _refuse_foreign(judgement)
    if arguments.self_test:
        return _self_test(judgement, arguments)
    verdict = judgement.verdict
    if arguments.format == "json":
        print(json.dumps({"format": 1, "verdict": verdict.word, "reasons": verdict.reasons}, indent=2))
    else:
        print("\n".join([verdict.word, *(f"- {reason}" for reason in verdict.reasons)]))
    return verdict.exit_code


def _refuse_foreign(judgement: Judgement) -> None:
    """Another harness's run has no closure: whatever word its file holds, it decides nothing."""
    foreign = [
        suite.name for suite in judgement.suites if suite.comparison.head.foreign or suite.comparison.base.foreign
    ]
    if foreign:
        raise CannotJudge(f"{', '.join(foreign)}: another harness ran it, and no verdict may be taken from that")


def _self_test(judgement: Judgement, arguments: argparse.Namespace) -> ExitCode:
    tests = self_test(judgement, draws=arguments.draws)
    if arguments.format == "json":
        print(json.dumps({"format": 1, "tests": [asdict(test) for test in tests]}, indent=2))
    else:
        print("\n".join(map(_line, tests)) or _NOTHING_TO_REDRAW)
    if not tests:
        return ExitCode.CANNOT_JUDGE
    return ExitCode.OK if all(test.honest for test in tests) else ExitCode.GATE_NO


def _line(test: SelfTest) -> str:
    mark = "ok  " if test.honest else "BAD "
    return (
        f"{mark}{test.suite} {test.metric}: {counted(test.cases, 'case')}, {test.discordance:.0%} flips; "
        f"false fail {test.false_fail:.1%}, false pass {test.false_pass:.1%}, "
        f"-10 points failed {test.power:.1%} (stated {test.stated_power:.1%})"
    )
