"""A judgement as Markdown for a pull request's comment or a job summary: verdict first, within a number of bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    "skipped": "\u2705",
}
_Listed: TypeAlias = tuple[str, str, Sequence[Pair], Callable[[Pair], str]]
"""A collapsed list: its title, what its members are called, the members, and how one is told."""
_LEGEND = (
    "<sub>Differences in points, in brackets the bounds that the gate uses; sees: the drop that so many cases show "
    "four times in five. In the cases below, `-` is base, `+` is head, and the words that differ are bracketed.</sub>"
)


def to_markdown(judgement: Judgement, *, budget: int = BUDGET, cases: int = CASES, reproduce: str | None = None) -> str:
    """Return the report in at most `budget` bytes of UTF-8, with what did not fit named at its end.

    `cases` bounds the broken cases that stand open; `reproduce` is the command to show, by default an evaluation of
    both commits. Raises ValueError for a budget below `LEAST_BUDGET`.
    """
    if budget < LEAST_BUDGET:
        raise ValueError(f"a report needs at least {LEAST_BUDGET} bytes, not {budget}")
    told = content(judgement, "public")
    page = Page(budget)
    page.reserve(_RESERVED_NOTE)
    page.add(_first_line(told))
    _add_list(page, told.edits, "> [!IMPORTANT]\n> This change edits what it is judged by:\n>\n", "> - ", "edits")
    _add_list(page, told.reasons, "", "- ", "reasons")
    closing = _closing(told, reproduce)
    kept = sum(size(text) + 2 for text in closing)
    page.reserve(kept)
    for index, suite in enumerate(told.suites):
        _add_suite(page, suite, cases, page.room // (len(told.suites) - index))
    page.release(kept)
    for text in closing:
        page.add(text)
    page.release(_RESERVED_NOTE)
    page.add(_left_out(page))
    return page.text()


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


def _add_suite(page: Page, suite: SuiteContent, cases: int, room: int) -> None:
    """Add one suite in at most `room` bytes: small parts first, then cases, worst first."""
    end = page.room - room
    page.reserve(end)
    page.add(f"#### {plain(suite.name)}\n{plain(clipped(_facts(suite), _LONGEST_LINE))}", "suite headings")
    shown = fitting(suite.rows, lambda row: parts.gate_table((row,)), page.room // 3, "\n")
    if shown:
        page.add(f"{parts.gate_table(suite.rows[: len(shown)])}\n\n{_LEGEND}", "gate tables")
    page.left_out["gate rows"] += len(suite.rows) - len(shown)
    _add_list(page, (*suite.reasons, *suite.moved), "", "- ", "reasons")
    small = [text for text in _small_parts(suite) if text]
    kept = sum(size(text) + 2 for text in small)
    affordable = kept <= page.room // 2
    page.reserve(kept if affordable else 0)
    _add_cases(page, suite, cases)
    page.release(kept if affordable else 0)
    for text in small:
        page.add(text, "collapsed parts")
    page.release(end)


def _facts(suite: SuiteContent) -> str:
    return f"{suite.facts}; {suite.progress}" if suite.progress else suite.facts


def _add_cases(page: Page, suite: SuiteContent, cases: int) -> None:
    tell: Callable[[Pair], str] = lambda pair: parts.case_text(pair, withheld=suite.withheld)  # noqa: E731
    kind = "failing" if suite.first else "broken"
    worst = fitting(suite.broken[:cases], tell, page.room * 2 // 3)
    if worst:
        title = (
            f"**{len(suite.broken):,} {kind}**{f', the worst {len(worst):,}' if len(worst) < len(suite.broken) else ''}"
        )
        note = "\n\nThe dataset's card keeps the outputs out of comments." if suite.withheld else ""
        page.add("\n\n".join([title + note, *worst]))
    rest: list[_Listed] = [
        (f"More {kind} cases", f"{kind} cases", suite.broken[len(worst) :], tell),
        ("Repaired", "repaired cases", suite.repaired, tell),
        ("Changed, same verdict", "changed cases", suite.changed, tell),
        ("Flaky", "flaky cases", suite.flaky, tell),
        ("Errors, neither pass nor fail", "errors", suite.errors, parts.error_line),
    ]
    filled = [one for one in rest if one[2]]
    for index, listed in enumerate(filled):
        _add_details(page, listed, page.room // (len(filled) - index))


def _add_details(page: Page, listed: _Listed, room: int) -> None:
    """Add a collapsed list of cases; what does not fit into `room` bytes is counted as left out."""
    title, kind, pairs, tell = listed
    separator = "\n" if tell is parts.error_line else "\n\n"
    texts = fitting(pairs[:MORE_CASES], tell, room - size(title) - 100, separator)
    page.left_out[kind] += len(pairs) - len(texts)
    if texts:
        more = f", first {len(texts):,}" if len(texts) < len(pairs) else ""
        page.add(_details(f"{title}: {len(pairs):,}{more}", separator.join(texts)))


def _details(summary: str, body: str) -> str:
    """Return a collapsed part; the summary must be this module's own words, for it is not Markdown."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def _small_parts(suite: SuiteContent) -> list[str]:
    found = suite.slices
    standing = f"{len(found.standing_out):,} that stand out" if found.standing_out else "none stands out"
    return [
        _details(f"Slices: {standing}", parts.slices_text(found, MOST_SLICES)) if found.tested else "",
        _details("Slowest cases", parts.slowest_table(suite.slowest)) if suite.slowest else "",
        _details("Latency, tokens and cost", parts.resources_table(suite)),
        _details("What the verdict rests on", parts.decision_table(suite.metrics)) if suite.metrics else "",
        _details("What ran, and what was reused", _ran(suite)),
    ]


def _ran(suite: SuiteContent) -> str:
    lines = [f"- this run: {plain(suite.usage)}"]
    if suite.engine:
        lines.append(f"- engine: {plain(suite.engine)}")
    if suite.why:
        lines.append(f"- differs from base in: {plain(clipped(', '.join(suite.why), _LONGEST_LINE))}")
    return "\n".join(lines)


def _closing(told: Content, reproduce: str | None) -> list[str]:
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
        texts.append(_details("Reproduce this on your machine", block(clipped(command, 1000), "sh")))
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
