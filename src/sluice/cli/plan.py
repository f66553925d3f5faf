"""Affected suites by closure digest, with calls, time, money, and the drop that each metric could see.

As JSON it has what a workflow needs: `affected`, the `matrix` of shards (`sluice eval SHARD` runs one, `sluice merge`
joins them) and why the plan is refused. Calls, time and money are the most it takes; what the completion cache knows
is not counted. A plan above a budget ends with exit code 4. What a `private` suite answers (`outputs: none`) may not
lie in an artifact, so no shard runs it: whoever judges does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sluice.cache import CompletionCache
from sluice.catalog import Catalog
from sluice.cli.judging import refuse_invalid
from sluice.cli.options import Repository, add_format, add_root, add_sides, add_suites, repository, sides, suite_names
from sluice.errors import CannotJudge, ExitCode
from sluice.gate.allowance import Limits, refusals
from sluice.gate.changes import Change, find_changes
from sluice.gate.forecast import Effort, Forecast, Shard, SuiteForecast, forecast
from sluice.report.numbers import counted
from sluice.report.visible import escaped_line
from sluice.runner.requests import retriever_of

FORMAT = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_suites(parser, "all")
    add_sides(parser)
    limits = parser.add_argument_group("limits over all suites; an empty value is none")
    limits.add_argument("--budget-calls", type=_whole, metavar="N", help="refuse more calls than this")
    limits.add_argument("--budget-minutes", type=_amount, metavar="M", help="refuse more minutes than this")
    limits.add_argument("--budget-money", type=_amount, metavar="USD", help="refuse a higher price than this")
    parser.add_argument(
        "--github-output",
        action="store_true",
        help="write affected, environments, matrix, private and amounts to $GITHUB_OUTPUT too",
    )
    add_root(parser)
    add_format(parser)


def _whole(text: str) -> int | None:
    """Read a whole number from 0 on; a repository variable that nobody set is empty, and no limit."""
    if text and not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text) if text else None


def _amount(text: str) -> float | None:
    """Read a plain decimal from 0 on; an empty one is no limit."""
    if text and not (text.isascii() and text.replace(".", "", 1).isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 on")
    return float(text) if text else None


def run(arguments: argparse.Namespace) -> ExitCode:
    """Print the plan; it runs nothing. Exit 4 where a budget does not allow it."""
    repo = repository(arguments)
    base, head = sides(repo, arguments)
    refuse_invalid(head)
    change = find_changes(base, head, suite_names(arguments))
    told = _forecast(repo, base, head, change)
    limits = Limits(arguments.budget_calls, arguments.budget_minutes, arguments.budget_money)
    refused = refusals(told, limits, {name: entry.value.budget for name, entry in head.suites.items()})
    private = _private(head, *([base] if base else []), names=[one.suite for one in told.suites])
    if arguments.format == "json":
        print(json.dumps(as_json(change, told, refused, private), indent=2))
    else:
        print("\n".join(_lines(change, told, bullet="- " if arguments.format == "markdown" else "  ")))
    if arguments.github_output:
        _write_outputs(change, told, private, _environments(base, head))
    for reason in refused:
        print(f"sluice: {reason}", file=sys.stderr)
    return ExitCode.CANNOT_JUDGE if refused else ExitCode.OK


def _forecast(repo: Repository, base: Any, head: Any, change: Change) -> Forecast:
    """Look into the cache where there is one; a plan writes nothing, and does without one that it cannot read."""
    path = repo.state / "cache" / "completions.sqlite"
    if not path.is_file():
        return forecast(base, head, change)
    try:
        cache = CompletionCache.reading(path)
    except CannotJudge as problem:
        print(f"sluice: answers that are known are not counted: {problem}", file=sys.stderr)
        return forecast(base, head, change)
    try:
        return forecast(base, head, change, cache)
    finally:
        cache.close()


def _private(*catalogs: Catalog, names: Sequence[str]) -> frozenset[str]:
    """Return the suites whose outputs may be shown nowhere, by the strictest card of both sides."""
    return frozenset(name for name in names for one in catalogs if name in one.suites and _withheld(one, name))


def _withheld(catalog: Catalog, name: str) -> bool:
    suite = catalog.suites[name].value
    retriever = retriever_of(catalog, catalog.prompt(suite.prompt).value, suite)
    return "none" in (catalog.datasets[suite.dataset].value.shown_outputs, retriever.outputs if retriever else None)


def as_json(change: Change, told: Forecast, refused: Sequence[str], private: Collection[str]) -> dict[str, Any]:
    """Return the plan as JSON data."""
    return {
        "format": FORMAT,
        "affected": _affected(change),
        "suites": [asdict(one) for one in told.suites],
        "unaffected": change.unaffected,
        "edits": change.edits,
        "problems": change.problems,
        "effort": asdict(told.effort),
        "matrix": _matrix(told.shards, private),
        "private": sorted(private),
        "refused": refused,
    }


def _affected(change: Change) -> bool:
    """Tell whether there is anything to judge: a removed suite or a loosened gate is, though no model is asked."""
    return bool(change.affected or change.edits or change.problems)


def _matrix(shards: Sequence[Shard], private: Collection[str]) -> dict[str, Any]:
    open_ones = [one for one in shards if not set(private) & set(one.suites)]
    return {
        "include": [
            {"shard": number, "suite": ",".join(one.suites), **asdict(one.effort)}
            for number, one in enumerate(open_ones, 1)
        ]
    }


def _environments(base: Catalog | None, head: Catalog) -> list[str]:
    """Return the environments whose manifests may differ; nothing is rendered for that."""
    from sluice.rollout.proposal import environments, touched

    if base is None:
        return []
    return [name for name in environments(base, head) if touched(base, head, name)]


def _write_outputs(change: Change, told: Forecast, private: Collection[str], environments: Sequence[str]) -> None:
    from sluice.forge.outputs import write_outputs

    matrix = _matrix(told.shards, private)
    values = {
        "affected": "true" if _affected(change) else "false",
        "sharded": "true" if matrix["include"] else "false",
        "private": "true" if private else "false",
        "environments": ",".join(environments),
        "matrix": json.dumps(matrix),
        "calls": str(told.effort.calls),
        "minutes": f"{told.effort.minutes:.1f}",
    }
    write_outputs(os.environ.get("GITHUB_OUTPUT"), values)


def _lines(change: Change, told: Forecast, bullet: str) -> list[str]:
    lines = [*change.edits, *change.problems]
    for suite in told.suites:
        lines.append(
            f"{suite.suite}: {counted(suite.cases, 'case')} on {suite.engine}; changed: {', '.join(suite.why)}"
        )
        lines += [f"{bullet}{text}" for text in (_effort(suite), *_sights(suite))]
    if len(told.suites) > 1:
        lines.append(f"in all: {_amounts(told.effort)}, in {counted(len(told.shards), 'shard')}")
    if change.elsewhere:
        lines.append(f"affected too, not selected: {', '.join(change.elsewhere)}")
    if change.unaffected:
        lines.append(f"not affected: {', '.join(change.unaffected)}")
    return list(map(escaped_line, lines)) or ["no suites here"]


def _effort(suite: SuiteForecast) -> str:
    known = f", {suite.known:,} answers are known" if suite.known else ""
    basis = "as measured here" if suite.measured else "roughly"
    return f"{_amounts(suite.effort)} ({basis}), about {suite.prompt_tokens:,} prompt tokens{known}"


def _amounts(effort: Effort) -> str:
    parts = [f"at most {counted(effort.calls, 'call')}", f"{effort.minutes:.1f} min"]
    if effort.gpu_minutes:
        parts.append(f"{effort.gpu_minutes:.1f} GPU min")
    if effort.money:
        parts.append(f"${effort.money:.2f}")
    return ", ".join(parts)


def _sights(suite: SuiteForecast) -> list[str]:
    return [
        f"{one.metric}: {counted(one.cases, 'case')} can see a drop of {one.detectable * 100:.1f} points; "
        f"an unchanged prompt passes the margin of {one.margin * 100:g} points with {one.chance_to_pass:.0%}"
        for one in suite.metrics
    ]
