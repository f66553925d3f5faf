"""A judgement as Markdown for a pull request's comment or a job summary: verdict first, within a number of bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sluice.compare import Pair
from sluice.gate.judgement import Judgement
from sluice.gate.verdict import Word
from sluice.report import markdown_parts as parts
from sluice.report.budget import Page, fitting, size
from sluice.report.content import Content, SuiteContent, content, short_commit
from sluice.report.gates import ARROW
from sluice.report.neutral import block, code, plain
from sluice.report.visible import clipped

BUDGET = 60_000
LEAST_BUDGET = 2_000
CASES = 5
MORE_CASES = 20
MOST_SLICES = 12
_LONGEST_LINE = 400
_RESERVED_NOTE = 500
ICONS: dict[Word, str] = {
    "pass": "\u2705",
    "fail": "\u274c",
    "inconclusive": "\u2754",
    "invalid": "\u26d4",
    "first": "\U0001f195",
    "accepted": "\u2611\ufe0f",
    "skipped": "\u2705",
}
_Listed: TypeAlias = tuple[str, str, Sequence[Pair], Callable[[Pair], str]]
"""A collapsed list: its title, what its members are called, the members, and how one is told."""
_LEGEND = (
    "<sub>Differences in points, in brackets the bounds that the gate uses; sees: the drop that so many cases show "
    "four times in five.{cases}</sub>"
)
_LEGEND_OF_CASES = " In the cases below, `-` is base, `+` is head, and the words that differ are bracketed."
_FIRST_SHOWN: tuple[Word, ...] = ("fail", "invalid", "inconclusive", "accepted", "first")
"""Suites that need eyes come first; the others keep their order."""


def to_markdown(
    judgement: Judgement,
    *,
    budget: int = BUDGET,
    cases: int = CASES,
    collapsed: int = MORE_CASES,
    reproduce: str | None = None,
) -> str:
    """Return the report in at most `budget` bytes of UTF-8, with what did not fit named at its end.

    `cases` bounds the broken cases that stand open, `collapsed` those of each list below; `reproduce` is the command
    to show, by default an evaluation of both commits. Raises ValueError for a budget below `LEAST_BUDGET`.
    """
    if budget < LEAST_BUDGET:
        raise ValueError(f"a report needs at least {LEAST_BUDGET} bytes, not {budget}")
    told = content(judgement, "public")
    page = Page(budget)
    lay_out(page, told, Length(cases, collapsed), ending=closing(told, reproduce))
    return page.text()


@dataclass(frozen=True, slots=True)
class Length:
    """How many cases are shown: of the broken ones standing open, and in each collapsed list."""

    open: int = CASES
    collapsed: int = MORE_CASES


def lay_out(page: Page, told: Content, length: Length, *, opening: Sequence[str] = (), ending: Sequence[str]) -> None:
    """Fill a page: the verdict, what the caller says right below it, the suites, what the caller says last.

    `opening` and `ending` are finished Markdown; room for the ending is kept, the suites share the rest.
    """
    page.reserve(_RESERVED_NOTE)
    page.add(_first_line(told))
    for text in opening:
        page.add(text, "notes")
    _add_list(page, told.edits, "> [!IMPORTANT]\n> This change edits what it is judged by:\n>\n", "> - ", "edits")
    _add_list(page, told.reasons, "", "- ", "reasons")
    kept = min(sum(size(text) + 2 for text in ending), page.room // 2)
    page.reserve(kept)
    for index, suite in enumerate(sorted(told.suites, key=_urgency)):
        legend = _legend(told.suites) if index == 0 else ""
        _add_suite(page, suite, length, legend, page.room // (len(told.suites) - index))
    page.release(kept)
    for text in ending:
        page.add(text, "closing parts")
    page.release(_RESERVED_NOTE)
    page.add(_left_out(page))


def _urgency(suite: SuiteContent) -> int:
    return _FIRST_SHOWN.index(suite.word) if suite.word in _FIRST_SHOWN else len(_FIRST_SHOWN)


def _legend(suites: Sequence[SuiteContent]) -> str:
    shows_cases = any(one.broken or one.repaired or one.changed or one.flaky for one in suites if not one.withheld)
    return _LEGEND.format(cases=_LEGEND_OF_CASES if shows_cases else "")


def _first_line(told: Content) -> str:
    word, _, rest = told.title.partition(":")
    title = (
        f"{ICONS[told.word]} **{word}**{':' if rest else ''}{' ' + plain(clipped(rest, _LONGEST_LINE)) if rest else ''}"
    )
    sides = f"{_commit(told.base_commit, 'base')} {ARROW} {_commit(told.head_commit, 'head')}"
    return " \u00b7 ".join(text for text in (title, plain(told.counts), sides) if text)


def _commit(commit: str | None, side: str) -> str:
    digits = short_commit(commit)
    return f"{side} {code(digits)}" if digits else f"{side} (not committed)"


def _add_list(page: Page, lines: Sequence[str], head: str, bullet: str, kind: str) -> None:
    """Add as many lines as fit into a quarter of what is left."""
    lines = [line for line in lines if line]
    texts = fitting(lines, lambda line: bullet + plain(clipped(line, _LONGEST_LINE)), page.room // 4, "\n")
    if texts:
        page.add(head + "\n".join(texts))
    page.left_out[kind] += len(lines) - len(texts)


def _add_suite(page: Page, suite: SuiteContent, length: Length, legend: str, room: int) -> None:
    """Add one suite in at most `room` bytes: room is kept for the small parts, cases come worst first."""
    end = page.room - room
    page.reserve(end)
    heading = f"#### {ICONS[suite.word]} {parts.named(suite.name)}"
    page.add(f"{heading}\n{plain(clipped(_facts(suite), _LONGEST_LINE))}", "suite headings")
    shown = fitting(suite.rows, lambda row: parts.gate_table((row,)), page.room // 3, "\n")
    if shown:
        page.add(parts.gate_table(suite.rows[: len(shown)]), "gate tables")
        page.add(legend)
    page.left_out["gate rows"] += len(suite.rows) - len(shown)
    _add_list(page, (*suite.reasons, *suite.moved), "", "- ", "reasons")
    small = _small_parts(page, suite)
    kept = size(small) + 2
    page.reserve(kept)
    _add_cases(page, suite, length)
    page.release(kept)
    page.add(small, "collapsed parts")
    page.release(end)


def _facts(suite: SuiteContent) -> str:
    changed = f"changed: {', '.join(suite.why)}" if suite.why else ""
    return "; ".join(part for part in (suite.facts, changed, suite.progress) if part)


def _add_cases(page: Page, suite: SuiteContent, length: Length) -> None:
    tell: Callable[[Pair], str] = lambda pair: parts.case_text(pair, withheld=suite.withheld)  # noqa: E731
    kind = "failing" if suite.first else "broken"
    worst = fitting(suite.broken[: length.open], tell, page.room * 2 // 3)
    if worst:
        title = (
            f"**{len(suite.broken):,} {kind}**{f', the worst {len(worst):,}' if len(worst) < len(suite.broken) else ''}"
        )
        note = "\n\nA dataset's card keeps the outputs out of comments." if suite.withheld else ""
        page.add("\n\n".join([title + note, *worst]))
    rest: list[_Listed] = [
        (f"More {kind} cases", f"{kind} cases", suite.broken[len(worst) :], tell),
        ("Must-pass cases that fail, as on base", "must-pass cases", suite.failing, tell),
        ("Repaired", "repaired cases", suite.repaired, tell),
        ("Changed, same verdict", "changed cases", suite.changed, tell),
        ("Flaky", "flaky cases", suite.flaky, tell),
        ("Errors, neither pass nor fail", "errors", suite.errors, parts.error_line),
    ]
    filled = [one for one in rest if one[2]]
    for index, listed in enumerate(filled):
        _add_details(page, listed, length.collapsed, page.room // (len(filled) - index))


def _add_details(page: Page, listed: _Listed, most: int, room: int) -> None:
    """Add a collapsed list of cases; what does not fit into `room` bytes is counted as left out."""
    title, kind, pairs, tell = listed
    separator = "\n" if tell is parts.error_line else "\n\n"
    texts = fitting(pairs[:most], tell, room - size(title) - 100, separator)
    page.left_out[kind] += len(pairs) - len(texts)
    if texts:
        more = f", first {len(texts):,}" if len(texts) < len(pairs) else ""
        page.add(details(f"{title}: {len(pairs):,}{more}", separator.join(texts)))


def details(summary: str, body: str) -> str:
    """Return a collapsed part; the summary must be this module's own words, for it is not Markdown."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def _small_parts(page: Page, suite: SuiteContent) -> str:
    """Return one collapsed part with the figures that few ask for, in at most half of the room; empty without any."""
    found = suite.slices
    standing = f"{len(found.standing_out):,} stand out" if found.standing_out else "none stands out"
    given = [
        (f"slices ({standing})", "Slices", parts.slices_text(found, MOST_SLICES) if found.tested else ""),
        ("slowest cases", "Slowest cases", parts.slowest_table(suite.slowest) if suite.slowest else ""),
        ("latency, tokens and cost", "Latency, tokens and cost", parts.resources_table(suite)),
        ("tests", "What the verdict rests on", parts.decision_table(suite.metrics) if suite.metrics else ""),
        ("environment", "What ran where, and what was reused", _ran(suite)),
    ]
    shown: dict[str, str] = {}
    room = page.room // 2 - 200
    for name, title, body in given:
        text = f"**{title}**\n\n{body}"
        if body and size(text) + 2 <= room:
            room -= size(text) + 2
            shown[name] = text
        page.left_out["collapsed parts"] += bool(body) and name not in shown
    return details(f"More: {', '.join(shown)}", "\n\n".join(shown.values())) if shown else ""


def _ran(suite: SuiteContent) -> str:
    lines = [f"- this run: {plain(suite.usage)}"]
    if suite.engine:
        lines.append(f"- engine: {plain(suite.engine)}")
    lines += [f"- {plain(clipped(server, _LONGEST_LINE))}" for server in suite.servers]
    return "\n".join(lines)


def closing(told: Content, reproduce: str | None = None) -> list[str]:
    """Return what a report ends with: the next steps, what was not run, and how to reproduce it."""
    texts = []
    if told.next_steps:
        numbered = [
            f"{index + 1}. {plain(clipped(step, _LONGEST_LINE))}" for index, step in enumerate(told.next_steps[:5])
        ]
        steps = "\n".join(numbered) if len(numbered) > 1 else plain(clipped(told.next_steps[0], _LONGEST_LINE))
        texts.append(f"**Next**{chr(10) * 2 if len(numbered) > 1 else ': '}{steps}")
    if told.unaffected:
        names = clipped(", ".join(told.unaffected), _LONGEST_LINE)
        texts.append(f"<sub>Unaffected, not run: {plain(names)}</sub>")
    if told.suites:
        command = reproduce if reproduce is not None else _command(told)
        texts.append(details("Reproduce this on your machine", block(clipped(command, 1000), "sh")))
    return texts


def _command(told: Content) -> str:
    base, head = (short_commit(commit) for commit in (told.base_commit, told.head_commit))
    return "sluice eval" + (f" --base {base}" if base else "") + (f" --head {head}" if head else "")


def _left_out(page: Page) -> str:
    told = [f"{count:,} {kind}" for kind, count in page.left_out.items() if count]
    return (
        f"<sub>Not shown here: {', '.join(told)}. All cases: `sluice compare`, or the run's artifact.</sub>"
        if told
        else ""
    )
