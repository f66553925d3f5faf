"""How the base prompt's results move under edited cases or assertions: the first step of GATE 12."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from sluice.assertions import Subject
from sluice.cache import CompletionCache
from sluice.catalog import Catalog
from sluice.digest import digest
from sluice.providers.base import Completion, Outcome, Request, Wanted
from sluice.results import CaseInfo, CaseResult
from sluice.runner.judging import Judge, Judging, probe_of
from sluice.runner.paired import PairedRun
from sluice.runner.requests import render_request, retriever_of, with_passages
from sluice.runner.scoring import Scorer, cases_of, load_code
from sluice.schema import Price

_FLIPS_A_LINE = 8
_MOST_FLIPS = 40
"""How many flips of a judge are told one by one."""


def verdict_moves(
    base: Catalog, run: PairedRun, cache: CompletionCache, judges: Mapping[str, Judge], relative: Collection[str]
) -> tuple[str, ...]:
    """Return, in words, how the base prompt fares on its old cases, by its old judges, and on the new ones.

    `relative` metrics compare both sides, and say nothing of how base moves.
    """
    suite = run.task.suite
    old_suite = base.suites[suite].value
    retriever = retriever_of(base, base.prompt(old_suite.prompt).value, old_suite)
    old_cases = {case.id: with_passages(case, retriever) for case in cases_of(base, old_suite)}
    last = len(run.plan.looks) - 1
    results = [one for one in run.run("base", run.cases(last)).cases if one.output is not None]
    new_states = {one.case: _state(one, relative) for one in results}
    shared = {name: case for name, case in old_cases.items() if name in new_states and isinstance(case, CaseInfo)}
    scorer = Scorer(old_suite, load_code(base, suite))
    outcomes = _old_outcomes(shared, scorer.wants, run, cache)
    judging = Judging(suite, judges, run.execution.outcomes)
    run.judgings.append(judging)
    answered = {name: case for name, case in shared.items() if name in outcomes}
    probes = [
        probe_of(assertion, Subject(answer.text, case.row))
        for name, case in answered.items()
        if isinstance(answer := outcomes[name], Completion)
        for assertion in scorer.judged_in(case.row)
    ]
    judging.settle(run.execution, probes, run.judge_room)
    old = {
        name: scorer.score(case, 0, "", outcomes[name], called=False, price=Price(), ask=judging.ask)
        for name, case in answered.items()
    }
    old_states = {name: result.state for name, result in old.items()}
    words = _words(old_states, new_states, set(old_cases), {case.id for case in run.task.cases})
    judged = [metric for metric in old_suite.judged if metric not in relative]
    new = {one.case: one for one in results if one.repeat == 0}
    return (*words, *(line for metric in judged for line in _flips(metric, old, new)))


def _flips(metric: str, old: Mapping[str, CaseResult], new: Mapping[str, CaseResult]) -> Iterator[str]:
    """Yield which verdicts of a judged metric flip on base's own outputs: the old judge's against the new one's."""
    words = {True: "pass", False: "fail"}
    both = [
        (name, before.metrics[metric].passed, new[name].metrics[metric].passed)
        for name, before in old.items()
        if metric in before.metrics and name in new and metric in new[name].metrics
    ]
    flips = [f"{name} {words[was]} -> {words[now]}" for name, was, now in both if was != now]
    yield f"{metric}, old judge against new on base's outputs: {len(flips)} of {len(both)} verdicts flip"
    for start in range(0, min(len(flips), _MOST_FLIPS), _FLIPS_A_LINE):
        yield f"{metric} flips: {', '.join(flips[start : start + _FLIPS_A_LINE])}"
    if len(flips) > _MOST_FLIPS:
        yield f"{metric} flips: {len(flips) - _MOST_FLIPS} more"


def _state(result: CaseResult, relative: Collection[str]) -> str:
    """Return a result's state by itself: what compares it with the other side's says nothing of how it moved."""
    if result.state not in ("pass", "fail"):
        return result.state
    own = [score.passed for metric, score in result.metrics.items() if metric not in relative]
    return "pass" if all(own) else "fail"


def _old_outcomes(
    cases: Mapping[str, CaseInfo], wants: tuple[Wanted, ...], run: PairedRun, cache: CompletionCache
) -> dict[str, Outcome]:
    """Answer the old rows with the base prompt; rows whose request did not change are answered already."""
    side = run.task.side("base")
    requests: dict[str, Request] = {}
    for name, case in cases.items():
        request = render_request(side.prompt, case.row, 0, wants)
        if isinstance(request, Request):
            requests[name] = request
    keys = {name: digest([side.closure.model, request.digest()]) for name, request in requests.items()}
    known: dict[str, Outcome] = {**cache.get(keys.values()), **run.execution.outcomes}
    missing = [name for name in requests if keys[name] not in known]
    if missing:
        provider = side.open()
        size = provider.batch_size
        groups = [missing[start : start + size] for start in range(0, len(missing), size)]
        answered = provider.run([[requests[name] for name in group] for group in groups])
        for index, answers in chain.from_iterable(answered):
            fresh = {keys[name]: answer for name, answer in zip(groups[index], answers, strict=True)}
            cache.put({key: answer for key, answer in fresh.items() if isinstance(answer, Completion)})
            known.update(fresh)
    return {name: known[keys[name]] for name in requests}


def _words(old: Mapping[str, str], new: Mapping[str, str], before: set[str], after: set[str]) -> list[str]:
    both = [name for name in old if name in new]
    to_fail = sum(old[name] == "pass" and new[name] == "fail" for name in both)
    to_pass = sum(old[name] == "fail" and new[name] == "pass" for name in both)
    words = [f"the base prompt on {len(both)} shared cases: {to_fail} pass -> fail, {to_pass} fail -> pass"]
    if after - before:
        words.append(_told(len(after - before), "new"))
    if before - after:
        words.append(_told(len(before - after), "gone"))
    return words


def _told(count: int, became: str) -> str:
    return f"1 case is {became}" if count == 1 else f"{count} cases are {became}"
