"""HTML in an output: is-html (the whole of it) and contains-html (something that looks like it)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any

from sluice.assertions.model import AssertionType, Check, Compile, Score, Subject, verdict
from sluice.assertions.options import no_threshold, no_value
from sluice.schema import Assertion

MAX_CHARACTERS = 10 * 1024 * 1024
_WRAPPERS = ("html", "head", "body")
_ELEMENTS = frozenset(
    """a abbr address area article aside audio b base bdi bdo blockquote body br button canvas caption cite code col
    colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset figcaption figure footer form h1 h2 h3
    h4 h5 h6 head header hr html i iframe img input ins kbd label legend li link main map mark math menu meta meter nav
    noscript object ol optgroup option output p param picture pre progress q rp rt ruby s samp script section select
    slot small source span strong style sub summary sup svg table tbody td template textarea tfoot th thead time title
    tr track u ul var video wbr""".split()  # noqa: SIM905 - a list of 110 quoted words is not read
)


class _Openings(HTMLParser):
    """Collects the names of the start tags that really stand in a text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)


def html_problem(text: str) -> str | None:
    """Return why a text is not HTML as a whole, or None where it is.

    A parser of HTML accepts every text, so this asks for more: an element that HTML knows (or a custom one, with a
    hyphen), and no bare text beside the elements unless a `body` is written out.
    """
    trimmed = text.strip()
    if not trimmed:
        return "the output is empty"
    if len(trimmed) > MAX_CHARACTERS:
        return f"the output has more than {MAX_CHARACTERS} characters"
    if trimmed[:5].lower() == "<?xml":
        return "the output begins as XML"
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(trimmed)
    openings = _Openings()
    openings.feed(trimmed)
    body = tree.body
    if body is not None and "body" not in openings.names and _bare_text(body):
        return "text stands beside the elements"
    return None if _known_element(tree.root, openings.names) else "the output has no element of HTML"


def _bare_text(body: Any) -> bool:
    return any(node.tag == "-text" and (node.text_content or "").strip() for node in body.iter(include_text=True))


def _known_element(root: Any, written: set[str]) -> bool:
    if root is None:
        return False
    for node in root.traverse(include_text=False):
        name = (node.tag or "").lower()
        if name in _WRAPPERS:
            if name in written:
                return True
        elif name in _ELEMENTS or ("-" in name and not name.startswith("-")):
            return True
    return False


# Traces of HTML in other text, each with its weight; two together are enough.

_OPENING = re.compile(r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^>]*)?>")
_CLOSING = re.compile(r"</[a-zA-Z][a-zA-Z0-9-]*\s*>")
_TRACES = (
    (re.compile(r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^>]*)?/>"), 1),
    (re.compile(r"&(?:[a-zA-Z]+|#[0-9]+|#x[0-9a-fA-F]+);"), 1),
    (re.compile(r"<!DOCTYPE\s+html", re.IGNORECASE), 2),
    (re.compile(r"<!--(?:[^-]|-(?!->))*-->"), 1),
    (re.compile(r"\s[a-zA-Z-]+=\s*[\"'][^\"']*[\"']"), 1),
    (
        re.compile(
            r"<(?:html|head|body|div|span|p|a|img|h[1-6]|ul|ol|li|table|tr|td|th|form|input|button|script|style|link"
            r"|meta|br|hr)\b",
            re.IGNORECASE | re.ASCII,
        ),
        2,
    ),
)


def looks_like_html(text: str) -> bool:
    """Return whether a text holds HTML: a well-known tag, a doctype, a pair of tags, or two weaker traces."""
    if len(text) > MAX_CHARACTERS:
        return False
    weight = bool(_OPENING.search(text)) + bool(_CLOSING.search(text))
    return weight + sum(points for pattern, points in _TRACES if pattern.search(text)) >= 2


def _compile(problem: Callable[[str], str | None], good: str) -> Compile:
    def compile_html(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        no_value(assertion)
        no_threshold(assertion)

        def judge(subject: Subject) -> Score:
            found = problem(subject.output)
            return verdict(found is None, found or good)

        return Check(judge)

    return compile_html


def _no_trace(text: str) -> str | None:
    return None if looks_like_html(text) else "the output holds no HTML"


TYPES = (
    AssertionType(
        "is-html",
        "the whole output is HTML: it has an element that HTML knows, and no text beside the elements unless a body is "
        "written out",
        "binary",
        1,
        _compile(html_problem, "HTML"),
    ),
    AssertionType(
        "contains-html",
        "the output holds HTML: a well-known tag, a doctype, an opening and a closing tag, or two of: a tag that "
        "closes itself, an entity, a comment, an attribute, an opening or closing tag",
        "binary",
        1,
        _compile(_no_trace, "the output holds HTML"),
    ),
)
