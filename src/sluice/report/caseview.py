"""One case as a report shows it: where it stands, what was asked, both outputs with their difference, and why."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.compare import Pair
from sluice.report import cases
from sluice.report.difference import Piece, Pieces, shortened, word_difference
from sluice.report.gates import ARROW
from sluice.report.visible import clipped, one_line, visible
from sluice.results import CaseResult

REASONS = 3


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case, cut to size and harmless for a screen; it may still hold Markdown."""

    id: str
    place: str
    """Its slices, in one line."""
    metrics: tuple[str, ...]
    asked: tuple[str, str] | None
    """The field and text of the row that tells what was asked."""
    base: Pieces | None
    """None where this side has no output to show."""
    head: Pieces | None
    base_state: str
    """Empty where there is no base to compare with."""
    head_state: str
    reasons: tuple[str, ...]
    same_output: bool


def case_view(pair: Pair, *, asked: int = 160, output: int = 400) -> CaseView:
    """Describe a pair by its telling repeat; `asked` and `output` bound the characters of each text."""
    before, after = cases.telling(pair)
    left, right = _outputs(before, after, output)
    found = cases.case_input(pair.info.row, {pair.info.id, pair.info.cluster or "", *pair.info.slices.values()})
    return CaseView(
        id=clipped(one_line(pair.info.id), 80),
        place=clipped(one_line(" \u00b7 ".join(_slice(*item) for item in sorted(pair.info.slices.items()))), 160),
        metrics=tuple(clipped(one_line(name), 60) for name in _metrics(pair, after)),
        asked=(clipped(one_line(found[0]), 40), clipped(one_line(found[1]), asked)) if found else None,
        base=left,
        head=right,
        base_state=_state(before, pair.base) if before or pair.change == "error" else "",
        head_state=_state(after, pair.head),
        reasons=_reasons(after, _metrics(pair, after)),
        same_output=left is not None and right is not None and before is not None and after is not None
        and before.output == after.output,
    )  # fmt: skip


def _slice(name: str, value: str) -> str:
    """Tell a slice by its value; a value that says nothing alone keeps its name."""
    return f"{name} {value}" if len(value) < 3 or value.lower() in ("true", "false", "none") else value


def _metrics(pair: Pair, after: CaseResult | None) -> tuple[str, ...]:
    moved = cases.lost(pair) if pair.change != "repaired" else cases.gained(pair)
    failed = tuple(name for name, score in sorted(after.metrics.items()) if not score.passed) if after else ()
    return moved or failed


def _outputs(before: CaseResult | None, after: CaseResult | None, limit: int) -> tuple[Pieces | None, Pieces | None]:
    left = visible(before.output).strip() if before and before.output is not None else None
    right = visible(after.output).strip() if after and after.output is not None else None
    if left is None or right is None:
        return _whole(left, limit), _whole(right, limit)
    base, head = word_difference(left, right)
    return shortened(base, limit), shortened(head, limit)


def _whole(text: str | None, limit: int) -> Pieces | None:
    return None if text is None else shortened((Piece(text, False),), limit)


def _state(result: CaseResult | None, all_results: tuple[CaseResult, ...]) -> str:
    if result is None:
        return "no result"
    if result.state == "error":
        detail = f": {clipped(one_line(result.error), 160)}" if result.error else ""
        return f"error ({one_line(result.error_kind or 'unknown')}){detail}"
    if len(all_results) > 1:
        passed = sum(one.state == "pass" for one in all_results)
        return f"{passed} of {len(all_results)} pass"
    return result.state


def _reasons(after: CaseResult | None, metrics: tuple[str, ...]) -> tuple[str, ...]:
    if after is None:
        return ()
    failed = [name for name in metrics if name in after.metrics and after.metrics[name].reason]
    return tuple(clipped(f"{one_line(name)}: {one_line(after.metrics[name].reason)}", 200) for name in failed[:REASONS])


def states(view: CaseView) -> str:
    """Return `pass → fail`, or head's state alone where there is no base."""
    return f"{view.base_state} {ARROW} {view.head_state}" if view.base_state else view.head_state


def problems(pair: Pair) -> tuple[str, str]:
    """Return the id of a pair and why it could not be scored, on each side where it could not."""
    before, after = cases.telling(pair)
    told = (("base", _state(before, pair.base)), ("head", _state(after, pair.head)))
    found = (f"{side} {state}" for side, state in told if state.startswith(("error", "no result")))
    return clipped(one_line(pair.info.id), 80), "; ".join(found)
