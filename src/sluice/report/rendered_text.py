"""A rendered difference as text and Markdown: what persons wrote is inert, no line of a file leaves its fence."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sluice.digest import short
from sluice.report.budget import Page, size
from sluice.report.gates import ARROW
from sluice.report.markdown import details
from sluice.report.markdown_parts import named
from sluice.report.neutral import block, code, plain
from sluice.report.numbers import counted
from sluice.report.privacy import Audience, masked, may_show
from sluice.report.rendered import RenderedChange, RenderedEnvironment, RenderedObject, RenderedPart
from sluice.report.visible import clipped, one_line, visible

TITLE = "What would be released"
_LINE = 100
_LONGEST = 400
_LONGEST_NAME = 120
_FOOT = 800
_REFUSED = "\u26d4 "
_MARKS = {"added": "+", "removed": "\u2212", "changed": "~"}


def rendered_text(change: RenderedChange) -> str:
    """Return everything, for a terminal."""
    blocks = ["\n".join(_told(one)) for one in change.environments]
    return "\n\n".join(blocks) + "\n"


def _told(one: RenderedEnvironment) -> Iterator[str]:
    yield f"{one.name}: {headline(one)}"
    yield from (f"  {one_line(line)}" for line in _words(one))
    for found in one.objects:
        yield f"  {one_line(_name(found))}"
        for part in found.parts:
            yield from (f"    {line}" for line in _body(part, "private", wrapped=False))


def headline(one: RenderedEnvironment, tell: Callable[[str], str] = str) -> str:
    """Return what happens to an environment, in our own words; `tell` writes a digest."""
    if not one.differs:
        return "unchanged"
    before, after = (tell(short(digest)) if digest else None for digest in (one.base, one.head))
    told = f"release {after}" if before == after or not before else f"release {before} {ARROW} {after}"
    parts = [told if after else f"release {before} is the last", *_counts(one)]
    if one.refusals:
        parts.append("would be refused")
    return ", ".join(parts)


def _counts(one: RenderedEnvironment) -> Iterator[str]:
    if one.unrendered:
        yield "manifests not compared"
        return
    kinds = [found.change for found in one.objects]
    told = [f"{kinds.count(kind):,} {kind}" for kind in ("changed", "added", "removed") if kind in kinds]
    told += [f"{one.more:,} more"] if one.more else []
    yield f"objects: {', '.join(told)}" if told else "the same manifests"


def _words(one: RenderedEnvironment) -> list[str]:
    """Return every sentence about an environment, refusals first, without credentials and personal data."""
    compared = one.differs and one.head is not None and not one.unrendered
    still = ["no pod restarts"] if compared and not one.restarts else []
    told = [
        *(f"refused: {line}" for line in one.refusals),
        *one.changes,
        *(f"pods restart: {line}" for line in one.restarts),
        *still,
        *one.gpus,
        *one.notes,
    ]
    return list(map(masked, told))


def _name(found: RenderedObject) -> str:
    now = clipped(found.name, _LONGEST_NAME)
    name = f"{clipped(found.before, _LONGEST_NAME)} {ARROW} {now}" if found.before else now
    return f"{_MARKS[found.change]} {clipped(found.kind, _LONGEST_NAME)} {name}"


def _body(part: RenderedPart, audience: Audience, *, wrapped: bool = True) -> list[str]:
    """Return the lines of a part under its own name; masked, and none where the card withholds them."""
    head = [f"# {clipped(one_line(part.place), _LONGEST_NAME)}"] if part.place else []
    if not may_show(part.outputs, audience):
        return [*head, f"# {counted(len(part.lines) + part.more, 'line')}, which a dataset's card withholds"]
    told = [piece for line in _masked(part.lines) for piece in (_wrapped(line) if wrapped else [line])]
    return [*head, *told, *([f"# and {counted(part.more, 'more line')}"] if part.more else [])]


def _masked(lines: Sequence[str]) -> list[str]:
    """Return lines without credentials and personal data; the mark of a line is no part of what is looked at."""
    whole = list(map(_one, lines))
    told = masked("\n".join(line[1:] for line in whole)).split("\n")
    return [line[0] + text for line, text in zip(whole, told, strict=False)]


def _one(line: str) -> str:
    """Return one line that begins as a line of a difference does, whatever the file says."""
    text = visible(line).replace("\n", "\\n")
    return text if text[:1] in (" ", "-", "+", "@") else f" {text}"


def _wrapped(line: str) -> list[str]:
    """Break a long line of prose; what follows keeps mark and indentation. A digest stays beside its key."""
    line = clipped(line, 10 * _LINE)
    if len(line) <= _LINE or max(map(len, line.split()), default=0) > _LINE // 2:
        return [line]
    mark, rest = line[:1], line[1:]
    blanks = " " * min(len(rest) - len(rest.lstrip(" ")), _LINE // 2)
    pieces = textwrap.wrap(rest.strip(" "), _LINE - len(blanks), break_on_hyphens=False)
    return [f"{mark}{blanks}{piece}" for piece in pieces] or [line]


@dataclass(slots=True)
class _Shown:
    """Which differences stand in the text already, and where: two environments often change alike."""

    places: dict[tuple[str, tuple[RenderedPart, ...]], str] = field(default_factory=dict)


def rendered_markdown(change: RenderedChange, room: int, caution: str = "") -> str:
    """Return the section in at most `room` bytes: a line for each environment, collapsed lists, what was left out.

    `caution` is a sentence of our own that stands at its end.
    """
    page = Page(room)
    page.reserve(_FOOT)
    page.add(f"#### {TITLE}", "headings")
    shown, differing = _Shown(), [one for one in change.environments if one.differs]
    still = [one.name for one in change.environments if not one.differs]
    for index, one in enumerate(differing):
        _add_environment(page, one, shown, page.room // (len(differing) - index))
    if still:
        page.add(f"{', '.join(f'**{plain(name)}**' for name in still)}: unchanged", "environments")
    page.release(_FOOT)
    page.add(_foot(change, page, caution))
    return page.text().rstrip("\n")


def _add_environment(page: Page, one: RenderedEnvironment, shown: _Shown, room: int) -> None:
    end = page.room - room
    page.reserve(end)
    page.add(f"{_REFUSED if one.refusals else ''}**{plain(one.name)}**: {headline(one, code)}", "environments")
    lines = [f"- {plain(clipped(line, _LONGEST))}" for line in _words(one)]
    kept: list[str] = []
    for line in lines:
        if sum(map(size, kept)) + size(line) + len(kept) < page.room // 3:
            kept.append(line)
    page.left_out["lines about environments"] += len(lines) - len(kept)
    page.add("\n".join(kept), "lines about environments")
    _add_objects(page, one, shown)
    page.release(end)


def _add_objects(page: Page, one: RenderedEnvironment, shown: _Shown) -> None:
    """Add the objects as one collapsed part; a long one is cut, so that others are seen too."""
    if not one.objects:
        return
    texts: list[str] = []
    room = page.room - 200
    for index, found in enumerate(one.objects):
        text = _object(found, one.name, shown, room // max(1, min(3, len(one.objects) - index)), page)
        if size(text) + 2 > room:
            page.left_out["objects"] += 1
            continue
        room -= size(text) + 2
        texts.append(text)
    page.left_out["objects"] += one.more
    if texts:
        some = "" if len(texts) == len(one.objects) + one.more else f", {len(texts):,} shown"
        title = f"Manifests that differ: {len(one.objects) + one.more:,}{some}"
        page.add(details(title, "\n\n".join(texts)), "objects")


def _object(found: RenderedObject, here: str, shown: _Shown, room: int, page: Page) -> str:
    happened = "" if found.change == "changed" else f", {found.change}"
    heading = f"**{named(found.kind) or 'Object'}** {_names(found)}{happened}"
    if not found.parts:
        return f"{heading}: what it holds is not shown"
    key = (found.kind, found.parts)
    if key in shown.places:
        return f"{heading}: as in {plain(shown.places[key])}"
    lines = [line for part in found.parts for line in _body(part, "public")]
    kept = _fitting(lines, room - size(heading) - 200)
    if len(kept) == len(lines):
        shown.places[key] = here
    left = len(lines) - len(kept) + sum(part.more for part in found.parts)
    page.left_out["lines"] += left
    told = [*kept, f"# and {counted(len(lines) - len(kept), 'more line')}"] if len(kept) < len(lines) else kept
    return f"{heading}\n\n{block(chr(10).join(told), 'diff')}"


def _names(found: RenderedObject) -> str:
    names = [found.before, found.name] if found.before else [found.name]
    return f" {ARROW} ".join(code(clipped(one_line(name), _LONGEST_NAME)) for name in names)


def _fitting(lines: list[str], room: int) -> list[str]:
    """Return as many of the first lines as a number of bytes holds."""
    kept: list[str] = []
    for line in lines:
        room -= size(line) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _foot(change: RenderedChange, page: Page, caution: str) -> str:
    left = [f"{count:,} {kind}" for kind, count in page.left_out.items() if count]
    sides = [f"--{name} {commit[:12]}" for name, commit in (("base", change.base), ("head", change.head)) if commit]
    command = code(" ".join(["sluice render --environment all", *sides]))
    told = [caution, f"Not shown here: {', '.join(left)}." if left else "", f"All of it: {command}"]
    return f"<sub>{' '.join(filter(None, told))}</sub>"
