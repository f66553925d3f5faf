"""The part of Nunjucks that means the same here: `{{ name }}`. Names become lower snake case."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from sluice.interchange.promptfoo.spots import Spot

_FIELD = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BLOCK = re.compile(r"\{%|\{#")
_RESERVED = {"id": "input_id", "true": "input_true", "false": "input_false", "none": "input_none", "not": "input_not"}


def has_syntax(text: str) -> bool:
    """Return whether a text would be rendered rather than taken as it is."""
    return "{{" in text or _BLOCK.search(text) is not None


def slug(text: str, separator: str = "-") -> str:
    """Return lower-case words of a text joined by a separator; empty where it has no letters or digits."""
    # Letters with marks become the letters that they are made of; other alphabets have no such letters.
    plain = "".join(
        one for one in unicodedata.normalize("NFKD", text.replace("ß", "ss")) if not unicodedata.combining(one)
    )
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", plain)
    return separator.join(re.findall(r"[a-z0-9]+", spaced.lower()))


@dataclass(slots=True)
class Names:
    """The field name of each promptfoo variable; two variables never share one."""

    by_variable: dict[str, str] = field(default_factory=dict)

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
        """Return a template with our names, or None after refusing whatever is more than a variable."""
        if _BLOCK.search(text):
            spot.refuse("blocks and comments of Nunjucks ({% … %}, {# … #}) are not imported", "write the text out")
            return None
        for inner in _FIELD.findall(text):
            if not _NAME.fullmatch(inner) or inner == "env":
                spot.refuse(f"`{{{{ {inner} }}}}` is more than a variable", "compute the value in the test's variables")
                return None
        if "{{" in _FIELD.sub("", text):
            spot.refuse("a `{{` that is never closed", "close it, or remove it")
            return None
        return _FIELD.sub(lambda match: f"{{{{ {self.field(spot, match[1])} }}}}", text)

    def used(self, translated: str) -> set[str]:
        """Return the field names in a translated template."""
        return set(_FIELD.findall(translated))
