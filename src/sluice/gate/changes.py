"""What a change touches: the suites whose closures differ, and the edits that a reviewer must see first (GATE 12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sluice.catalog import Catalog
from sluice.errors import CannotJudge
from sluice.runner.agreement import labelled, may_only_warn
from sluice.runner.closure import JUDGING_PARTS, PARTS, Closure, closure
from sluice.runner.engine import Engine, choose_engine
from sluice.schema import Suite

Choose = Callable[[Catalog, str], Engine]
"""Says which engine answers for a model of a catalog."""


@dataclass(frozen=True, slots=True)
class Affected:
    """A suite to judge: its closure on head, and on base where it existed there, with the parts that differ."""

    name: str
    head: Closure
    head_engine: Engine
    base: Closure | None
    base_engine: Engine | None
    differences: tuple[str, ...]

    @property
    def judged_anew(self) -> bool:
        """Whether the change edits how outputs are judged."""
        return any(part in JUDGING_PARTS for part in self.differences)

    @property
    def why(self) -> tuple[str, ...]:
        """Name the differing parts for people."""
        if self.base is None:
            return ("the suite is new",)
        return tuple(PARTS[part] for part in self.differences) or ("nothing; it has no run evidence yet",)


@dataclass(frozen=True, slots=True)
class Change:
    """Everything that differs between two catalogs, as far as suites are concerned."""

    affected: tuple[Affected, ...]
    unaffected: tuple[str, ...]
    edits: tuple[str, ...]
    problems: tuple[str, ...]
    """Why the change may not be judged as it stands: a gated suite is gone, a prompt lost its gate."""
    elsewhere: tuple[str, ...] = ()
    """Affected suites that were not selected: another run judges them, and they count in the family (GATE 8)."""


def find_changes(
    base: Catalog | None,
    head: Catalog,
    selected: Sequence[str],
    *,
    unproven: Callable[[Closure], bool] = lambda closure: False,
) -> Change:
    """Compare two catalogs by closure digests; nothing is run. `selected` empty means every suite.

    `unproven` says of a closure on head that it must be judged although nothing changed, for want of evidence.
    """
    names = sorted(selected or head.suites)
    for name in names:
        head.suite(name)
    affected: list[Affected] = []
    unaffected: list[Affected] = []
    for name in names:
        found = _affected(base, head, name)
        touched = found.differences or found.base is None or unproven(found.head)
        (affected if touched else unaffected).append(found)
    return Change(
        affected=tuple(affected),
        unaffected=tuple(one.name for one in unaffected),
        edits=() if base is None else tuple(_edits(base, head, affected)),
        problems=() if base is None or selected else tuple(removals(base, head)),
        elsewhere=tuple(name for name in sorted(set(head.suites) - set(names)) if _reached(base, head, name)),
    )


def _reached(base: Catalog | None, head: Catalog, name: str) -> bool:
    """Tell whether a change affects a suite that is judged elsewhere, perhaps by a model that nothing here serves."""
    try:
        found = _affected(base, head, name)
    except CannotJudge:
        found = _affected(base, head, name, named_engine)
    return bool(found.differences) or found.base is None


def named_engine(catalog: Catalog, model: str) -> Engine:
    """Return the engine that a model file names, whatever this machine has."""
    return Engine(catalog.model(model).value.serving.engine, model)


def _affected(base: Catalog | None, head: Catalog, name: str, choose: Choose = choose_engine) -> Affected:
    head_engine = choose(head, model_of(head, name))
    after = closure(head, name, head_engine)
    if base is None or name not in base.suites:
        return Affected(name, after, head_engine, None, None, ())
    base_engine = choose(base, model_of(base, name))
    before = closure(base, name, base_engine)
    return Affected(name, after, head_engine, before, base_engine, after.differences(before))


def model_of(catalog: Catalog, suite: str) -> str:
    """Return the model that a suite's prompt names."""
    return catalog.prompt(catalog.suite(suite).value.prompt).value.model


def _edits(base: Catalog, head: Catalog, affected: Sequence[Affected]) -> list[str]:
    edits = []
    for name in sorted(set(base.suites) & set(head.suites)):
        path = head.suites[name].path
        before, after = base.suites[name].value, head.suites[name].value
        if dict(before.gates) != dict(after.gates) or before.on_inconclusive != after.on_inconclusive:
            edits.append(f"{path} edits the gates; this change is judged by the gates of the base")
        edits += [f"{path}: {text}" for text in _labels(base, head, after)]
        if before.must_pass != after.must_pass:
            edits.append(f"{path} edits the must-pass list; the base's list holds for this change")
    for one in affected:
        parts = [PARTS[part] for part in one.differences if part in JUDGING_PARTS]
        if parts:
            edits.append(f"{one.name}: {_joined(parts)} changed; both sides are judged by the new ones")
    return edits


def _labels(base: Catalog, head: Catalog, suite: Suite) -> Iterator[str]:
    """Yield which labels and calibrations of a suite's judges a change edits."""
    for judge in suite.judges:
        for dataset in labelled(head, judge):
            before = base.datasets.get(dataset.name)
            if before is None or before.content_digest != dataset.content_digest:
                yield f"the labels in {dataset.rows_path}, which calibrate its judge {judge}, changed"
            elif before.calibration != dataset.calibration:
                yield f"the calibration of its judge {judge} on {dataset.name} changed"


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def removals(base: Catalog, head: Catalog) -> list[str]:
    """Return why a change may not take away what it takes away, unless somebody accepts that (GATE 12)."""
    problems = []
    for name, entry in sorted(base.suites.items()):
        blocks = any(gate.tier == "block" for gate in entry.value.gates.values())
        removed, other_prompt, _ = problems_about(name)
        if blocks and name not in head.suites:
            problems.append(removed)
        elif blocks and entry.value.prompt != head.suites[name].value.prompt:
            problems.append(other_prompt)
    problems += _uncalibrated(base, head)
    gated_before, gated_after = _gated_prompts(base), _gated_prompts(head)
    problems += [problems_about(name)[-1] for name in sorted(gated_before - gated_after)]
    return problems


def _uncalibrated(base: Catalog, head: Catalog) -> Iterator[str]:
    """Yield the metrics that a calibrated judge lets block on base, and no judge does on head."""
    for name in sorted(set(base.suites) & set(head.suites)):
        before, after = base.suites[name].value, head.suites[name].value
        blocking = {metric for metric, gate in before.gates.items() if gate.tier == "block"}
        if not (before.judges and blocking & set(before.metrics)):
            continue
        known = may_only_warn(base, before, before)
        for metric, why in may_only_warn(head, after, before).items():
            if metric not in known:
                yield f"{name}: {metric} would lose its right to block: {why}"


def problems_about(name: str) -> tuple[str, str, str]:
    """Return what may be wrong: the suite is gone, it judges another prompt, or a prompt lost its gate."""
    return (
        f"the gated suite {name!r} was removed or renamed; someone must accept that",
        f"the gated suite {name!r} now judges another prompt; someone must accept that",
        f"the prompt {name!r} lost its last blocking suite",
    )


def _gated_prompts(catalog: Catalog) -> set[str]:
    return {
        entry.value.prompt
        for entry in catalog.suites.values()
        if any(gate.tier == "block" for gate in entry.value.gates.values())
    }


def mixed(base: Catalog, engine: Engine, head: Catalog, after: Closure) -> Closure:
    """Return base's prompt and model under head's cases and assertions: the second step of GATE 12.

    Whether passages are retrieved or the rows' own is about the cases too: head says it.
    """
    before = closure(base, after.suite, engine, retrieves=head.suites[after.suite].value.retrieves)
    return before.judged_by(after)
