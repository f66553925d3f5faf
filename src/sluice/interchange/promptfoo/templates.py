"""The part of Nunjucks that means the same here. Names of variables become lower snake case."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from sluice.interchange.promptfoo.spots import Spot

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}(.*?)\{%-?\s*endraw\s*-?%\}", re.DOTALL)
_OPEN = re.compile(r"\{%[^%]*$|\{\{[^}]*$|\{#[^#]*$", re.MULTILINE)
_LOOP = re.compile(r"\{%-?\s*for\s+([A-Za-z_]\w*)\s+in\b")
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TOKEN = re.compile(
    r"(?P<text>\"[^\"\\]*\"|'[^'\\]*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<mark>==|!=|<=|>=|[.\[\](),|<>])|(?P<blank>\s+)",
    re.ASCII,
)
_FILTERS = ("capitalize", "default", "first", "join", "last", "length", "lower", "replace", "trim", "upper")
"""Filters that give the same text for texts in Nunjucks and here."""

_BLOCKS = {
    "if": "if",
    "elif": "elif",
    "elseif": "elif",
    "else": "else",
    "endif": "endif",
    "for": "for",
    "endfor": "endfor",
}
_WORDS = ("and", "or", "not", "in", "true", "false", "loop", "is", "none")
_RESERVED = {"id": "input_id", "true": "input_true", "false": "input_false", "none": "input_none", "not": "input_not"}


def has_syntax(text: str) -> bool:
    """Return whether a text would be rendered rather than taken as it is."""
    return "{{" in text or "{%" in text or "{#" in text


def is_rendered(text: str) -> bool:
    """Return whether promptfoo renders a text: one with a tag that is never closed is taken as it is."""
    return _TAG.search(text) is not None and _OPEN.search(text) is None


def slug(text: str, separator: str = "-") -> str:
    """Return lower-case words of a text joined by a separator; empty where it has no letters or digits."""
    # Letters with marks become the letters that they are made of; other alphabets have no such letters.
    plain = "".join(
        one for one in unicodedata.normalize("NFKD", text.replace("ß", "ss")) if not unicodedata.combining(one)
    )
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", plain)
    return separator.join(re.findall(r"[a-z0-9]+", spaced.lower()))


class _Refused(Exception):
    """A piece of a template that would not mean the same; the text says which."""


@dataclass(slots=True)
class Names:
    """The field name of each promptfoo variable; two variables never share one.

    `printed` are the fields whose value is inserted as it is, `read` those that conditions, loops and filters read.
    """

    by_variable: dict[str, str] = field(default_factory=dict)
    printed: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    _loops: frozenset[str] = frozenset()

    def field(self, spot: Spot, variable: str) -> str:
        """Return the field name of a variable."""
        if variable in self.by_variable:
            return self.by_variable[variable]
        name = slug(variable, "_") or "input"
        name = _RESERVED.get(name, name if name[0].isalpha() else f"input_{name}")
        if name in self.by_variable.values():
            found = f"variable {variable!r} would become {name!r}, which another one has"
            spot.report("import-value", found, "names that differ in letters and digits", "rename one of the variables")
        self.by_variable[variable] = name
        return name

    def translate(self, spot: Spot, text: str) -> str | None:
        """Return a template with our names, or None after refusing whatever would not mean the same."""
        if _RAW.search(text):
            spot.refuse("`{% raw %}` is not imported", "write the text so that nothing in it looks like a template")
            return None
        if has_syntax(text) and not is_rendered(text):
            spot.refuse("a template tag that is never closed, which promptfoo takes as it is", "close it, or remove it")
            return None
        self._loops = frozenset(_LOOP.findall(text))
        try:
            pieces = [self._tag(spot, piece) if index % 2 else piece for index, piece in enumerate(_split(text))]
        except _Refused as reason:
            spot.refuse(str(reason), "compute the value in the test's variables")
            return None
        return "".join(pieces)

    def _tag(self, spot: Spot, tag: str) -> str:
        inner = tag[2:-2].removeprefix("-").removesuffix("-").strip()
        if tag.startswith("{#"):
            return ""
        trims = ("-" if tag[2] == "-" else "", "-" if tag[-3] == "-" else "")
        if tag.startswith("{{"):
            plain = _PLAIN.fullmatch(inner)
            if inner in _WORDS:
                raise _Refused(f"`{{{{ {inner} }}}}` is a word of Nunjucks, no variable")
            if plain and inner not in (*_WORDS, "env", *self._loops):
                name = self.field(spot, inner)
                self.printed.add(name)
                return f"{{{{{trims[0]} {name} {trims[1]}}}}}"
            return f"{{{{{trims[0]} {self._expression(spot, inner)} {trims[1]}}}}}"
        word, _, rest = inner.partition(" ")
        if word not in _BLOCKS:
            raise _Refused(f"`{{% {word} %}}` of Nunjucks is not imported")
        said = self._loop(spot, rest) if word == "for" else self._expression(spot, rest) if rest.strip() else ""
        # Nunjucks keeps the line feed after a block and the blanks before it; `+` says the same here.
        return f"{{%{trims[0] or '+'} {' '.join(filter(None, (_BLOCKS[word], said)))} {trims[1] or '+'}%}}"

    def _loop(self, spot: Spot, text: str) -> str:
        match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s+in\s+(.*)", text, re.DOTALL)
        if match is None:
            raise _Refused(f"`{{% for {text} %}}` is more than one name in a list")
        return f"{match[1]} in {self._expression(spot, match[2])}"

    def _expression(self, spot: Spot, text: str) -> str:
        pieces, place, before = [], 0, ""
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None:
                raise _Refused(f"`{text.strip()}` computes more than a template here may")
            place = match.end()
            piece = match[0]
            if match["name"]:
                piece = self._name(spot, piece, before, text)
            pieces.append(piece)
            before = piece if not match["blank"] else before
        return "".join(pieces).strip()

    def _name(self, spot: Spot, name: str, before: str, text: str) -> str:
        if before == ".":
            return name
        if before == "|":
            if name not in _FILTERS:
                raise _Refused(f"the filter `{name}` in `{text.strip()}` is not one of {', '.join(_FILTERS)}")
            return name
        if name in _WORDS:
            return name
        if name == "env":
            raise _Refused(f"`{text.strip()}` reads the environment")
        if name not in self.by_variable and name in self._loops:
            return name
        found = self.field(spot, name)
        self.read.add(found)
        return found


def _split(text: str) -> list[str]:
    """Return what stands between tags and the tags, by turns."""
    pieces, place = [], 0
    for match in _TAG.finditer(text):
        pieces += [text[place : match.start()], match[0]]
        place = match.end()
    return [*pieces, text[place:]]
