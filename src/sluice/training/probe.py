"""The instruction probe: the same contexts with an instruction in known words, in unseen words, and taken out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from sluice.training import cases
from sluice.training.instructions import draw_line
from sluice.training.language import Language, expand, fill
from sluice.training.portal import Portal
from sluice.training.tickets import Ticket

CONTEXTS = 24
SUPPORT_KINDS = ("cite", "refuse", "greet", "close", "value", "json")
FORMS = ("known", "unseen", "removed")


def build(language: Language, portal: Portal, tickets: list[Ticket], seed: int) -> list[dict[str, Any]]:
    """Rows without ids: for every instruction, contexts in three forms each."""
    rows = [row for kind in SUPPORT_KINDS for row in _support(language, portal, kind, seed)]
    return [*rows, *_priority(language, tickets, seed)]


def _support(language: Language, portal: Portal, kind: str, seed: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(f"probe:{kind}:{seed}")
    make = cases.unanswerable if kind == "refuse" else cases.plain
    everything = [(article, fact) for article in portal.articles for fact in article.facts]
    for number, (article, fact) in enumerate(rng.sample(everything, CONTEXTS)):
        case = make(language, portal, article, fact, rng)
        slots = {
            "refusal": language["house"]["refusal"],
            "greeting": rng.choice(language["greetings"]),
            "closing": rng.choice(language["closings"]),
        }
        expected = {
            "cite": f"[{article.id}]",
            "refuse": slots["refusal"],
            "greet": slots["greeting"],
            "close": slots["closing"],
            "value": fact.value,
            "json": fact.value,
        }[kind]
        others = _house(language, kind, slots)
        for form in FORMS:
            added = _line(language, kind, form, number, rng, slots)
            yield {
                "instruction": kind,
                "wording": form,
                "instructions": "\n".join([*others, *added]),
                "passages": [{"id": source, "text": text} for source, text in case.passages],
                "question": case.question,
                "sentence": fact.sentence,
                "expected": expected,
            }


def _house(language: Language, kind: str, slots: dict[str, str]) -> list[str]:
    """The sample prompt's other lines, without those that would speak against the probed one."""
    own = language["house"]["support"]
    kept = {
        "cite": ("role", "answer", "refuse"),
        "refuse": ("role", "answer", "cite"),
        "greet": ("role", "answer", "refuse"),
        "close": ("role", "answer", "cite"),
        "value": ("role", "answer"),
        "json": ("role", "answer", "refuse"),
    }[kind]
    return [fill(own[name], slots) for name in kept]


def _line(
    language: Language, kind: str, form: str, number: int, rng: random.Random, slots: dict[str, str]
) -> list[str]:
    if form == "removed":
        return []
    if form == "known":
        return [draw_line(language, kind, rng, **slots).text]
    wordings = language.wordings(kind, "unseen")
    return [fill(wordings[number % len(wordings)], slots)]


def _priority(language: Language, tickets: list[Ticket], seed: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(f"probe:priority:{seed}")
    words, own = language["triage"], language["house"]["triage"]
    labels = ", ".join([*(entry["labels"][0] for entry in words["classes"].values()), "other"])
    others = [own["role"], fill(own["categories"], {"labels": labels}), own["json"]]
    wordings: dict[str, Callable[[int], list[str]]] = {
        "known": lambda _: [expand(rng.choice(words["priority"]["known"]), rng)],
        "unseen": lambda number: [words["priority"]["unseen"][number % len(words["priority"]["unseen"])]],
        "removed": lambda _: [],
    }
    for number, ticket in enumerate(rng.sample(tickets, CONTEXTS)):
        for form in FORMS:
            yield {
                "instruction": "priority",
                "wording": form,
                "instructions": "\n".join([*others, *wordings[form](number)]),
                "passages": [],
                "question": ticket.text,
                "sentence": "",
                "expected": f'"priority": "{ticket.priority}"',
            }
