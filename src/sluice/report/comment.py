"""The one comment of a pull request: the report, the heads judged before, and what can be done next."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.gate.judgement import Judgement
from sluice.report.budget import Page
from sluice.report.content import Content, content, short_commit
from sluice.report.heads import MOST_CHARACTERS, Heads, JudgedHead, address, hidden, read_heads
from sluice.report.markdown import ICONS, Length, closing, details, lay_out
from sluice.report.neutral import code, plain
from sluice.report.rendered import RenderedChange
from sluice.report.rendered_text import TITLE, rendered_markdown
from sluice.report.visible import clipped, one_line

MARKER = "<!-- sluice:report -->"
BUDGET = 65_000
"""GitHub refuses more than 65,536 characters; bytes are never fewer, and whoever posts adds a mark of its own."""
MOST_NOTE = 600
ROOMS = (22_000, 12_000, 5_000)
"""Bytes for what would be released: less where the cases need the rest."""
CAUTION = "Rendered by the pull request's own code: it informs, and proves nothing."
COMMANDS = ("/eval [suite] [--full]", "/retry-errors", "/accept CASE\u2026 reason", "/help")
_DOT = " \u00b7 "


def to_comment(
    judgement: Judgement,
    *,
    previous: str | None = None,
    run_url: str = "",
    note: str | None = None,
    rendered: RenderedChange | str | None = None,
) -> str:
    """Return the text of the comment: at most `BUDGET` bytes, nothing of others in it links, mentions or formats.

    `previous` is the text that it replaces: the heads judged so far are read from it, and nothing else. `run_url`
    is linked where it is a plain address. `note` stands right below the verdict, as plain words. `rendered` is what a
    release of the change would differ in, or why that cannot be shown.
    """
    told = content(judgement, "public")
    heads = _heads(told, read_heads(previous), run_url)
    opening = [f"> [!NOTE]\n> {plain(clipped(note, MOST_NOTE))}"] if note else []
    for room in ROOMS:
        page = Page(BUDGET)
        page.add(f"{MARKER}\n{hidden(heads)}")
        ending = [*_released(rendered, room), *closing(told), *_earlier(heads, told.head_commit), _foot(heads, run_url)]
        lay_out(page, told, Length(), opening=opening, ending=ending)
        if not page.left_out["closing parts"]:
            break
    return page.text()


def worth_a_comment(judgement: Judgement, rendered: RenderedChange | str | None = None) -> bool:
    """Tell whether there is anything to say: a change that affects nothing gets no comment of its own."""
    judged = bool(judgement.suites or judgement.edits) or judgement.verdict.word not in ("pass", "skipped")
    return judged or worth_showing(rendered)


def worth_showing(rendered: RenderedChange | str | None) -> bool:
    """Tell whether an environment would change; that nothing could be read is no news by itself."""
    return isinstance(rendered, RenderedChange) and rendered.differs


def _released(rendered: RenderedChange | str | None, room: int) -> Sequence[str]:
    if isinstance(rendered, str):
        return (f"#### {TITLE}\n\nIt cannot be shown: {plain(clipped(rendered, MOST_NOTE))}",)
    return (rendered_markdown(rendered, room, CAUTION),) if rendered is not None and rendered.environments else ()


def _heads(told: Content, before: Heads, run_url: str) -> Heads:
    """Add the judged head; a head that is not committed cannot be told from another."""
    commit = (told.head_commit or "").lower()
    if len(commit) not in (40, 64) or not short_commit(commit):
        return before
    figures = told.title.partition(":")[2].strip()
    words = clipped(one_line(_DOT.join(part for part in (figures, told.counts) if part)), MOST_CHARACTERS)
    return before.with_head(JudgedHead(head=commit, word=told.word, told=_storable(words), run=address(run_url)))


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _earlier(heads: Heads, current: str | None) -> Sequence[str]:
    shown = [one for one in reversed(heads.heads) if one.head != (current or "").lower()]
    if not shown:
        return ()
    more = heads.judged - len(heads.heads)
    lines = [*map(_line, shown), *([f"- and {more:,} before these"] if more > 0 else [])]
    return (details(f"Earlier heads of this pull request: {heads.judged - 1:,}", "\n".join(lines)),)


def _line(one: JudgedHead) -> str:
    run = address(one.run)
    told = [f"{code(one.head[:7])} {ICONS[one.word]} {one.word}", plain(one.told), f"[run]({run})" if run else ""]
    return f"- {_DOT.join(part for part in told if part)}"


def _foot(heads: Heads, run_url: str) -> str:
    link = address(run_url)
    told = [
        f"[This run]({link})" if link else "",
        f"{heads.judged:,} {'head' if heads.judged == 1 else 'heads'} judged here so far" if heads.judged else "",
        f"commands: {', '.join(map(code, COMMANDS))}",
    ]
    return f"<sub>{_DOT.join(part for part in told if part)}</sub>"
