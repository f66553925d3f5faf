"""How the base prompt's results move under edited cases or assertions: the first step of GATE 12."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain

from sluice.cache import CompletionCache
from sluice.catalog import Catalog
from sluice.digest import digest
from sluice.providers.base import Completion, Outcome, Provider, Request, Wanted
from sluice.results import CaseInfo
from sluice.runner.paired import PairedRun
from sluice.runner.requests import render_request, retriever_of, with_passages
from sluice.runner.scoring import Scorer, cases_of, load_code
from sluice.schema import Price


def verdict_moves(
    base: Catalog, head: Catalog, suite: str, run: PairedRun, cache: CompletionCache, provider: Callable[[], Provider]
) -> tuple[str, ...]:
    """Return, in words, how the base prompt fares on its old cases and on the new ones."""
    old_suite = base.suites[suite].value
    retriever = retriever_of(base, base.prompt(old_suite.prompt).value, old_suite)
    old_cases = {case.id: with_passages(case, retriever) for case in cases_of(base, old_suite)}
    last = len(run.plan.looks) - 1
    new_states = {
        result.case: result.state for result in run.run("base", run.cases(last)).cases if result.output is not None
    }
    shared = {name: case for name, case in old_cases.items() if name in new_states and isinstance(case, CaseInfo)}
    scorer = Scorer(old_suite, load_code(base, suite))
    outcomes = _old_outcomes(shared, scorer.wants, run, cache, provider)
    old_states = {
        name: scorer.score(case, 0, "", outcomes[name], called=False, price=Price()).state
        for name, case in shared.items()
        if name in outcomes
    }
    return tuple(_words(old_states, new_states, set(old_cases), {case.id for case in run.task.cases}))


def _old_outcomes(
    cases: Mapping[str, CaseInfo],
    wants: tuple[Wanted, ...],
    run: PairedRun,
    cache: CompletionCache,
    provider: Callable[[], Provider],
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
        size = provider().batch_size
        groups = [missing[start : start + size] for start in range(0, len(missing), size)]
        answered = provider().run([[requests[name] for name in group] for group in groups])
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
