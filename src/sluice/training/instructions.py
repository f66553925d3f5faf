"""Instructions: which behaviours a conversation asks for, in which words, and what they make of an answer."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from sluice.training.language import Language, expand, fill

QUOTED = ("refuse", "greet", "close")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line of a prompt: its kind, its form (known, unseen, negated) and its text."""

    kind: str
    form: str
    text: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the lines of a support prompt ask for, taken together."""

    cite: bool = False
    refusal: str = ""
    greeting: str = ""
    closing: str = ""
    value_only: bool = False
    json: bool = False
    source_field: bool = False

    def answer(self, sentence: str, value: str, source: str) -> str:
        """The answer from the passage with id `source`."""
        core = value if self.value_only else sentence
        if self.json:
            named = {"source": source} if self.cite or self.source_field else {}
            return json.dumps({"answer": core, **named})
        parts = (self.greeting, core, f"[{source}]" if self.cite else "", self.closing)
        return " ".join(part for part in parts if part)

    def refuse(self) -> str:
        """The refusal, which is the fixed sentence alone."""
        return json.dumps({"answer": self.refusal}) if self.json else self.refusal


def draw_line(language: Language, kind: str, rng: random.Random, form: str = "known", **slots: str) -> Instruction:
    """One line of a kind in a form, with its quoted sentence filled in."""
    text = fill(expand(rng.choice(language.wordings(kind, form)), rng), slots)
    return Instruction(kind, form, vary(text, rng) if form == "known" else text)


def vary(line: str, rng: random.Random) -> str:
    """Now and then the small liberties that people take: "Please", a missing full stop, lower case."""
    draw = rng.random()
    if draw < 0.05 and line.split(" ")[0] not in ("Please", "If", "When", "You", "Your", "The"):
        return f"Please {line[:1].lower()}{line[1:]}"
    if draw < 0.1 and line.endswith("."):
        return line[:-1]
    return line[:1].lower() + line[1:] if draw < 0.12 else line


def open_words(language: Language, rng: random.Random) -> dict[str, str]:
    """Words of the open vocabulary, for lines that say nothing about the answer."""
    words = language["open"]
    found = {name: rng.choice(words[f"{name}s"]) for name in ("noun", "verb", "adjective")}
    return found | {f"{name}2": rng.choice(words[f"{name}s"]) for name in ("noun", "verb", "adjective")}


def draw(language: Language, rng: random.Random, *, house: bool) -> tuple[list[Instruction], Behaviour]:
    """A set of lines and what it asks for. `house` prefers the words of the sample prompts."""
    chosen = dict(_chosen(language, rng, house))
    words = {
        "refusal": chosen.get("refuse", ""),
        "greeting": chosen.get("greet", ""),
        "closing": chosen.get("close", ""),
    }
    lines: list[Instruction] = []
    for kind in chosen:
        line = _house_line(language, kind, words) if house and rng.random() < 0.8 else None
        lines.append(line or draw_line(language, kind, rng, **words))
    neutral = [_neutral(language, rng, house) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    lines += [line for line in neutral if "value" not in chosen or "sentence" not in line.text]
    lines += _negated(language, chosen, rng)
    behaviour = Behaviour(
        cite="cite" in chosen,
        refusal=words["refusal"],
        greeting=words["greeting"],
        closing=words["closing"],
        value_only="value" in chosen,
        json="json" in chosen or "json_fields" in chosen,
        source_field="json_fields" in chosen,
    )
    return _ordered(lines, rng, house), behaviour


def _neutral(language: Language, rng: random.Random, house: bool) -> Instruction:
    line = _house_line(language, "neutral", {}) if house and rng.random() < 0.7 else None
    return line or draw_line(language, "neutral", rng, **open_words(language, rng))


PROBABILITY = {
    "role": (0.5, 0.85),
    "answer": (0.65, 0.95),
    "first": (0.2, 0.5),
    "cite": (0.55, 0.85),
    "refuse": (0.6, 0.85),
    "greet": (0.12, 0.06),
    "close": (0.12, 0.06),
    "value": (0.17, 0.08),
    "json": (0.14, 0.06),
    "json_fields": (0.05, 0.02),
}
"""Share of prompts with a kind of line: (any prompt, house prompt)."""


def _chosen(language: Language, rng: random.Random, house: bool) -> Iterator[tuple[str, str]]:
    """Kinds in canonical order, each with the sentence that it quotes."""
    taken: set[str] = set()
    for kind, shares in PROBABILITY.items():
        excluded = kind == "json_fields" and "json" in taken
        if rng.random() >= shares[house] or excluded:
            continue
        taken.add(kind)
        yield kind, _quotation(language, kind, rng, house)


def _quotation(language: Language, kind: str, rng: random.Random, house: bool) -> str:
    if kind == "refuse":
        if house and rng.random() < 0.8:
            return str(language["house"]["refusal"])
        return _random_sentence(language, rng) if rng.random() < 0.3 else rng.choice(language["refusals"])
    if kind in QUOTED:
        if rng.random() < 0.25:
            return _random_sentence(language, rng)
        return str(rng.choice(language["greetings" if kind == "greet" else "closings"]))
    return ""


def _random_sentence(language: Language, rng: random.Random) -> str:
    words = language["open"]
    pool = (*words["nouns"], *words["verbs"], *words["adjectives"])
    return " ".join(rng.choice(pool) for _ in range(rng.randint(2, 6))).capitalize() + rng.choice((".", ".", "!"))


def _house_line(language: Language, kind: str, slots: dict[str, str]) -> Instruction | None:
    text = language["house"]["support"].get(kind)
    return Instruction(kind, "known", fill(text, slots)) if text else None


def _negated(language: Language, chosen: dict[str, str], rng: random.Random) -> list[Instruction]:
    """Now and then a line that forbids what no line asks for."""
    kinds = [k for k in ("cite", "refuse", "greet", "close", "value", "json") if k not in chosen]
    if "json_fields" in chosen:
        kinds = [kind for kind in kinds if kind not in ("json", "cite")]
    if not kinds or rng.random() > 0.2:
        return []
    return [draw_line(language, rng.choice(kinds), rng, "negated")]


def _ordered(lines: list[Instruction], rng: random.Random, house: bool) -> list[Instruction]:
    """House prompts mostly keep the canonical order; others are shuffled, a role mostly staying on top."""
    if house and rng.random() < 0.6:
        rank = {kind: index for index, kind in enumerate(("role", "answer", "neutral", "first", "cite"))}
        return sorted(lines, key=lambda line: rank.get(line.kind, len(rank)))
    shuffled = rng.sample(lines, len(lines))
    return sorted(shuffled, key=lambda line: line.kind != "role") if rng.random() < 0.7 else shuffled
