"""What judging a suite spent and saved."""

from __future__ import annotations

from sluice.compare import Comparison
from sluice.gate.judgement import Usage
from sluice.runner.paired import PairedRun


def usage_of(run: PairedRun, comparison: Comparison) -> Usage:
    """Count this process's calls, what was reused, and the tokens and money of every call of the run."""
    tally = run.execution.tally
    results = [result for pair in comparison.pairs for result in (*pair.base, *pair.head)]
    called = [result for result in results if result.called]
    return Usage(
        calls=tally.calls,
        reused=tally.reused + tally.journalled,
        shared=sum(not result.called and result.request in run.execution.called for result in results),
        retries=sum(max(0, result.attempts - 1) for result in called),
        prompt_tokens=sum(result.prompt_tokens or 0 for result in called),
        completion_tokens=sum(result.completion_tokens or 0 for result in called),
        cost=sum(result.cost or 0.0 for result in called),
        seconds=tally.seconds,
    )
