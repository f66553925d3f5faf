"""XML in an output: is-xml (the whole of it) and contains-xml (elements that stand in other text)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from sluice.assertions.model import AssertionConfigError, AssertionType, Check, Compile, Score, Subject, verdict
from sluice.assertions.options import no_threshold
from sluice.schema import Assertion


@dataclass(slots=True)
class Element:
    """An element with its children by name; the root of a document or text has no name."""

    start: int = 0
    end: int = 0
    name: str = ""
    children: list[Element] = field(default_factory=list)

    def has(self, path: list[str]) -> bool:
        """Return whether a path of names leads somewhere; where a name is repeated, the next part is a number."""
        if not path:
            return True
        found = [child for child in self.children if child.name == path[0]]
        if len(found) < 2 or len(path) == 1:
            return bool(found) and found[0].has(path[1:])
        return path[1].isdecimal() and int(path[1]) < len(found) and found[int(path[1])].has(path[2:])


class _Refused(Exception):
    """A document type declaration, which could define entities."""


def _refuse_doctype(*_: object) -> None:
    raise _Refused


def document(text: str) -> Element:
    """Return the root of a well-formed XML document; raise ValueError otherwise, and for any DOCTYPE."""
    root = Element()
    stack = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        element = Element(name=name)
        stack[-1].children.append(element)
        stack.append(element)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: stack.pop()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(text.strip(), True)
    except _Refused:
        raise ValueError("it has a document type declaration") from None
    except (expat.ExpatError, ValueError) as error:
        raise ValueError(str(error)) from None
    return root


# Elements in other text

_FIRST = ":A-Z_a-zÀ-ÖØ-öø-˿Ͱ-ͽͿ-῿‌-‍⁰-↏Ⰰ-⿯、-퟿豈-﷏ﷰ-�\U00010000-\U000effff"
_TAG = re.compile(
    r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"
    r"|<!(?:[^>\"'\[]|\"[^\"]*\"|'[^']*'|\[[^\]]*\])*(?:>|\Z)"
    rf"|<(?P<closing>/?)(?P<name>[{_FIRST}][{_FIRST}\-.0-9·̀-ͯ‿-⁀]*)"
    r"(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>",
    re.DOTALL,
)


def elements(text: str) -> list[Element]:
    """Return the outermost balanced elements of a text; a closing tag that does not fit ends what is open."""
    found: list[Element] = []
    stack: list[Element] = []
    for match in _TAG.finditer(text):
        name = match["name"]
        if name is None:
            continue
        if not match["closing"]:
            element = Element(match.start(), match.end(), name)
            if match["rest"].rstrip().endswith("/"):
                _close(element, stack, found)
            else:
                stack.append(element)
        elif stack and stack[-1].name == name:
            element = stack.pop()
            element.end = match.end()
            _close(element, stack, found)
        else:
            found += [child for one in stack for child in one.children]
            stack = []
    return found + [child for one in stack for child in one.children]


def _close(element: Element, stack: list[Element], found: list[Element]) -> None:
    (stack[-1].children if stack else found).append(element)


def _candidates(text: str) -> Iterator[Element]:
    """Yield what may hold the required elements: all outermost elements together, then each by itself."""
    found = elements(text)
    if len(found) > 1:
        yield Element(children=found)
    for element in found:
        yield Element(children=[element])


def xml_problem(text: str, required: tuple[str, ...]) -> str | None:
    """Return why a text is not XML with these elements, or None where it is."""
    try:
        root = document(text)
    except ValueError as error:
        return f"the output is not XML: {error}"
    missing = [path for path in required if not root.has(path.split("."))]
    return f"the XML lacks {', '.join(missing)}" if missing else None


def contained_xml_problem(text: str, required: tuple[str, ...]) -> str | None:
    """Return why a text holds no XML elements with these paths, or None where it does."""
    problem = "the output holds no XML element"
    for root in _candidates(text):
        if all(root.has(path.split(".")) for path in required):
            return None
        problem = f"no XML in the output has {', '.join(required)}"
    return problem


def _compile(problem: Callable[[str, tuple[str, ...]], str | None], good: str) -> Compile:
    def compile_xml(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        no_threshold(assertion)
        required = _required_elements(assertion)

        def judge(subject: Subject) -> Score:
            found = problem(subject.output, required)
            return verdict(found is None, found or good)

        return Check(judge)

    return compile_xml


def _required_elements(assertion: Assertion) -> tuple[str, ...]:
    value = assertion.value
    items = value.split(",") if isinstance(value, str) else ([] if value is None else value)
    if not isinstance(items, list) or not all(isinstance(item, str) and item.strip() for item in items):
        found = f"{assertion.type} takes nothing, or element paths such as [answer, answer.source]"
        raise AssertionConfigError(found, "value")
    return tuple(item.strip() for item in items)


TYPES = (
    AssertionType(
        "is-xml",
        "the whole output is one well-formed XML document without a document type declaration; with a value, it has "
        "these elements (dotted paths from the root; after a repeated name its number, from 0)",
        "binary",
        2,
        _compile(xml_problem, "well-formed XML"),
    ),
    AssertionType(
        "contains-xml",
        "a balanced XML element stands somewhere in the output; with a value, one of the outermost ones, or all of "
        "them together, has these elements (dotted paths as for is-xml)",
        "binary",
        1,
        _compile(contained_xml_problem, "the output holds XML"),
    ),
)
