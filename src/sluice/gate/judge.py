"""Judges a change: runs the affected suites look by look, decides at each look, and folds the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sluice.cache import CompletionCache
from sluice.catalog import Catalog, Dataset
from sluice.compare import Comparison, compare
from sluice.errors import CannotJudge
from sluice.gate.changes import Affected, Change, mixed
from sluice.gate.evidence import Looks
from sluice.gate.judgement import Judgement, SuiteJudgement
from sluice.gate.moves import verdict_moves
from sluice.gate.notes import notes_of
from sluice.gate.ratio import wants_fresh_pairs
from sluice.gate.suite import Policy, SuiteState, decide_all, decide_first, decide_look, overall, undecided
from sluice.gate.usage import usage_of
from sluice.gate.verdict import SuiteVerdict, Word
from sluice.providers.base import Provider
from sluice.results import CaseInfo, Side
from sluice.runner.closure import Closure
from sluice.runner.connect import connect
from sluice.runner.engine import Engine
from sluice.runner.execute import Progress, is_stored
from sluice.runner.paired import PairedRun, SideTask, Task
from sluice.runner.requests import retriever_of
from sluice.runner.scoring import Scorer, cases_of, load_code, repeats_of
from sluice.runner.spending import BudgetSpent
from sluice.schema import Suite

Connect = Callable[[Catalog, Engine, Path], Provider]
_STRICTEST_FIRST = ("none", "artifact", "public")


class Watcher(Progress, Protocol):
    """Progress that also hears of interim verdicts."""

    def looked(self, suite: str, look: int, looks: int, word: Word | None) -> None:
        """Hear what an interim look said; looks count from 1. The last one has no word: suites are judged together."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a change is judged: its two catalogs, the state directory, whether every case must be asked, or none."""

    base: Catalog | None
    head: Catalog
    state: Path
    complete: bool
    ask: bool = True
    retry_errors: bool = False
    connect: Connect = connect

    def catalog(self, side: Side) -> Catalog:
        """Return a side's catalog; without a base there is only head."""
        return self.base if side == "base" and self.base is not None else self.head

    def policy(self, affected: Affected) -> Suite:
        """Return the suite file whose gates judge: the base's, where the suite existed there."""
        catalog = self.head if affected.base is None else self.catalog("base")
        return catalog.suites[affected.name].value

    def blocking(self, suites: Sequence[str]) -> int:
        """Return how many metrics of these suites may block, by the base's gates; a suite that is new has none."""
        known = self.base.suites if self.base is not None else {}
        gates = (gate for name in suites if name in known for gate in known[name].value.gates.values())
        return sum(gate.tier == "block" and gate.max_drop is not None for gate in gates)


class Engines:
    """Opens one provider for each model closure, and closes them all."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.open: dict[str, Provider] = {}

    def provider(self, side: Side, closure: Closure, engine: Engine) -> Provider:
        """Return the provider of a closure's model; equal models share one."""
        if not self.setting.ask:
            raise CannotJudge(
                f"{closure.suite} has calls without a stored answer, and --stored makes none: let its run finish, and "
                "merge again with the endpoints and options that it ran with"
            )
        if closure.model not in self.open:
            self.open[closure.model] = self.setting.connect(self.setting.catalog(side), engine, self.setting.state)
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
    base: Catalog | None,
    head: Catalog,
    change: Change,
    state: Path,
    watcher: Watcher,
    *,
    complete: bool = False,
    ask: bool = True,
    retry_errors: bool = False,
    connect: Connect = connect,
) -> Judgement:
    """Run what the change affects and return the judgement.

    `complete` asks every planned case and looks once (evidence); otherwise a clear verdict stops early. Without `ask`
    no model is called: what earlier runs stored is judged, and what is missing is an error. `retry_errors` asks every
    error of the stored runs again, which must be there. `connect` opens the provider of an engine.
    Raises CannotJudge where no verdict can be taken; what was answered so far is kept.
    """
    setting = Setting(base, head, state, complete, ask, retry_errors, connect)
    with ExitStack() as stack:
        judged = _run_all(setting, change, watcher, stack) if change.affected else []
        judged, verdicts = _decide_fairly(judged, setting.blocking(change.elsewhere))
    stopped = any(one.run.execution.spending.stopped for one in judged)
    tolerant = bool(judged) and not stopped and all(_tolerates(one) for one in judged)
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


def _tolerates(one: _Judged) -> bool:
    return one.state.policy.suite.on_inconclusive == "warn"


def _run_all(setting: Setting, change: Change, watcher: Watcher, stack: ExitStack) -> list[_Judged]:
    cache = CompletionCache(setting.state / "cache" / "completions.sqlite")
    stack.callback(cache.close)
    engines = Engines(setting)
    stack.callback(engines.close)
    touched = [one.name for one in change.affected if one.differences or one.base is None]
    family = setting.blocking(touched) + setting.blocking(change.elsewhere)
    tasks = [(affected, task_of(setting, engines, affected)) for affected in change.affected]
    if setting.retry_errors:
        _require_stored([task for _, task in tasks], setting.state)
    return [_run_suite(setting, task, cache, watcher, affected, family, stack) for affected, task in tasks]


def _require_stored(tasks: Sequence[Task], state: Path) -> None:
    missing = [task.suite for task in tasks if not is_stored(task.journal(state), task.identity)]
    if missing:
        raise CannotJudge(
            f"there is no stored run of {', '.join(missing)} with these files and options, so no error to ask again; "
            "run the same command without --retry-errors first"
        )


def _run_suite(
    setting: Setting,
    task: Task,
    cache: CompletionCache,
    watcher: Watcher,
    affected: Affected,
    family: int,
    stack: ExitStack,
) -> _Judged:
    # The journal stays open until the verdict: a verdict against a reused base may ask the base once more.
    run = stack.enter_context(PairedRun(task, setting.state, cache, watcher))
    policy = _policy(setting.policy(affected), run, family)
    try:
        state = _look_by_look(run, policy, watcher)
    except BudgetSpent as spent:
        return _Judged(affected, run, _stopped(run, policy, str(spent)), ())
    moved: tuple[str, ...] = ()
    if setting.base is not None and affected.base is not None and affected.judged_anew:
        provider = task.side("base").open
        moved = verdict_moves(setting.base, setting.head, affected.name, run, cache, provider)
    return _Judged(affected, run, state, moved)


def task_of(setting: Setting, engines: Engines, affected: Affected) -> Task:
    """Return what is run of a suite that a change affects."""
    suite = setting.head.suites[affected.name].value
    cases = cases_of(setting.head, suite)
    sides = [_side_task(setting, engines, "head", affected.name, affected.head, affected.head_engine)]
    if setting.base is not None and affected.base_engine is not None:
        closure = mixed(setting.base, affected.base_engine, setting.head, affected.head)
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
        ask=setting.ask,
        retry_errors=setting.retry_errors,
    )


def _side_task(
    setting: Setting, engines: Engines, side: Side, suite: str, closure: Closure, engine: Engine
) -> SideTask:
    catalog = setting.catalog(side)
    prompt = catalog.prompt(catalog.suites[suite].value.prompt).value
    return SideTask(
        side=side,
        label=catalog.label,
        commit=catalog.commit,
        prompt=prompt,
        closure=closure,
        engine=engine,
        price=catalog.model(engine.model).value.price,
        open=lambda: engines.provider(side, closure, engine),
        retriever=retriever_of(catalog, prompt, setting.head.suites[suite].value),
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
        comparison = _compare(run, run.cases(look))
        verdict = decide_look(comparison, policy, look)
        if verdict.word == "fail" and _wants_new_samples(verdict) and run.resample_base(look):
            comparison = _compare(run, run.cases(look))
            verdict = decide_look(comparison, policy, look)
        watcher.looked(run.task.suite, look + 1, policy.last_look + 1, verdict.word if _has_base(run) else None)
        if verdict.word in ("pass", "fail") and _has_base(run):
            return SuiteState(comparison, policy, look, verdict)
    run.run_look(policy.last_look)
    watcher.looked(run.task.suite, policy.last_look + 1, policy.last_look + 1, None)
    comparison = _compare(run, run.cases(policy.last_look))
    if _has_base(run) and wants_fresh_pairs(policy.suite, comparison.pairs, batching=policy.batching):
        policy = replace(policy, timed=run.time_pairs())
    return SuiteState(comparison, policy, policy.last_look, None)


def _stopped(run: PairedRun, policy: Policy, why: str) -> SuiteState:
    """Return the state of a suite whose budget is spent: what was answered so far is shown, and decides nothing new.

    The looks that were taken have not decided, and half a look may not.
    """
    cases = run.answered()
    if not cases:
        raise CannotJudge(why)
    look = max((index for index, end in enumerate(run.plan.looks) if end <= len(cases)), default=0)
    comparison = _compare(run, cases)
    return SuiteState(comparison, policy, look, undecided(decide_look(comparison, policy, look), why))


def _has_base(run: PairedRun) -> bool:
    return len(run.task.sides) > 1


def _compare(run: PairedRun, cases: Sequence[CaseInfo]) -> Comparison:
    """Pair the sides over these cases; a suite that is new is paired with itself, so that it can be shown."""
    head = run.run("head", cases)
    base = run.run("base", cases) if _has_base(run) else head
    kinds = {**run.task.scorer.kinds}
    return compare(base, head, cases, kinds, run.resampled)


def _decide_fairly(judged: Sequence[_Judged], elsewhere: int) -> tuple[list[_Judged], list[SuiteVerdict]]:
    """Decide every suite; what speaks against head on a reused, sampled base is decided again on new samples."""
    verdicts = _decide(judged, elsewhere)
    again = [
        _wants_new_samples(verdict) and one.run.resample_base(one.state.look)
        for one, verdict in zip(judged, verdicts, strict=True)
    ]
    if not any(again):
        return list(judged), verdicts
    judged = [_compared_anew(one) if anew else one for one, anew in zip(judged, again, strict=True)]
    return list(judged), _decide(judged, elsewhere)


def _wants_new_samples(verdict: SuiteVerdict) -> bool:
    """Whether base's answers may have decided against head; a must-pass failure is head's alone."""
    return verdict.word in ("fail", "inconclusive") and not verdict.must_pass


def _compared_anew(one: _Judged) -> _Judged:
    return replace(one, state=replace(one.state, comparison=_compare(one.run, one.run.cases(one.state.look))))


def _decide(judged: Sequence[_Judged], elsewhere: int) -> list[SuiteVerdict]:
    paired = [one for one in judged if one.affected.base is not None]
    verdicts = decide_all([one.state for one in paired], elsewhere)
    decided = dict(zip((one.affected.name for one in paired), verdicts, strict=True))
    return [
        decided.get(one.affected.name) or one.state.stopped or decide_first(one.state.comparison, one.state.policy)
        for one in judged
    ]


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
        outputs=_shown(head.datasets[suite.dataset], one.run.task),
        moved=one.moved,
        notes=notes_of(one.run),
    )


def _shown(dataset: Dataset, task: Task) -> str:
    """Return where outputs may be shown: they may repeat rows and passages, so the strictest card says."""
    retrieved = [side.retriever.outputs for side in task.sides if side.retriever]
    return min([dataset.value.shown_outputs, *retrieved], key=_STRICTEST_FIRST.index)
