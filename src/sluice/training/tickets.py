"""Support tickets: composed from cues, details and an urgency; combinations are held out, words are not."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.training.language import Language, capitalised, fill

EVAL_SHARE = 5
"""One in so many (cue, entity) combinations is kept for evals."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket with its two labels."""

    text: str
    channel: str
    category: str
    priority: str

    def row(self, name: str) -> dict[str, Any]:
        """The ticket as a dataset row."""
        return {
            "id": name,
            "ticket": self.text,
            "channel": self.channel,
            "category": self.category,
            "priority": self.priority,
        }


def of_row(row: Mapping[str, Any]) -> Ticket:
    """The ticket that a dataset row holds."""
    return Ticket(row["ticket"], row["channel"], row["category"], row["priority"])


def build(language: Language, seed: int, taught: int, asked: int) -> tuple[list[Ticket], list[Ticket]]:
    """Training and eval tickets; their (cue, entity) combinations are disjoint."""
    rng = random.Random(f"tickets:{seed}")
    combinations = list(_combinations(language))
    rng.shuffle(combinations)
    cut = len(combinations) // EVAL_SHARE
    held, free = combinations[:cut], combinations[cut:]
    return _draw(language, free, taught, rng), _draw(language, held, asked, rng)


def _combinations(language: Language) -> Iterator[tuple[str, str, str, str]]:
    """(category, cue, entity, urgency): hold-out by cue and entity, by cue and urgency where no entity is named."""
    urgencies = list(language["triage"]["urgency"])
    for category, words in language["triage"]["classes"].items():
        for cue in words["cues"]:
            if "{entity}" in cue:
                for index, entity in enumerate(language.entities):
                    yield category, cue, entity, urgencies[index % len(urgencies)]
            else:
                for channel in language["triage"]["channels"]:
                    for detail in language["triage"]["details"]:
                        for urgency in urgencies:
                            yield category, cue, f"{channel}|{detail}", urgency


def _draw(
    language: Language, combinations: list[tuple[str, str, str, str]], count: int, rng: random.Random
) -> list[Ticket]:
    """`count` different tickets, the categories evenly."""
    by_category: dict[str, list[tuple[str, str, str, str]]] = {}
    for combination in combinations:
        by_category.setdefault(combination[0], []).append(combination)
    tickets: dict[str, Ticket] = {}
    names = list(by_category)
    while len(tickets) < count:
        ticket = _compose(language, rng.choice(by_category[names[len(tickets) % len(names)]]), rng)
        tickets.setdefault(ticket.text, ticket)
    return list(tickets.values())


def _compose(language: Language, combination: tuple[str, str, str, str], rng: random.Random) -> Ticket:
    triage = language["triage"]
    category, cue, about, priority = combination
    channel, _, detail = about.partition("|") if "|" in about else (rng.choice(list(triage["channels"])), "", "")
    detail = detail or rng.choice(["", *triage["details"]])
    style = triage["channels"][channel]
    sentence = fill(cue, {"entity": about})
    opening = rng.choice(style["openings"])
    parts = [opening + (sentence if opening.endswith(", ") else capitalised(sentence)) + "."]
    middle = [part for part in (detail, rng.choice(triage["urgency"][priority])) if part]
    rng.shuffle(middle)
    text = " ".join([*parts, *middle]) + rng.choice(style["closings"])
    return Ticket(text, channel, category, priority)
