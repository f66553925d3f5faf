"""Text that others wrote, made inert for GitHub's Markdown: nothing in it links, mentions, embeds or formats."""

from __future__ import annotations

import re

from sluice.report.visible import one_line, visible

BREAK = "\u2060"
"""A word joiner: invisible, takes no part in a line break, and ends every name, number or scheme before it."""

_MARKUP = re.compile(r"[\\`*_{}\[\]()<>|~$&!#+=^-]")
_REPLACED = {"|": "&#124;", "<": "&lt;", ">": "&gt;", "&": "&amp;", "$": "<span>$</span>"}
"""A dollar sign that stands alone in its element begins no formula; GitHub documents no other way."""
_LITERAL = frozenset("()-=!+#")
"""Marks that mean something only at the start of a line (or after another mark, which is escaped)."""
_NUMBERED = re.compile(r"^(\d{1,9})(?=[.)](?:\s|$))")
_ACTIVE = re.compile(
    r"@"  # mentions, teams and addresses
    r"|#(?=\w)|(?<=[A-Za-z])-(?=\d)"  # #1, GH-1, owner/repo#1, JIRA-1, CVE-1
    r"|:(?=//)|[Ww]{3}(?=\.)"  # bare addresses
    r"|:(?=[\w+-]+(?::|$))"  # emoji names, some of which are pictures; what follows the text may end one
    r"|[Gg][Hh][Ss][Aa](?=-)"  # advisories
)
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{7,}")
_COMMENT = re.compile(r"<(?=!)|--(?=!?>)")
_BACKTICKS = re.compile(r"`+")
MOST_HEXADECIMAL = 6
"""Seven hexadecimal digits in a row may be taken for a commit."""


def plain(text: str) -> str:
    """Return the text as one inert line of Markdown prose; it may stand in a table cell or a list item."""
    return _inert(_NUMBERED.sub(rf"\1{BREAK}", one_line(text)))


def code(text: str) -> str:
    """Return the text as one code span, longer fenced than any backticks in it; not for table cells (pipes)."""
    line = uncommented(one_line(text))
    if not line:
        return ""
    fence = "`" * (_longest_backticks(line) + 1)
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def block(lines: str, language: str = "") -> str:
    """Return a fenced code block, its fence longer than any backticks inside; ends without a line feed."""
    body = uncommented(visible(lines))
    fence = "`" * max(3, _longest_backticks(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def uncommented(text: str) -> str:
    """Return the text with HTML comment marks broken, so that nothing in it can pass for a report's own marker."""
    return _COMMENT.sub(lambda match: match.group()[0] + BREAK + match.group()[1:], text)


def _inert(line: str) -> str:
    broken = _ACTIVE.sub(lambda match: match.group() + BREAK, line)
    broken = _HEXADECIMAL.sub(_split, broken)
    return _MARKUP.sub(_escaped, broken)


def _split(match: re.Match[str]) -> str:
    digits = match.group()
    return BREAK.join(digits[i : i + MOST_HEXADECIMAL] for i in range(0, len(digits), MOST_HEXADECIMAL))


def _escaped(match: re.Match[str]) -> str:
    mark = match.group()
    return _REPLACED.get(mark) or (mark if mark in _LITERAL and match.start() else f"\\{mark}")


def _longest_backticks(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
