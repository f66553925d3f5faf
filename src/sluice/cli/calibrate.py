"""Writes what the judge said beside the labels; with that committed, its metrics may block where kappa allows it.

The labels are in a dataset whose card has `split: calibration`, the `judge` and the field `label`. A calibration
holds for exactly this judge: its prompt, its model, its parameters and the engine that answers. Interrupted runs go
on where they stopped. Ends with exit code 1 where a metric that should block may not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sluice.cache import CompletionCache
from sluice.catalog import Catalog, Dataset, calibration_path
from sluice.cli.judging import refuse_invalid, watching
from sluice.cli.options import Repository, add_format, add_root, count, repository
from sluice.cli.writing import write_whole
from sluice.digest import short
from sluice.errors import ExitCode, UsageError, nearest
from sluice.providers.base import Provider
from sluice.runner.agreement import LEAST_KAPPA, Agreement, Rate, agreement, agreement_of, labelled
from sluice.runner.calibrating import Labelled, calibrate, written
from sluice.runner.closure import judge_closure
from sluice.runner.connect import connect
from sluice.runner.engine import choose_engine
from sluice.runner.judging import Judge
from sluice.runner.merge import COMPLETIONS
from sluice.schema import Calibration, Gate

FORMAT = 1
_NO_GATE = Gate(max_drop=0.5, tier="info")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("judge", help="the prompt that judges")
    parser.add_argument(
        "--repeats", type=count, metavar="N", help="ask each case N times (default: as often as some suite does)"
    )
    add_root(parser)
    add_format(parser)


@dataclass(frozen=True, slots=True)
class _Use:
    """How one metric of a suite uses the judge, and what the labels say of that."""

    metric: str
    blocks: bool
    least: float
    found: Agreement

    @property
    def objection(self) -> str | None:
        """Why the judge may not let the metric block."""
        return self.found.objection(self.least)

    @property
    def refused(self) -> bool:
        """Whether the metric should block and may not."""
        return self.blocks and self.objection is not None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        kappa = self.found.kappa
        return {
            "metric": self.metric,
            "blocks": self.blocks,
            "least": self.least,
            "objection": self.objection,
            "words": self.found.words,
            "table": self.found.table,
            "unreadable": self.found.unreadable,
            "kappa": [kappa.value, kappa.lower, kappa.upper] if kappa else None,
            "bound": self.found.bound,
            "sensitivity": _rate_json(self.found.sensitivity),
            "specificity": _rate_json(self.found.specificity),
        }

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        verdict = f"may only warn: {self.objection}" if self.objection else "may block"
        yield f"{self.metric}: {verdict}"
        found, kappa = self.found, self.found.kappa
        if kappa:
            bounds = f"{kappa.lower:.2f} to {kappa.upper:.2f}, provably {found.bound or 0.0:.2f}"
            yield f"  kappa        {kappa.value:.2f} ({bounds}; more than {self.least:g} is needed)"
        rates = (("sensitivity", found.sensitivity), ("specificity", found.specificity))
        yield from (f"  {name}  {_rate_text(rate)}" for name, rate in rates if rate)
        for word, counts in zip(found.words, found.table, strict=True):
            said = ", ".join(f"{count} {other}" for other, count in zip(found.words, counts, strict=True))
            yield f"  people say {word}: the judge says {said}"
        if found.unreadable:
            yield f"  unreadable   {found.unreadable} of {found.unreadable + found.n}"


def _rate_json(rate: Rate | None) -> list[float] | None:
    return [rate.value, *rate.bounds] if rate else None


def _rate_text(rate: Rate) -> str:
    low, high = rate.bounds
    return f"{rate.value:.1%} ({low:.1%} to {high:.1%}; {rate.hits} of {rate.n})"


def run(arguments: argparse.Namespace) -> ExitCode:
    """Ask, write, and say how well judge and people agree."""
    repo = repository(arguments)
    head = repo.working()
    refuse_invalid(head, but=("calibration-unreadable",))
    datasets = _datasets(head, arguments.judge)
    repeats = arguments.repeats or _repeats(head, arguments.judge)
    told = [_calibrated(repo, head, arguments.judge, dataset, repeats) for dataset in datasets]
    if arguments.format == "json":
        print(json.dumps([one.as_json() for one in told], indent=2))
    else:
        print("\n".join(line for one in told for line in one.lines()))
    return ExitCode.GATE_NO if any(use.refused for one in told for use in one.uses) else ExitCode.OK


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """One dataset whose labels a judge was compared with."""

    judge: str
    path: str
    said: Calibration
    uses: tuple[_Use, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        uses = [use.as_json() for use in self.uses]
        facts = {"judge": self.judge, "digest": self.said.digest, "engine": self.said.engine, "path": self.path}
        return {"format": FORMAT, **facts, "cases": len(self.said.answers), "repeats": self.said.repeats, "uses": uses}

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        times = f", each asked {self.said.repeats} times" if self.said.repeats > 1 else ""
        cases = f"{len(self.said.answers):,} labelled cases{times}"
        yield f"{self.judge} ({short(self.said.digest)}, {self.said.engine}): {cases}; written to {self.path}"
        for use in self.uses:
            yield from (f"  {line}" for line in use.lines())


def _datasets(head: Catalog, judge: str) -> list[Dataset]:
    head.prompt(judge)
    found = labelled(head, judge)
    if not found:
        known = {one.value.judge for one in head.datasets.values() if one.value.judge}
        raise UsageError(
            f"no dataset has labels for {judge} ({nearest(judge, known)}); write one whose card says split: "
            f"calibration, judge: {judge} and label: FIELD"
        )
    return found


def _repeats(head: Catalog, judge: str) -> int:
    several = (ones for suite in head.suites.values() for ones in suite.value.judged.values())
    asked = (one.repeats for ones in several for one in ones if one.judge == judge)
    return max(asked, default=1)


def _calibrated(repo: Repository, head: Catalog, judge: str, dataset: Dataset, repeats: int) -> _Calibrated:
    opened: list[Provider] = []

    def opening() -> Provider:
        if not opened:
            opened.append(connect(head, choose_engine(head, head.prompt(judge).value.model), repo.state))
        return opened[0]

    closure = judge_closure(head, judge)
    price = head.model(closure.engine.model).value.price
    task = Labelled(dataset, Judge(head.prompt(judge).value, closure, price, opening), repeats)
    with watching() as watcher, closing(CompletionCache(repo.state / COMPLETIONS)) as cache:
        try:
            said = calibrate(task, repo.state, cache, watcher)
        finally:
            for one in opened:
                one.close()
    path = calibration_path(dataset.name)
    data = written(task, said).model_dump(mode="json", exclude_none=True)
    write_whole(repo.root / path, [json.dumps(data, indent=1, sort_keys=True).encode() + b"\n"])
    return _Calibrated(judge, path, said, tuple(_uses(head, judge, dataset, said)))


def _uses(head: Catalog, judge: str, dataset: Dataset, said: Calibration) -> Iterator[_Use]:
    """Yield how suites use the judge, or what its own words are worth where none does."""
    found = [
        _Use(f"{name} {metric}", gate.tier == "block", _least(gate), agreement_of(dataset, said, one))
        for name, suite in head.suites.items()
        for metric, several in suite.value.judged.items()
        for one in several
        if one.judge == judge and (gate := suite.value.gates.get(metric, _NO_GATE))
    ]
    plain = agreement(dataset, said, least=None, repeats=said.repeats)
    yield from found or [_Use("no suite asks it yet", False, LEAST_KAPPA, plain)]


def _least(gate: Gate) -> float:
    return LEAST_KAPPA if gate.kappa is None else gate.kappa
