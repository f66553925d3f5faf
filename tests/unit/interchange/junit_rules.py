"""The schema that Jenkins publishes for JUnit XML (junit-10), as far as our documents use it, read strictly."""

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

TIME = re.compile(r"\d+(\.\d{0,3})?")
COUNT = re.compile(r"\d+")
TEXT = re.compile(r"[\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
TIMES, COUNTS = {"time"}, {"tests", "failures", "errors", "skipped"}


@dataclass(frozen=True)
class Rule:
    """One element: its required and optional attributes, its children, and whether it may hold text."""

    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    text: bool = False
    once: frozenset[str] = field(default_factory=frozenset)


def _rule(required="", optional="", children="", text=False, once=""):
    return Rule(*(frozenset(words.split()) for words in (required, optional, children)), text, frozenset(once.split()))


RULES = {
    "testsuites": _rule("name", "tests failures errors time", "testsuite"),
    "testsuite": _rule("name tests failures errors", "skipped time", "properties testcase", once="properties"),
    "properties": _rule(children="property"),
    "property": _rule("name value"),
    "testcase": _rule("name classname", "time", "failure error skipped system-out", once="failure error skipped"),
    "failure": _rule(optional="type message", text=True),
    "error": _rule(optional="type message", text=True),
    "skipped": _rule(optional="type message", text=True),
    "system-out": _rule(text=True),
}


def problems(root: Element) -> list[str]:
    """Return what breaks the schema; the root must be `testsuites`, and counts must equal what is below them."""
    found = [] if root.tag == "testsuites" else [f"the root is {root.tag}"]
    for element in root.iter():
        found += _element(element)
    for element in [root, *root.iter("testsuite")]:
        found += _counts(element)
    return found


def _element(element: Element) -> list[str]:
    rule = RULES.get(element.tag)
    if rule is None:
        return [f"{element.tag} is unknown"]
    tags = [child.tag for child in element]
    names = set(element.attrib)
    found = [f"{element.tag} lacks {name}" for name in rule.required - names]
    found += [f"{element.tag} may not have {name}" for name in names - rule.required - rule.optional]
    found += [f"{element.tag} may not hold {tag}" for tag in set(tags) - rule.children]
    found += [f"{element.tag} holds {tag} twice" for tag in rule.once if tags.count(tag) > 1]
    if not rule.text and (element.text or "").strip():
        found.append(f"{element.tag} may not hold text")
    found += [f"{element.tag} {name}={value!r}" for name, value in element.attrib.items() if not _fits(name, value)]
    texts = [element.text or "", element.tail or "", *element.attrib.values()]
    return found + [f"{element.tag} holds a forbidden character" for text in texts if not TEXT.fullmatch(text)]


def _fits(name: str, value: str) -> bool:
    pattern = TIME if name in TIMES else COUNT if name in COUNTS else TEXT
    return bool(pattern.fullmatch(value))


def _counts(element: Element) -> list[str]:
    wanted = {
        "tests": len(list(element.iter("testcase"))),
        "failures": len(list(element.iter("failure"))),
        "errors": len(list(element.iter("error"))),
        "skipped": len(list(element.iter("skipped"))),
    }
    told = {name: int(element.attrib[name]) for name in wanted if name in element.attrib}
    return [f"{element.tag} {name} is {count}" for name, count in told.items() if count != wanted[name]]
