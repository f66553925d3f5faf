"""How a prompt is laid out: passage formats, where instructions and passages stand, how lines are joined."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from sluice.training.facts import Fact
from sluice.training.language import Language

PREFIXES = ("kb", "kb", "doc", "art", "faq", "page", "ref")
BEHIND = "{text} [{id}]"
FORMATS = (
    BEHIND,
    BEHIND,
    BEHIND,
    "- {text} [{id}]",
    "* {text} [{id}]",
    "{number}. {text} [{id}]",
    "{text} (id: {id})",
    "{text} ({id})",
    "[{id}] {text}",
)


HEADINGS = (
    "Passages:\n",
    "Documentation:\n",
    "Context:\n",
    "Articles:\n",
    "## Passages\n",
    "Here are the passages:\n",
    "---\n",
)
TITLES = ("Rules:\n", "Instructions:\n", "Follow these rules:\n", "## Instructions\n")


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage as the model sees it, and the facts that it states."""

    id: str
    text: str
    facts: tuple[Fact, ...]


def passage_ids(count: int, rng: random.Random, house: bool) -> list[str]:
    """Different ids of one prefix; house prompts use the corpus's own."""
    prefix = "kb" if house else rng.choice(PREFIXES)
    return [f"{prefix}-{number}" for number in rng.sample(range(1, 1000), count)]


def lay_out(
    lines: Sequence[str], passages: Sequence[Passage], question: str, rng: random.Random, house: bool
) -> tuple[str, str]:
    """The system message and the first user message of a support conversation."""
    wording = BEHIND if house and rng.random() < 0.85 else rng.choice(FORMATS)
    context = "\n".join(
        wording.format(text=passage.text, id=passage.id, number=number)
        for number, passage in enumerate(passages, start=1)
    )
    heading = rng.choice(HEADINGS) if rng.random() < (0.1 if house else 0.3) else ""
    told = join(lines, rng, house)
    place = rng.random() * (0.72 if house and rng.random() < 0.7 else 1.0)
    if place < 0.72 or not told:
        return _blocks(told, heading + context), question
    if place < 0.8:
        return _blocks(heading + context, told), question
    asked = question if rng.random() < 0.5 else f"Question: {question}"
    return told, _blocks(heading + context, asked)


def lay_out_ticket(lines: Sequence[str], ticket: str, rng: random.Random, house: bool) -> tuple[str, str]:
    """The system message and the user message of a triage conversation."""
    told = join(lines, rng, house)
    if rng.random() < (0.95 if house else 0.75):
        return told, ticket if house or rng.random() < 0.6 else f"Ticket: {ticket}"
    return _blocks(told, ticket), "Ticket: see above." if rng.random() < 0.3 else "Please sort this ticket."


def join(lines: Sequence[str], rng: random.Random, house: bool) -> str:
    """Lines under one another; some prompts use bullets, numbers or one paragraph."""
    draw = 0.0 if house and rng.random() < 0.9 else rng.random()
    if draw < 0.55:
        return "\n".join(lines)
    if draw < 0.62 and len(lines) > 1:
        return rng.choice(TITLES) + "\n".join(f"- {line}" for line in lines)
    if draw < 0.75:
        return "\n".join(f"- {line}" for line in lines)
    if draw < 0.82:
        return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
    return " ".join(lines)


def _blocks(*blocks: str) -> str:
    return "\n\n".join(block for block in blocks if block)


def decorate(language: Language, question: str, rng: random.Random) -> str:
    """Now and then a greeting, a thank-you, a missing mark or lower case, as people write."""
    draw = rng.random()
    if draw < 0.06:
        return str(rng.choice(language["decorations"]["openings"])) + question[:1].lower() + question[1:]
    if draw < 0.1:
        return question + str(rng.choice(language["decorations"]["endings"]))
    if draw < 0.14:
        return question.rstrip("?.")
    if draw < 0.17:
        return question.lower()
    return question
