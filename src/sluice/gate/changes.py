"""What a change touches: the suites whose closures differ, and the edits that a reviewer must see first (GATE 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sluice.catalog import Catalog
from sluice.runner.closure import JUDGING_PARTS, PARTS, Closure, closure
from sluice.runner.engine import Engine, choose_engine


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
        return tuple(PARTS[part] for part in self.differences) if self.base else ("the suite is new",)


@dataclass(frozen=True, slots=True)
class Change:
    """Everything that differs between two catalogs, as far as suites are concerned."""

    affected: tuple[Affected, ...]
    unaffected: tuple[str, ...]
    edits: tuple[str, ...]
    problems: tuple[str, ...]
    """Why the change may not be judged as it stands: a gated suite is gone, a prompt lost its gate."""


def find_changes(base: Catalog | None, head: Catalog, selected: Sequence[str]) -> Change:
    """Compare two catalogs by closure digests; nothing is run. `selected` empty means every suite."""
    names = sorted(selected or head.suites)
    for name in names:
        head.suite(name)
    affected: list[Affected] = []
    unaffected: list[Affected] = []
    for name in names:
        found = _affected(base, head, name)
        (affected if found.differences or found.base is None else unaffected).append(found)
    return Change(
        affected=tuple(affected),
        unaffected=tuple(one.name for one in unaffected),
        edits=() if base is None else tuple(_edits(base, head, affected)),
        problems=() if base is None or selected else tuple(_removals(base, head)),
    )


def _affected(base: Catalog | None, head: Catalog, name: str) -> Affected:
    head_engine = choose_engine(head, model_of(head, name))
    after = closure(head, name, head_engine)
    if base is None or name not in base.suites:
        return Affected(name, after, head_engine, None, None, ())
    base_engine = choose_engine(base, model_of(base, name))
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
        if before.must_pass != after.must_pass:
            edits.append(f"{path} edits the must-pass list; the base's list holds for this change")
    for one in affected:
        parts = [PARTS[part] for part in one.differences if part in JUDGING_PARTS]
        if parts:
            edits.append(f"{one.name}: {_joined(parts)} changed; both sides are judged by the new ones")
    return edits


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _removals(base: Catalog, head: Catalog) -> list[str]:
    problems = []
    for name, entry in sorted(base.suites.items()):
        blocks = any(gate.tier == "block" for gate in entry.value.gates.values())
        if blocks and name not in head.suites:
            problems.append(f"the gated suite {name!r} was removed or renamed; someone must accept that")
        elif blocks and entry.value.prompt != head.suites[name].value.prompt:
            problems.append(f"the gated suite {name!r} now judges another prompt; someone must accept that")
    gated_before, gated_after = _gated_prompts(base), _gated_prompts(head)
    problems += [f"the prompt {name!r} lost its last blocking suite" for name in sorted(gated_before - gated_after)]
    return problems


def _gated_prompts(catalog: Catalog) -> set[str]:
    return {
        entry.value.prompt
        for entry in catalog.suites.values()
        if any(gate.tier == "block" for gate in entry.value.gates.values())
    }


def mixed(base: Closure, head: Closure) -> Closure:
    """Return base's prompt and model under head's cases and assertions: the second step of GATE 12."""
    parts: Mapping[str, str] = {**base.parts, **{part: head.parts[part] for part in JUDGING_PARTS}}
    return Closure(base.suite, parts)
