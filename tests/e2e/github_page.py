"""A comment's Markdown as GitHub makes a page of it: its parser, its sanitiser, its references, its alerts.

GitHub's own parser (cmark-gfm) does the Markdown. What follows it on GitHub is not published as a whole: here the
parts that others' text could abuse are acted out as broadly as they could be, so that a test errs on the safe side.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options

STYLE = Path(__file__).with_name("github.css").read_text(encoding="utf-8")
ALLOWED = frozenset((
    "a", "p", "br", "b", "strong", "em", "i", "code", "pre", "span", "sub", "sup", "del", "ul", "ol", "li",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "table", "thead", "tbody", "tr", "th", "td", "details", "summary",
    "blockquote", "img", "div", "input", "section",
))  # fmt: skip
VOID = frozenset({"br", "hr", "img", "input"})
REFERENCES = re.compile(
    r"(?P<mention>(?<![\w/`])@[a-z0-9][a-z0-9-]*(?:/[a-z0-9._-]+)?)"
    r"|(?P<issue>(?<![\w&])(?:[\w.-]+/[\w.-]+|[\w.-]+)?#\d+|\bGH-\d+|\b[A-Z]{2,}-\d+)"
    r"|(?P<commit>\b[0-9a-f]{7,40}\b)"
    r"|(?P<emoji>:[\w+-]+:)"
    r"|(?P<maths>\$[^$\s][^$]*\$)",
    re.IGNORECASE,
)
ALERT = re.compile(
    r"<blockquote>\s*<p>\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\](?:<br ?/?>)?\s*(?:</p>)?", re.IGNORECASE
)


def github_html(source: str) -> str:
    """Return the HTML of a comment: line ends break lines there, and references become links."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES | Options.CMARK_OPT_HARDBREAKS
    rendered = cmarkgfm.github_flavored_markdown_to_html(source, options)
    walker = _Walker()
    walker.feed(rendered)
    walker.close()
    return _alerts("".join(walker.parts))


def page(source: str) -> str:
    """Return a document that shows one comment as a person sees it."""
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><style>{STYLE}</style></head><body><div class="comment">'
        f'<div class="head">github-actions commented · edited</div><div class="body">{github_html(source)}</div>'
        "</div></body></html>"
    )


def elements(rendered: str) -> list[str]:
    """Return every element of a piece of HTML in order, closing ones as `/name`."""
    lister = _Lister()
    lister.feed(rendered)
    return lister.found


class _Lister(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")


class _Walker(HTMLParser):
    """Drops what GitHub's sanitiser drops, links what it links, and colours differences."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.open: list[str] = []
        self.difference = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED:
            return
        given = dict(attrs)
        if tag == "pre":
            self.difference = given.get("lang") == "diff"
        kept = [(name, given[name]) for name in ("href", "src", "align", "open") if name in given]
        self.parts.append(f"<{tag}{''.join(f' {name}={_quoted(value)}' for name, value in kept)}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ALLOWED and tag in self.open:
            while (last := self.open.pop()) != tag:
                self.parts.append(f"</{last}>")
            self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if "pre" in self.open:
            self.parts.append("\n".join(map(self._line, data.split("\n"))))
        elif {"a", "code"} & set(self.open):
            self.parts.append(html.escape(data))
        else:
            self.parts.append(_referenced(data))

    def _line(self, line: str) -> str:
        kind = {"-": "gone", "+": "came", "#": "remark"}.get(line[:1]) if self.difference else None
        told = html.escape(line)
        return f'<span class="{kind}">{told}</span>' if kind else told


def _referenced(text: str) -> str:
    parts, end = [], 0
    for match in REFERENCES.finditer(text):
        kind, found = match.lastgroup, html.escape(match.group())
        linked = f"<img src=about:blank alt={_quoted(found)}>" if kind == "emoji" else f'<a href="#{kind}">{found}</a>'
        parts += [html.escape(text[end : match.start()]), linked]
        end = match.end()
    return "".join([*parts, html.escape(text[end:])])


def _quoted(value: str | None) -> str:
    return f'"{html.escape(value or "")}"'


def _alerts(rendered: str) -> str:
    def title(match: re.Match[str]) -> str:
        kind = match[1].lower()
        start = "" if "</p>" in match.group() else "<p>"
        return f'<div class="alert {kind}"><p class="title">{kind.capitalize()}</p>{start}'

    parts = ALERT.split(rendered)
    if len(parts) == 1:
        return rendered
    told, rest = [], rendered
    while match := ALERT.search(rest):
        told += [rest[: match.start()], title(match)]
        inside, _, rest = rest[match.end() :].partition("</blockquote>")
        told += [inside, "</div>"]
    return "".join([*told, rest])
