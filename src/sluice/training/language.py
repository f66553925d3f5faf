"""The sample application's language as data: loading it, choosing wordings, filling slots, drawing values."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ALTERNATIVES = re.compile(r"\(([^()]*\|[^()]*)\)")
SLOT = re.compile(r"\{(\w+)\}")
LARGEST_NUMBER = 999
"""Numbers up to here are single tokens, so ids and values are copied in one piece."""


@dataclass(frozen=True)
class Language:
    """The parsed language file; sections are reached by key, derived lists are computed once."""

    data: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    @cached_property
    def entities(self) -> dict[str, str]:
        """Entity as it stands in a sentence -> topic, in file order."""
        return {f"the {name}": topic for topic, words in self.data["topics"].items() for name in words["entities"]}

    def wordings(self, kind: str, form: str = "known") -> list[str]:
        """Wordings of an instruction kind in one form (known, unseen or negated); empty where it has none."""
        return list(self.data["instructions"].get(kind, {}).get(form, []))


def load(path: Path) -> Language:
    """Read a language file."""
    return Language(yaml.safe_load(path.read_text(encoding="utf-8")))


def expand(wording: str, rng: random.Random) -> str:
    """Choose one alternative in every (a|b|c) group."""
    chosen = ALTERNATIVES.sub(lambda match: rng.choice(match.group(1).split("|")), wording)
    return re.sub(r" +([.,:?])", r"\1", re.sub(r" {2,}", " ", chosen)).strip()


def generates(wording: str, line: str) -> bool:
    """Whether `line` is one of the expansions of `wording`."""
    parts = ALTERNATIVES.split(wording)
    pattern = ""
    for index, part in enumerate(parts):
        if index % 2:
            pattern += "(?:" + "|".join(re.escape(choice) for choice in part.split("|")) + ")"
        else:
            pattern += re.escape(part)
    return re.fullmatch(re.sub(r"(\\ )+", " *", pattern), line) is not None


def fill(text: str, slots: Mapping[str, str]) -> str:
    """Fill {slot} from `slots`; {Slot} is the same with a capital first letter."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name[0].isupper():
            return capitalised(slots[name.lower()])
        return slots[name]

    return SLOT.sub(value, text)


def capitalised(text: str) -> str:
    """The text with a capital first letter, the rest unchanged."""
    return text[:1].upper() + text[1:]


def draw_value(language: Language, kind: str, rng: random.Random) -> str:
    """A fresh value of a kind, such as "45 minutes" for a duration."""
    words = language["values"]
    if kind in words["units"]:
        return f"{_number(kind, rng)} {rng.choice(words['units'][kind])}"
    return _DRAW[kind](words, rng)


def _number(kind: str, rng: random.Random) -> int:
    if kind == "percent":
        return rng.randint(2, 95)
    return rng.choice((rng.randint(2, 99), rng.randint(2, LARGEST_NUMBER), 5 * rng.randint(1, 18)))


def _menu(words: Mapping[str, Any], rng: random.Random) -> str:
    return f"{rng.choice(words['sections'])} > {rng.choice(words['pages'])}"


def _path(words: Mapping[str, Any], rng: random.Random) -> str:
    return f"/v{rng.randint(1, 9)}/{rng.choice(words['paths'])}"


def _date(words: Mapping[str, Any], rng: random.Random) -> str:
    return f"{rng.randint(1, 28)} {rng.choice(words['months'])}"


def _channel(words: Mapping[str, Any], rng: random.Random) -> str:
    return f"#{rng.choice(words['paths'])}-{rng.choice(words['channels'])}"


_DRAW = {
    "region": lambda words, rng: f"{rng.choice(words['regions'])}-{rng.randint(1, 9)}",
    "path": _path,
    "date": _date,
    "menu": _menu,
    "version": lambda words, rng: f"version {rng.randint(1, 12)}.{rng.randint(0, 30)}",
    "plan": lambda words, rng: f"the {rng.choice(words['plans'])} plan",
    "code": lambda words, rng: f"error {rng.randint(100, LARGEST_NUMBER)}",
    "channel": _channel,
}
