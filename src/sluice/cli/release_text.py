"""A planned, made or verified release on a screen; what persons wrote is made harmless first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sluice.digest import short
from sluice.release.record import Judged, Record
from sluice.report.neutral import plain
from sluice.report.visible import one_line
from sluice.rollout.planning import Plan


def shown(made: Plan, record: Record | None, style: str) -> str:
    """Return a plan, or the release that came of it, in the asked format."""
    if style == "json":
        return json.dumps(_data(made, record), indent=2) + "\n"
    if style == "github":
        return f"release={made.lock.digest}\ncommit={made.catalog.commit}\n"
    lines = list(_lines(made, record))
    if style == "markdown":
        head, *rest = lines
        return "\n".join([f"**{plain(head)}**", "", *(f"- {plain(line)}" for line in rest), ""])
    head, *rest = lines
    return "\n".join([one_line(head), *(f"  {one_line(line)}" for line in rest), ""])


def _lines(made: Plan, record: Record | None) -> Iterator[str]:
    yield _headline(made, record)
    yield f"commit {(made.catalog.commit or '')[:12]}"
    yield from made.changes
    for name, one in made.admission.evidence.items():
        yield f"{name}: {_judged(one.current)}, by {one.model} on {one.engine}, {one.evaluated_at[:10]}"
        if one.anchor is not None:
            yield f"{name}: {_judged(one.anchor)} against the reference"
        yield from one.current.words
    yield from (f"refused: {refusal.reason}" for refusal in made.admission.refusals)
    yield from (f"note: {note}" for note in (*made.notes, *made.admission.notes))


def _headline(made: Plan, record: Record | None) -> str:
    where, name = made.lock.environment, short(made.lock.digest)
    if record is not None:
        return f"released {name} to {where} as release {record.number}"
    if not made.admission.allowed:
        return f"{name} may not be released to {where}: {len(made.admission.refusals)} reason(s)"
    if made.unchanged and made.parent is not None:
        return f"{where} runs {name} already, as release {made.parent.number}"
    return f"{name} may be released to {where}"


def _judged(one: Judged) -> str:
    how = {"unchanged": "nothing that it sees changed", "verdict": "judged on main", "compared": "two stored runs"}
    return f"{one.word} ({how.get(one.how, 'nothing to compare with')})"


def _data(made: Plan, record: Record | None) -> dict[str, Any]:
    return {
        "format": 1,
        "environment": made.lock.environment,
        "release": made.lock.digest,
        "commit": made.catalog.commit,
        "allowed": made.admission.allowed,
        "unchanged": made.unchanged,
        "number": record.number if record else None,
        "running": made.parent.number if made.parent else None,
        "changes": list(made.changes),
        "refusals": [{"reason": one.reason, "judged": one.no} for one in made.admission.refusals],
        "notes": [*made.notes, *made.admission.notes],
        "evidence": {
            name: one.model_dump(mode="json", exclude_none=True) for name, one in made.admission.evidence.items()
        },
    }


def restored(record: Record) -> str:
    """Tell a rollback."""
    head = f"{record.lock.environment} is back at release {record.restores}, as release {record.number}"
    return "\n".join([head, *(f"  {one_line(change)}" for change in record.changes), ""])
