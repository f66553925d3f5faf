"""What judging a suite may ask of a model, before anything is asked: the requests, and which suites share some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sluice.assertions import wanted
from sluice.catalog import Catalog
from sluice.digest import digest
from sluice.gate.changes import Affected, mixed
from sluice.providers.base import Request
from sluice.results import CaseInfo
from sluice.runner.closure import Closure
from sluice.runner.plan import PlannedSide, collect_calls
from sluice.runner.requests import render_request, retriever_of, with_passages
from sluice.runner.scoring import cases_of, repeats_of


@dataclass(frozen=True, slots=True)
class Upcoming:
    """One affected suite with its cases and every request that judging it may make, by completion key."""

    affected: Affected
    cases: tuple[CaseInfo, ...]
    requests: Mapping[str, Request]


def upcoming(base: Catalog | None, head: Catalog, affected: Affected) -> Upcoming:
    """Render both sides, and base's old rows where head edits how outputs are judged (GATE 12); call nothing."""
    suite = head.suites[affected.name].value
    cases = cases_of(head, suite)
    prompt = head.prompt(suite.prompt).value
    wants = wanted(suite.assertions)
    sides = [PlannedSide("head", prompt, affected.head, retriever_of(head, prompt, suite), wants)]
    old: Mapping[str, Request] = {}
    stochastic = prompt.parameters.stochastic
    if base is not None and affected.base_engine is not None:
        before = base.prompt(base.suites[affected.name].value.prompt).value
        under = mixed(base, affected.base_engine, head, affected.head)
        sides.insert(0, PlannedSide("base", before, under, retriever_of(base, before, suite), wants))
        stochastic = stochastic or before.parameters.stochastic
        old = _old_requests(base, under, {case.id for case in cases}) if affected.judged_anew else {}
    calls = collect_calls(sides, cases, repeats_of(suite, cases, stochastic))
    return Upcoming(affected, cases, {**calls.requests, **old})


def _old_requests(base: Catalog, under: Closure, kept: set[str]) -> Mapping[str, Request]:
    """Return what is asked to tell how base's results move: the base prompt on its old rows."""
    suite = base.suites[under.suite].value
    prompt = base.prompt(suite.prompt).value
    retriever = retriever_of(base, prompt, suite)
    wants = wanted(suite.assertions)
    found: dict[str, Request] = {}
    for case in cases_of(base, suite):
        asked = with_passages(case, retriever)
        if not isinstance(asked, CaseInfo) or case.id not in kept:
            continue
        request = render_request(prompt, asked.row, 0, wants)
        if isinstance(request, Request):
            found[digest([under.model, request.digest()])] = request
    return found


def shards(suites: Sequence[Upcoming]) -> tuple[tuple[Upcoming, ...], ...]:
    """Group the suites so that no request is made in two groups, in the order of their first suites.

    Suites that share a request share its one answer; apart they would each get an answer of their own, and two
    shards would not add up to the run that judges them together.
    """
    groups: list[list[Upcoming]] = []
    for suite in suites:
        keys = suite.requests.keys()
        joined = [group for group in groups if any(not keys.isdisjoint(one.requests) for one in group)]
        merged = sorted((one for group in joined for one in group), key=lambda one: one.affected.name)
        groups = [group for group in groups if group not in joined] + [[*merged, suite]]
    return tuple(tuple(group) for group in sorted(groups, key=lambda group: group[0].affected.name))
