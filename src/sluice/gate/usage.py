"""What judging a suite spent and saved."""

from __future__ import annotations

from sluice.compare import Comparison
from sluice.gate.judgement import Usage
from sluice.runner.paired import PairedRun


def usage_of(run: PairedRun, comparison: Comparison) -> Usage:
    """Count the run's calls, what was reused, tokens and money.

    A run is one journal: what an interrupted process or a shard did counts like what this process did, so that the
    same state gives the same report.
    """
    tally = run.execution.tally
    # A suite without a base is paired with itself: each of its results counts once.
    results = list({id(one): one for pair in comparison.pairs for one in (*pair.base, *pair.head)}.values())
    called = [result for result in results if result.called]
    return Usage(
        calls=tally.calls + tally.journalled,
        reused=tally.reused,
        shared=sum(not result.called and result.request in run.execution.called for result in results),
        retries=tally.retries,
        prompt_tokens=sum(result.prompt_tokens or 0 for result in called),
        completion_tokens=sum(result.completion_tokens or 0 for result in called),
        cost=sum(result.cost or 0.0 for result in called),
        seconds=tally.seconds + tally.seconds_before,
    )
