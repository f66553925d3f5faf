"""How rollouts, differences and the standing of an environment are printed: text in 80 columns, Markdown, JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain, repeat
from typing import Any

from sluice.digest import short
from sluice.report.visible import one_line, visible
from sluice.rollout.apply import Outcome
from sluice.rollout.drift import Difference
from sluice.rollout.health import Health
from sluice.rollout.ledger import Step
from sluice.rollout.objects import Change
from sluice.rollout.release import Release
from sluice.rollout.standing import Standing

WIDTH = 80
_INDENT = " " * 10
_MOST = 12
"""Lines of differences on the screen; JSON has all."""
_SORTS = {
    "missing": "is not there",
    "changed": "differs",
    "added": "has fields that no release has",
    "left": "belongs to no release any more",
}
_PLANS = {
    "missing": "will be made",
    "changed": "will change",
    "added": "keeps what others added",
    "left": "will be removed, last",
}


def planned(release: Release, differences: Sequence[Difference], style: str) -> str:
    """Return what a rollout would change."""
    if style == "json":
        return _json({"release": _wish(release), "changes": [_difference(one) for one in differences]})
    if not differences:
        return f"release {release.number} ({short(release.digest)}) is what the cluster has; nothing would change\n"
    head = f"release {release.number} ({short(release.digest)}) of {release.environment} would change:"
    return "\n".join(_styled([head, *_difference_lines(differences, _PLANS, None)], style)) + "\n"


def ended(outcome: Outcome, style: str) -> str:
    """Return what became of a rollout."""
    if style == "json":
        return _json(
            {
                "release": _wish(outcome.release), "healthy": outcome.healthy, "seconds": round(outcome.seconds, 1),
                "failures": [_health(one) for one in outcome.failures], "turned_back": outcome.turned_back,
                "pruned": [str(one) for one in outcome.pruned],
            }
        )  # fmt: skip
    name = f"release {outcome.release.number} ({short(outcome.release.digest)})"
    if outcome.healthy:
        gone = f"; removed {len(outcome.pruned)} objects of earlier releases" if outcome.pruned else ""
        return f"{name} of {outcome.release.environment} is healthy after {outcome.seconds:.0f} s{gone}\n"
    lines = [f"{name} of {outcome.release.environment} did not become healthy in {outcome.seconds:.0f} s:"]
    lines += [line for one in outcome.failures for line in _wrapped(f"{one.ref}: {one.reason}", "  ")]
    runs = f"{outcome.turned_back} runs again" if outcome.turned_back else "nothing ran before; what was applied stays"
    return "\n".join(_styled([*lines, f"{runs}; nothing was removed"], style)) + "\n"


def screen(standing: Standing, address: str, evidence: Sequence[str], style: str) -> str:
    """Return the standing of an environment in one screen."""
    if style == "json":
        return _json(_standing(standing, address, evidence))
    wish, state = standing.wish, standing.state
    lines = [
        f"{wish.environment}: {state}",
        f"{'git':<9} release {wish.number} {short(wish.digest)} from commit {wish.commit[:12]}",
        f"{'cluster':<9} {_step(standing.healthy, 'healthy since') if standing.healthy else 'nothing healthy yet'}",
    ]
    if standing.attempt:
        lines.append(f"{'':<9} {_step(standing.attempt, 'tried since')}")
        lines += _wrapped(f"failed: {standing.attempt.failure}", _INDENT) if standing.attempt.failure else []
    lines += _wrapped(f"{address}, namespace {wish.namespace}", _INDENT)
    lines += _listed("evidence", evidence or ("none",))
    lines += _listed("runs", [f"{one.state:<8}{one.ref}  {one.reason}" for one in standing.workloads] or ("nothing",))
    found = _difference_lines(standing.differences, _SORTS, _MOST)
    title = "drift" if standing.healthy and standing.healthy.number == wish.number else "to do"
    lines += _listed(title, found or ("none",))
    return "\n".join(_styled(lines, style)) + "\n"


def progress(states: Sequence[Health]) -> str:
    """Return how far a rollout is, in a line."""
    waiting = [one for one in states if one.state != "ready"]
    told = one_line("; ".join(f"{one.ref}: {one.reason}" for one in waiting))
    return f"{len(states) - len(waiting)} of {len(states)} ready" + (f"; {told}" if told else "")


def _listed(title: str, items: Iterable[str]) -> list[str]:
    """Return items as lines beside their title, which stands once."""
    names = chain([title], repeat(""))
    return [line for name, item in zip(names, items, strict=False) for line in _wrapped(item, _INDENT, f"{name:<9} ")]


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent if first is None else first, subsequent_indent=indent + "  ",
        break_on_hyphens=False,
    )  # fmt: skip


def _difference_lines(differences: Sequence[Difference], words: Mapping[str, str], most: int | None) -> list[str]:
    lines = []
    for one in differences:
        by = f" (written by {', '.join(one.by)})" if one.by else ""
        lines.append(f"{one.ref} {words[one.sort]}{by}")
        lines += [f"  {_change(change)}" for change in one.changes]
    if most is not None and len(lines) > most:
        return [*lines[: most - 1], f"and {len(lines) - most + 1} more lines; --format json has all"]
    return lines


def _change(change: Change) -> str:
    sides = [_short(side) for side in (change.live, change.wanted)]
    return change.path if change.live == "(added)" else f"{change.path}: {sides[0]} -> {sides[1]}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _styled(lines: Sequence[str], style: str) -> Sequence[str]:
    """Show what a cluster said as text that commands no terminal; in Markdown within a fence that it cannot end."""
    shown = [visible(" ".join(line.splitlines())) for line in lines]
    return ["~~~~text", *(line.replace("~~~~", "~ ~ ") for line in shown), "~~~~"] if style == "markdown" else shown


def _step(step: Step, words: str) -> str:
    return f"release {step.number} {short(step.release)} {words} {step.at}"


def _wish(release: Release) -> dict[str, Any]:
    return {
        "environment": release.environment, "namespace": release.namespace, "number": release.number,
        "digest": release.digest, "commit": release.commit,
    }  # fmt: skip


def _health(one: Health) -> dict[str, Any]:
    return {"object": str(one.ref), "state": one.state, "reason": one.reason}


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "object": str(one.ref), "sort": one.sort, "by": list(one.by), "changes": [asdict(each) for each in one.changes],
    }  # fmt: skip


def _standing(standing: Standing, address: str, evidence: Sequence[str]) -> dict[str, Any]:
    return {
        "state": standing.state, "git": _wish(standing.wish), "cluster": {
            "address": address,
            "healthy": standing.healthy.model_dump() if standing.healthy else None,
            "attempt": standing.attempt.model_dump() if standing.attempt else None,
            "workloads": [_health(one) for one in standing.workloads],
        },
        "evidence": list(evidence), "differences": [_difference(one) for one in standing.differences],
    }  # fmt: skip


def _json(value: dict[str, Any]) -> str:
    return json.dumps({"format": 1, **value}, indent=2, ensure_ascii=False) + "\n"
