"""One part of an eval: a shard answers its share of each suite's planned calls, and judges nothing.

Every shard makes the whole plan, from the same files and the same cache, so the journals of all shards begin alike and
merge into the one that a run alone would have written.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sluice.cache import CompletionCache
from sluice.catalog import Catalog
from sluice.errors import CannotJudge
from sluice.gate.changes import Change
from sluice.gate.judge import Connect, Engines, Setting, task_of
from sluice.gate.upcoming import shards, upcoming
from sluice.providers.base import Failure
from sluice.runner.connect import connect
from sluice.runner.execute import Progress
from sluice.runner.paired import PairedRun
from sluice.runner.plan import Part


@dataclass(frozen=True, slots=True)
class Answered:
    """What a shard has of one suite: the calls of its part, how many have an answer, and how many an error."""

    suite: str
    calls: int
    answers: int
    errors: int


def answer_part(
    base: Catalog | None,
    head: Catalog,
    change: Change,
    state: Path,
    watcher: Progress,
    part: Part,
    *,
    complete: bool = False,
    connect: Connect = connect,
) -> tuple[Answered, ...]:
    """Answer one part of everything that the change affects; what its journals hold is not asked for again.

    Raises CannotJudge where two suites share requests: the second one's plan would need the answers of the first.
    """
    _refuse_shared(base, head, change)
    setting = Setting(base, head, state, complete, connect=connect)
    with ExitStack() as stack:
        cache = CompletionCache(state / "cache" / "completions.sqlite")
        stack.callback(cache.close)
        engines = Engines(setting)
        stack.callback(engines.close)
        tasks = [task_of(setting, engines, affected) for affected in change.affected]
        # All plans are made before the first call: no answer of this shard may shape the plan of another suite.
        runs = [stack.enter_context(PairedRun(task, state, cache, watcher, part)) for task in tasks]
        return tuple(_answer(run) for run in runs)


def _answer(run: PairedRun) -> Answered:
    run.run_part()
    outcomes = [run.execution.outcomes[key] for key in run.own]
    errors = sum(isinstance(outcome, Failure) for outcome in outcomes)
    return Answered(run.task.suite, len(outcomes), len(outcomes) - errors, errors)


def _refuse_shared(base: Catalog | None, head: Catalog, change: Change) -> None:
    if len(change.affected) < 2:
        return
    for group in shards([upcoming(base, head, affected) for affected in change.affected]):
        if len(group) > 1:
            first, *_, last = (one.affected.name for one in group)
            raise CannotJudge(
                f"{first} and {last} share requests, so they cannot be sharded together: shard one of them, merge, and "
                "shard the other on what was merged; or run both in one job (sluice plan groups them)"
            )
