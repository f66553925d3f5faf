"""Judges a change: runs the affected suites look by look, decides at each look, and folds the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sluice.cache import CompletionCache
from sluice.catalog import Catalog
from sluice.compare import Comparison, compare
from sluice.gate.changes import Affected, Change, mixed
from sluice.gate.evidence import Looks
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.gate.moves import verdict_moves
from sluice.gate.suite import Policy, SuiteState, decide_all, decide_first, decide_look, overall
from sluice.gate.usage import usage_of
from sluice.gate.verdict import SuiteVerdict, Word
from sluice.providers.base import Provider
from sluice.results import Side
from sluice.runner.closure import Closure
from sluice.runner.connect import connect
from sluice.runner.engine import Engine
from sluice.runner.execute import Progress
from sluice.runner.paired import PairedRun, SideTask, Task
from sluice.runner.scoring import Scorer, cases_of, load_code, repeats_of
from sluice.schema import Suite


class Watcher(Progress, Protocol):
    """Progress that also hears of interim verdicts."""

    def looked(self, suite: str, look: int, looks: int, word: Word) -> None:
        """Hear what an interim look said; looks count from 1."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a change is judged: its two catalogs, the state directory, and whether every case must be asked."""

    base: Catalog | None
    head: Catalog
    state: Path
    complete: bool

    def catalog(self, side: Side) -> Catalog:
        """Return a side's catalog; without a base there is only head."""
        return self.base if side == "base" and self.base is not None else self.head

    def policy(self, affected: Affected) -> Suite:
        """Return the suite file whose gates judge: the base's, where the suite existed there."""
        catalog = self.head if affected.base is None else self.catalog("base")
        return catalog.suites[affected.name].value


class Engines:
    """Opens one provider for each model closure, and closes them all."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.open: dict[str, Provider] = {}

    def provider(self, side: Side, closure: Closure, engine: Engine) -> Provider:
        """Return the provider of a closure's model; equal models share one."""
        if closure.model not in self.open:
            self.open[closure.model] = connect(self.setting.catalog(side), engine, self.setting.state)
        return self.open[closure.model]

    def close(self) -> None:
        """Close every provider."""
        for provider in self.open.values():
            provider.close()


@dataclass(frozen=True, slots=True)
class _Judged:
    """A suite that has been run, before the verdict over all suites."""

    affected: Affected
    run: PairedRun
    state: SuiteState
    moved: tuple[str, ...]


def judge(
    base: Catalog | None, head: Catalog, change: Change, state: Path, watcher: Watcher, *, complete: bool = False
) -> Judgement:
    """Run what the change affects and return the judgement.

    `complete` asks every planned case and looks once (evidence); otherwise a clear verdict stops early.
    Raises CannotJudge where no verdict can be taken; what was answered so far is kept.
    """
    setting = Setting(base, head, state, complete)
    with ExitStack() as stack:
        judged = _run_all(setting, change, watcher, stack) if change.affected else []
    verdicts = _decide(judged)
    tolerant = bool(judged) and all(one.state.policy.suite.on_inconclusive == "warn" for one in judged)
    stochastic = any(task.prompt.parameters.stochastic for one in judged for task in one.run.task.sides)
    return Judgement(
        base=base.label if base else "no base",
        head=head.label,
        base_commit=base.commit if base else None,
        head_commit=head.commit,
        suites=tuple(_report(head, one) for one in judged),
        unaffected=change.unaffected,
        edits=change.edits,
        verdict=overall(verdicts, change.problems, tolerant=tolerant, stochastic=stochastic),
    )


def _run_all(setting: Setting, change: Change, watcher: Watcher, stack: ExitStack) -> list[_Judged]:
    cache = CompletionCache(setting.state / "cache" / "completions.sqlite")
    stack.callback(cache.close)
    engines = Engines(setting)
    stack.callback(engines.close)
    family = sum(
        gate.tier == "block" and gate.max_drop is not None
        for affected in change.affected
        if affected.base is not None
        for gate in setting.policy(affected).gates.values()
    )
    return [_run_suite(setting, engines, cache, watcher, affected, family) for affected in change.affected]


def _run_suite(
    setting: Setting, engines: Engines, cache: CompletionCache, watcher: Watcher, affected: Affected, family: int
) -> _Judged:
    task = _task(setting, engines, affected)
    with PairedRun(task, setting.state, cache, watcher) as run:
        policy = _policy(setting.policy(affected), run, family)
        state = _look_by_look(run, policy, watcher)
        moved: tuple[str, ...] = ()
        if setting.base is not None and affected.base is not None and affected.judged_anew:
            provider = task.side("base").open
            moved = verdict_moves(setting.base, setting.head, affected.name, run, cache, provider)
    return _Judged(affected, run, state, moved)


def _task(setting: Setting, engines: Engines, affected: Affected) -> Task:
    suite = setting.head.suites[affected.name].value
    cases = cases_of(setting.head, suite)
    sides = [_side_task(setting, engines, "head", affected.name, affected.head, affected.head_engine)]
    if affected.base is not None and affected.base_engine is not None:
        closure = mixed(affected.base, affected.head)
        sides.insert(0, _side_task(setting, engines, "base", affected.name, closure, affected.base_engine))
    stochastic = any(side.prompt.parameters.stochastic for side in sides)
    return Task(
        suite=affected.name,
        sides=tuple(sides),
        cases=cases,
        repeats=repeats_of(suite, cases, stochastic),
        scorer=Scorer(suite, load_code(setting.head, affected.name)),
        must_pass=setting.policy(affected).must_pass,
        seed=suite.seed,
        budget=suite.budget,
        complete=setting.complete,
    )


def _side_task(
    setting: Setting, engines: Engines, side: Side, suite: str, closure: Closure, engine: Engine
) -> SideTask:
    catalog = setting.catalog(side)
    return SideTask(
        side=side,
        label=catalog.label,
        commit=catalog.commit,
        prompt=catalog.prompt(catalog.suites[suite].value.prompt).value,
        closure=closure,
        engine=engine,
        price=catalog.model(engine.model).value.price,
        open=lambda: engines.provider(side, closure, engine),
    )


def _policy(suite: Suite, run: PairedRun, family: int) -> Policy:
    return Policy(
        suite=suite,
        family=family,
        looks={metric: Looks(run.metric_counts(metric)) for metric, gate in suite.gates.items() if gate.max_drop},
        batching=any(task.engine.name == "local" for task in run.task.sides),
        last_look=len(run.plan.looks) - 1,
    )


def _look_by_look(run: PairedRun, policy: Policy, watcher: Watcher) -> SuiteState:
    """Run looks until one decides; a suite without a base, or a complete run, has no interim decision."""
    for look in range(policy.last_look):
        run.run_look(look)
        comparison = _compare(run, look)
        verdict = decide_look(comparison, policy, look)
        watcher.looked(run.task.suite, look + 1, policy.last_look + 1, verdict.word)
        if verdict.word in ("pass", "fail") and _has_base(run):
            return SuiteState(comparison, policy, look, verdict)
    run.run_look(policy.last_look)
    return SuiteState(_compare(run, policy.last_look), policy, policy.last_look, None)


def _has_base(run: PairedRun) -> bool:
    return len(run.task.sides) > 1


def _compare(run: PairedRun, look: int) -> Comparison:
    """Pair the sides as far as a look; a suite that is new is paired with itself, so that it can be shown."""
    head = run.run("head", look)
    base = run.run("base", look) if _has_base(run) else head
    kinds = {**run.task.scorer.kinds}
    return compare(base, head, run.cases(look), kinds)


def _decide(judged: Sequence[_Judged]) -> list[SuiteVerdict]:
    paired = [one for one in judged if one.affected.base is not None]
    decided = dict(zip((one.affected.name for one in paired), decide_all([one.state for one in paired]), strict=True))
    return [decided.get(one.affected.name) or decide_first(one.state.comparison, one.state.policy) for one in judged]


def _report(head: Catalog, one: _Judged) -> SuiteJudgement:
    suite = head.suites[one.affected.name].value
    return SuiteJudgement(
        name=one.affected.name,
        prompt=suite.prompt,
        dataset=suite.dataset,
        model=one.run.task.side("head").engine.title,
        why=one.affected.why,
        comparison=one.state.comparison,
        usage=usage_of(one.run, one.state.comparison),
        outputs=head.datasets[suite.dataset].value.shown_outputs,
        moved=one.moved,
    )
