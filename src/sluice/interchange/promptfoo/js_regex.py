"""Patterns as JavaScript's RegExp reads them: what it rejects, or what would match something else here, is named."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MOST_NESTED = 100
"""Groups within one another; the engine here calls itself for each."""

MOST_REPEATED = 100_000
"""What counts of repeats within one another multiply to; the engine here writes each of them out."""

_PIECE = re.compile(
    r"(?P<escape>\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|0[0-9]+|k<\w*>|[pP]\{[^{}]*\}|[0-9]+|.|\Z))"
    r"|(?P<open>\((?:\?(?:<?[=!]|:|<(?P<name>[A-Za-z_]\w*)>|P?.?|\Z))?)"
    r"|(?P<quantifier>[*+?]|\{[0-9]+(?:,[0-9]*)?\})(?P<after>[*+?]|\{[0-9]+(?:,[0-9]*)?\}|)"
    r"|(?P<other>.)",
    re.DOTALL | re.ASCII,
)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_BRACE = re.compile(r"\{(?:[0-9,\seidsc+<=]*(?::[^{}]*)?)\}")
_GROUPS = ("(", "(?:", "(?=", "(?!", "(?<=", "(?<!")
_FLAGS = re.compile(r"\(\?[a-zA-Z]*-?[a-zA-Z]+[:)]")
_POSIX = re.compile(r"\[:\^?\w+:\]")
_LITERAL = {"A": "^", "Z": "$", "z": "$", "a": r"\x07", "c": r"\x and two digits", "e": r"\x1b"}
_KNOWN = frozenset("dDwWsSbBnrtfvxu")
_WIDER = frozenset("dDwWsSbB")


class NotRead(ValueError):
    """A pattern that JavaScript rejects or reads otherwise; the text says how, `fix` what to write."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.fix = fix


@dataclass(slots=True)
class _Reader:
    pattern: str
    place: int = 0
    opened: list[tuple[str, int]] = field(default_factory=list)
    groups: int = 0
    closed: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    wider: set[str] = field(default_factory=set)
    repeatable: bool = False
    repeats: list[int] = field(default_factory=lambda: [1])
    last: int = 1

    def read(self) -> None:
        while self.place < len(self.pattern):
            match = _PIECE.match(self.pattern, self.place)
            assert match is not None
            if match["other"] == "[":
                self.place = self._class()
                continue
            self.place = match.end()
            if match["quantifier"]:
                self._quantifier(match)
            elif match["escape"]:
                self._escape(match["escape"])
                self.last = 1
                self.repeatable = match["escape"] not in (r"\b", r"\B")
            elif match["open"]:
                self._open(match)
            else:
                self._other(match["other"], match.start())

    def _open(self, match: re.Match[str]) -> None:
        self.repeatable = False
        self.repeats.append(1)
        captures = match["open"] == "(" or match["name"] is not None
        self.groups += captures
        self.opened.append((match["open"], self.groups if captures else 0))
        if len(self.opened) > MOST_NESTED:
            raise NotRead(f"groups nested more than {MOST_NESTED} deep", "write fewer groups")
        name, opened = match["name"], match["open"]
        if name and name in self.names:
            raise NotRead(f"a second group {name!r}, which JavaScript rejects", "give each group its own name")
        if name:
            self.names.add(name)
        elif opened not in _GROUPS:
            raise _no_group(self.pattern, match.start())

    def _quantifier(self, match: re.Match[str]) -> None:
        said = match["quantifier"]
        if not self.repeatable:
            raise NotRead(f"`{said}` with nothing before it that JavaScript repeats", "remove it, or escape it")
        self.repeatable = False
        counts = [int(count[:9]) for count in re.findall("[0-9]+", said)]
        self.repeats[-1] = max(self.repeats[-1], self.last * max(1, *counts, 1))
        if self.repeats[-1] > MOST_REPEATED:
            raise NotRead(f"repeats that multiply to more than {MOST_REPEATED}", "repeat less")
        after = match["after"]
        if after and after != "?":
            kind = "a possessive quantifier" if after == "+" else "a quantifier of a quantifier"
            raise NotRead(f"`{said}{after}`, {kind}, which JavaScript rejects", f"write `{said}`, or (?:…){after}")

    def _escape(self, said: str) -> None:
        letter = said[1:2]
        if letter in _WIDER:
            self.wider.add(said)
        elif letter == "k":
            raise NotRead(f"`{said}`, a reference by name, which is not read here", "write the group's number, \\1")
        elif letter in ("p", "P"):
            reason = f"`{said}`, which JavaScript reads as the letters {said[1:]} (there is no flag u)"
            raise NotRead(reason, "write a class of characters")
        elif letter == "u" and said[2:3] == "{":
            raise NotRead(f"`{said}`, which JavaScript reads as many letters u", r"write \u and four digits")
        elif said in (r"\x", r"\u"):
            raise NotRead(f"`{said}` without its digits, which is the letter in JavaScript", "write the digits")
        elif letter.isdigit() and said != r"\0":
            self._number(said)
        elif (letter.isalpha() and letter.isascii() and letter not in _KNOWN) or not letter:
            fix = f"write {_LITERAL[letter]}" if letter in _LITERAL else "remove the backslash if the letter is meant"
            raise NotRead(f"`{said}`, which is the letter {letter} in JavaScript", fix)

    def _number(self, said: str) -> None:
        if said[1] == "0":
            raise NotRead(f"`{said}`, an octal escape", r"write \x and two digits")
        if int(said[1:]) not in self.closed:
            raise NotRead(f"`{said}` before its group is complete, the empty text in JavaScript", "remove it")
        self.wider.add(said)

    def _other(self, character: str, start: int) -> None:
        self.repeatable = character not in "(|^$"
        self.last = 1
        if character == ")" and self.opened:
            opened, number = self.opened.pop()
            self.last = self.repeats.pop()
            self.repeats[-1] = max(self.repeats[-1], self.last)
            self.closed.add(number)
            self.repeatable = opened not in ("(?<=", "(?<!")
        elif character == ".":
            self.wider.add(".")
        elif character == "{" and (match := _BRACE.match(self.pattern, start)):
            raise NotRead(f"`{match[0]}`, which JavaScript reads as these characters", r"write \{, or {0,n}")
        elif ord(character) > 0xFFFF and self.pattern[self.place : self.place + 1] in tuple("*+?{"):
            raise NotRead(f"{character!r} repeated, of which JavaScript repeats half", f"write (?:{character})")

    def _class(self) -> int:
        """Check a class of characters, and return where it ends."""
        self.repeatable, self.last = True, 1
        begin = self.place + 1 + (self.pattern[self.place + 1 : self.place + 2] == "^")
        if self.pattern[begin : begin + 1] == "]":
            raise NotRead("`[]` or `[^]`, nothing or anything in JavaScript", r"write \] in a class, or [\s\S]")
        place = begin
        while place < len(self.pattern) and self.pattern[place] != "]":
            match = _PIECE.match(self.pattern, place)
            assert match is not None
            if match["escape"] and match["escape"] not in (r"\b", r"\-"):
                self._in_class(match["escape"])
            elif self.pattern[place] == "[" and (posix := _POSIX.match(self.pattern, place)):
                raise NotRead(f"`{posix[0]}`, which JavaScript reads as these characters", "write A-Z, 0-9 and so on")
            elif ord(self.pattern[place]) > 0xFFFF:
                found = f"{self.pattern[place]!r} in a class, which JavaScript reads as two halves"
                raise NotRead(found, "write (?:a|b) instead of [ab]")
            place = match.end() if match["escape"] else place + 1
        return place + 1

    def _in_class(self, said: str) -> None:
        if said[1:2] == "B" or (said[1:2].isdigit() and said != r"\0"):
            raise NotRead(f"`{said}` in a class, which JavaScript reads as a character", "write the character")
        self._escape(said)


def _no_group(pattern: str, start: int) -> NotRead:
    rest = pattern[start : start + 12]
    if rest.startswith("(?P"):
        return NotRead(f"`{rest[:4]}`, which JavaScript rejects", "write (?<name>…), and \\1 for a reference")
    if rest.startswith("(?>"):
        return NotRead("`(?>`, an atomic group, which JavaScript rejects", "write (?:…)")
    if flags := _FLAGS.match(rest):
        fix = "write both cases, [Aa], or icontains" if "i" in flags[0] else "write the pattern without flags"
        return NotRead(f"`{flags[0]}`, flags inside a pattern, which JavaScript rejects", fix)
    return NotRead(f"`{rest[:3]}`, a group that JavaScript rejects", "write a plain group, (?:…)")


def read_pattern(pattern: str) -> tuple[str, ...]:
    """Return what in a pattern matches other texts here where they leave ASCII; raise NotRead for what is refused."""
    reader = _Reader(_TAG.sub("x", pattern))
    reader.read()
    return tuple(sorted(reader.wider))
