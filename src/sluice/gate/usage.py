"""What judging a suite spent and saved."""

from __future__ import annotations

from sluice.compare import Comparison
from sluice.gate.judgement import Usage
from sluice.runner.paired import PairedRun
from sluice.runner.scoring import cost_of


def usage_of(run: PairedRun, comparison: Comparison) -> Usage:
    """Count the run's calls, what was reused, tokens and money.

    A run is one journal: what an interrupted process or a shard did counts like what this process did, so that the
    same state gives the same report.
    """
    tally = run.execution.tally
    # A suite without a base is paired with itself: each of its results counts once.
    results = list({id(one): one for pair in comparison.pairs for one in (*pair.base, *pair.head)}.values())
    called = [result for result in results if result.called]
    judged = [one for judging in run.judgings for one in judging.spent(run.execution.called)]
    tokens = [(one.prompt_tokens or 0, one.completion_tokens or 0) for one in called]
    tokens += [(answer.prompt_tokens or 0, answer.completion_tokens or 0) for answer, _ in judged]
    return Usage(
        calls=tally.calls + tally.journalled,
        reused=tally.reused,
        shared=sum(not result.called and result.request in run.execution.called for result in results),
        retries=tally.retries,
        prompt_tokens=sum(prompt for prompt, _ in tokens),
        completion_tokens=sum(completion for _, completion in tokens),
        cost=sum(result.cost or 0.0 for result in called) + sum(cost_of(*one) or 0.0 for one in judged),
        seconds=tally.seconds + tally.seconds_before,
    )
