"""Strict YAML: the JSON-shaped part of YAML 1.2, with the place of every key and value.

Aliases, merge keys, tags, duplicate keys, several documents and scalars that YAML 1.1 reads
differently (`no`, `1:30`, `010`) are findings, because readers and parsers disagree about them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from sluice.errors import Finding

KeyPath: TypeAlias = tuple[str | int, ...]
Place: TypeAlias = tuple[int, int]

MAX_BYTES = 1_000_000
MAX_DEPTH = 40

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_AMBIGUOUS = re.compile(
    r"(?:y|n|yes|no|on|off)\Z|[-+]?0[0-9_]+\Z|0[xob][0-9a-f_]+\Z|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9]*)?\Z"
    r"|[-+]?[0-9]+_[0-9_]*\Z|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\b.*\Z|[-+]?\.(inf|nan)\Z",
    re.IGNORECASE,
)

_WORDS = {
    "character that cannot start any token": "a character that begins no value",
    "unexpected end of stream": "the end of the file inside a value",
}


@dataclass(slots=True)
class YamlFile:
    """Parsed content, the place (line, column, from 1) of every value and key, and what was wrong."""

    data: Any = None
    places: dict[KeyPath, Place] = field(default_factory=dict)
    key_places: dict[KeyPath, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def place(self, path: KeyPath) -> Place:
        """Return the place of a value, or of its nearest known parent."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def key_place(self, path: KeyPath) -> Place:
        """Return the place of a mapping's key, or of its value where it has none."""
        return self.key_places.get(path) or self.place(path)


def read_yaml(path: str, data: bytes) -> YamlFile:
    """Parse the bytes of one YAML file; problems become findings, never exceptions."""
    result = YamlFile()
    text = _decode(path, data, result)
    if text is None:
        return result
    reader = _Reader(path, result)
    try:
        reader.read(text)
    except yaml.reader.ReaderError as error:
        # The readers disagree about what they count; a character that is not allowed stands where it stands first.
        character = chr(error.character)
        before = text[: text.find(character)]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        found = f"the control character {_escaped(character)}"
        reader.add(place, "yaml-syntax", found, "text", f'remove it, or write it as "{_escaped(character)}" in quotes')
        result.data = None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        found = _in_words(str(getattr(error, "problem", None) or error))
        reader.add(place, "yaml-syntax", found, "valid YAML", "mend the syntax here")
        result.data = None
    except _Stop:
        result.data = None
    return result


def _escaped(character: str) -> str:
    """Return a character as YAML and JSON write it between double quotes."""
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _in_words(problem: str) -> str:
    """Return what the parser complains about as something that was found."""
    for opening in ("did not find expected ", "did not find the expected ", "could not find expected "):
        if problem.startswith(opening):
            return f"no {problem.removeprefix(opening)} here"
    if problem.startswith("mapping values are not allowed"):
        return "a second `key: value` on this line"
    return _WORDS.get(problem.removeprefix("found "), problem.removeprefix("found "))


class _Stop(Exception):
    """A finding was made after which reading on makes no sense."""


def _decode(path: str, data: bytes, result: YamlFile) -> str | None:
    """Return the text, or None after a finding about size or encoding."""
    if len(data) > MAX_BYTES:
        result.findings.append(
            Finding(path, 1, 1, "file-too-large", f"{len(data)} bytes", f"at most {MAX_BYTES}", "split the file")
        )
        return None
    finding = encoding_finding(path, data)
    if finding:
        result.findings.append(finding)
        return None
    return data.decode("utf-8")


def encoding_finding(path: str, data: bytes) -> Finding | None:
    """Say what is wrong with the encoding of a text file, if anything."""
    fix = "save the file as UTF-8 without a byte order mark"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Finding(path, 1, 1, "file-encoding", "UTF-16", "UTF-8", fix)
    if data[:3] == b"\xef\xbb\xbf":
        return Finding(path, 1, 1, "file-encoding", "a byte order mark", "UTF-8 without one", fix)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - before.rfind(b"\n")
        return Finding(path, line, column, "file-encoding", f"byte 0x{data[error.start]:02x}", "UTF-8", fix)
    return None


class _Reader:
    """Builds plain data from parser events."""

    def __init__(self, path: str, result: YamlFile) -> None:
        self.path = path
        self.result = result

    def add(self, place: Place, rule: str, found: str, expected: str, fix: str) -> None:
        self.result.findings.append(Finding(self.path, *place, rule, found, expected, fix))

    def read(self, text: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        events = iter(yaml.parse(text, Loader=loader))
        documents = 0
        for event in events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            documents += 1
            if documents > 1:
                self.add(
                    _place(event),
                    "yaml-documents",
                    "a second document",
                    "one document",
                    "remove `---` and what follows",
                )
                raise _Stop
            self.result.data = self.node(next(events), events, ())
        if documents == 0:
            self.add((1, 1), "yaml-empty", "an empty file", "a mapping", "fill it in, or delete it")

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], path: KeyPath) -> Any:
        place = _place(event)
        self.result.places[path] = place
        if len(path) > MAX_DEPTH:
            self.add(
                place,
                "yaml-syntax",
                f"nesting below {MAX_DEPTH} levels",
                "flat data",
                "flatten the structure",
            )
            raise _Stop
        if isinstance(event, yaml.AliasEvent):
            self.add(place, "yaml-alias", f"alias *{event.anchor}", "the value itself", "repeat the value")
            return None
        if anchor := getattr(event, "anchor", None):
            self.add(place, "yaml-alias", f"anchor &{anchor}", "a plain value", "remove the anchor")
        if (tag := getattr(event, "tag", None)) not in (None, "!"):
            self.add(place, "yaml-tag", f"tag {tag}", "no tags", "remove the tag; quote the value if it is text")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(events, path)
        assert isinstance(event, yaml.ScalarEvent)
        return self.scalar(event, place)

    def mapping(self, events: Iterator[yaml.Event], path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            place = _place(event)
            key = self.key(event, place)
            value = self.node(next(events), events, (*path, key))
            if key in values:
                self.add(
                    place,
                    "yaml-duplicate-key",
                    f"a second {key!r}",
                    "each key once",
                    "remove or rename one of them",
                )
                continue
            self.result.key_places[(*path, key)] = place
            values[key] = value
        return values

    def key(self, event: yaml.Event, place: Place) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self.add(
                place,
                "yaml-key",
                "a key that is no text",
                "a plain word",
                "write a plain word before the colon",
            )
            raise _Stop
        if event.value == "<<" and not event.style:
            self.add(place, "yaml-alias", "a merge key <<", "the keys themselves", "repeat the keys")
        return str(event.value)

    def sequence(self, events: Iterator[yaml.Event], path: KeyPath) -> list[Any]:
        values: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self.node(event, events, (*path, len(values))))
        return values

    def scalar(self, event: yaml.ScalarEvent, place: Place) -> Any:
        text: str = event.value
        if event.style:
            return text
        if text in ("", "~", "null"):
            return None
        if text in ("true", "false"):
            return text == "true"
        if _AMBIGUOUS.match(text):
            self.add(
                place,
                "yaml-ambiguous-scalar",
                text,
                "true, false, or quoted text",
                f'write "{text}" in quotes, or true/false',
            )
            return text
        return self.number(text, place)

    def number(self, text: str, place: Place) -> Any:
        if _INT.match(text):
            if len(text) > 19:
                self.add(
                    place,
                    "yaml-number",
                    f"an integer of {len(text)} digits",
                    "at most 18 digits",
                    "quote it if it is an id",
                )
                return 0
            return int(text)
        if _FLOAT.match(text):
            value = float(text)
            if not math.isfinite(value):
                self.add(place, "yaml-number", text, "a finite number", "write a number in range")
                return 0
            return value
        return text


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
