"""Conversations to learn from: a context of passages or a ticket, instructions, and the answers they ask for."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sluice.training import instructions
from sluice.training.facts import Fact, OpenSource, PortalSource, with_new_value
from sluice.training.instructions import Behaviour
from sluice.training.language import Language, expand, fill
from sluice.training.layouts import Passage, decorate, lay_out, lay_out_ticket, passage_ids
from sluice.training.tickets import Ticket

OPEN_SHARE = 0.38
HOUSE_SHARE = 0.5
TRIAGE_SHARE = 0.2
UNANSWERABLE_SHARE = 0.33
DISPUTED_SHARE = 0.16
MOST_QUESTIONS = 5
PASSAGE_WEIGHTS = (0.15, 0.25, 0.27, 0.33)
"""Shares of 1 to 4 passages: choosing among many is what takes longest to learn."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question (the first one may carry the passages) and the answer to learn."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A system message (may be empty) and one to five turns; `facts` lists what was stated or asked, for hold-out."""

    system: str
    turns: tuple[Turn, ...]
    facts: tuple[Fact, ...] = ()

    @property
    def messages(self) -> list[dict[str, str]]:
        """Chat messages in order."""
        found = [{"role": "system", "content": self.system}] if self.system else []
        for turn in self.turns:
            found += [{"role": "user", "content": turn.question}, {"role": "assistant", "content": turn.answer}]
        return found


class Source(Protocol):
    """Where facts come from: the taught portal or open vocabulary."""

    def any(self, rng: random.Random) -> Fact:
        """Any fact."""
        ...

    def same_entity(self, fact: Fact, rng: random.Random) -> Fact:
        """A fact about the entity of `fact`; it may be the same fact."""
        ...

    def same_template(self, fact: Fact, rng: random.Random) -> Fact:
        """A fact of the template of `fact`, mostly about another entity."""
        ...


@dataclass(frozen=True)
class Composer:
    """Everything that conversations are drawn from. Drawing is a pure function of the generator's state."""

    language: Language
    portal: PortalSource
    open: OpenSource
    tickets: Sequence[Ticket]

    @classmethod
    def of(cls, language: Language, facts: Sequence[Fact], tickets: Sequence[Ticket]) -> Composer:
        """Compose from a language, the taught facts and the taught tickets."""
        return cls(language, PortalSource(language, facts), OpenSource(language), tickets)

    def draw(self, rng: random.Random) -> Conversation:
        """One conversation."""
        if rng.random() < TRIAGE_SHARE:
            return triage(self.language, rng.choice(self.tickets), rng)
        source: Source = self.open if rng.random() < OPEN_SHARE else self.portal
        return support(self.language, source, rng)


def support(language: Language, source: Source, rng: random.Random) -> Conversation:
    """A conversation about passages: one to five questions on the same context."""
    house = rng.random() < HOUSE_SHARE
    lines, behaviour = instructions.draw(language, rng, house=house)
    stated, disputed = _context(language, source, rng)
    passages = _passages(language, source, stated, rng, house)
    said = [fact for passage in passages for fact in passage.facts]
    asked = _questions(source, said, disputed, rng)
    questions = [decorate(language, fact.question, rng) for fact in asked]
    answers = [_target(fact, passages, behaviour, rng) for fact in asked]
    system, first = lay_out([line.text for line in lines], passages, questions[0], rng, house)
    turns = tuple(map(Turn, (first, *questions[1:]), answers))
    return Conversation(system, turns, (*said, *asked))


def _context(language: Language, source: Source, rng: random.Random) -> tuple[list[Fact], list[Fact]]:
    """One fact for each of 1 to 4 passages; the second list holds the fact that two passages disagree about."""
    count = rng.choices((1, 2, 3, 4), PASSAGE_WEIGHTS)[0]
    stated = [source.any(rng)]
    while len(stated) < count:
        draw = rng.random()
        if draw < 0.27:
            fact = source.same_entity(rng.choice(stated), rng)
        elif draw < 0.65:
            fact = source.same_template(rng.choice(stated), rng)
        else:
            fact = source.any(rng)
        if fact.key not in {other.key for other in stated}:
            stated.append(fact)
    disputed: list[Fact] = []
    if len(stated) < 4 and rng.random() < DISPUTED_SHARE:
        disputed = [rng.choice(stated)]
        stated.append(with_new_value(language, disputed[0], rng))
    rng.shuffle(stated)
    return stated, disputed


def _passages(
    language: Language, source: Source, stated: Sequence[Fact], rng: random.Random, house: bool
) -> list[Passage]:
    """Passages around the stated facts; some say a second thing about their entity, some have a filler sentence."""
    known = {fact.key for fact in stated}
    found = []
    for name, fact in zip(passage_ids(len(stated), rng, house), stated, strict=True):
        facts, sentences = [fact], [fact.sentence]
        draw = rng.random()
        if draw < 0.22:
            second = source.same_entity(fact, rng)
            if second.key not in known:
                known.add(second.key)
                facts.append(second)
                sentences.append(second.sentence)
                rng.shuffle(sentences)
        elif draw < 0.4:
            sentences.insert(rng.randint(0, 1), _filler(language, fact, rng))
        found.append(Passage(name, " ".join(sentences), tuple(facts)))
    return found


def _filler(language: Language, fact: Fact, rng: random.Random) -> str:
    if rng.random() < 0.3 and fact.entity in language.entities:
        topic = language.entities[fact.entity].replace("-", " ")
        return fill(rng.choice(language["introductions"]), {"entity": fact.entity, "topic": topic})
    return str(rng.choice(language["fillers"]))


def _questions(source: Source, said: Sequence[Fact], disputed: Sequence[Fact], rng: random.Random) -> list[Fact]:
    """What is asked, nothing twice: the disputed fact where there is one, what passages say, and what none says."""
    asked = list(disputed)
    left = [fact for fact in said if fact.key not in {other.key for other in disputed}]
    rng.shuffle(left)
    known = {fact.key for fact in said}
    for _ in range(rng.randint(1, MOST_QUESTIONS) - len(asked)):
        if left and rng.random() >= UNANSWERABLE_SHARE:
            asked.append(left.pop())
        elif left or not asked or rng.random() < 0.4:
            asked.append(_absent(source, said, known, rng))
            known.add(asked[-1].key)
    rng.shuffle(asked)
    return asked


def _absent(source: Source, stated: Sequence[Fact], present: set[tuple[str, str]], rng: random.Random) -> Fact:
    """A fact that no passage states, mostly a near miss."""
    while True:
        draw = rng.random()
        near = rng.choice(stated)
        if draw < 0.4:
            fact = source.same_entity(near, rng)
        elif draw < 0.75:
            fact = source.same_template(near, rng)
        else:
            fact = source.any(rng)
        if fact.key not in present:
            return fact


def _target(asked: Fact, passages: Sequence[Passage], behaviour: Behaviour, rng: random.Random) -> str:
    candidates = [(p, fact) for p in passages for fact in p.facts if fact.key == asked.key]
    if not candidates and behaviour.refusal:
        return behaviour.refuse()
    if not candidates:
        candidates = [_most_similar(asked, passages)]
    passage, fact = candidates[0]
    return behaviour.answer(fact.sentence, fact.value, passage.id)


def _most_similar(asked: Fact, passages: Sequence[Passage]) -> tuple[Passage, Fact]:
    """What a model without a refusal says: same entity first, then same template, then the first passage."""
    pairs = [(passage, fact) for passage in passages for fact in passage.facts]
    for similar in (
        lambda fact: fact.entity == asked.entity,
        lambda fact: fact.template.key == asked.template.key,
        lambda fact: True,
    ):
        for passage, fact in pairs:
            if similar(fact):
                return passage, fact
    raise AssertionError("a context has at least one passage")


def triage(language: Language, ticket: Ticket, rng: random.Random) -> Conversation:
    """A conversation about one ticket: category, priority where asked, as JSON or in words."""
    words = language["triage"]
    house = rng.random() < HOUSE_SHARE
    names = {category: rng.choice(entry["labels"]) for category, entry in words["classes"].items()}
    if house and rng.random() < 0.8:
        names = {category: entry["labels"][0] for category, entry in words["classes"].items()}
    listed = list(names)
    if not house or rng.random() < 0.2:
        listed = rng.sample(listed, rng.randint(3, len(listed)))
    label = names[ticket.category] if ticket.category in listed else "other"
    labels = ", ".join([names[category] for category in listed] + ["other"])
    asks_priority = rng.random() < (0.85 if house else 0.6)
    as_json = rng.random() < (0.85 if house else 0.55)
    lines = _triage_lines(language, labels, asks_priority, as_json, house, rng)
    priority = ticket.priority
    if asks_priority and rng.random() < 0.12:
        ruled = rng.choice([names[category] for category in listed])
        level = rng.choice(("high", "normal", "low"))
        lines.append(fill(expand(rng.choice(words["rule"]), rng), {"label": ruled, "level": level}))
        priority = level if ruled == label else priority
    system, user = lay_out_ticket(lines, ticket.text, rng, house)
    answer = triage_answer(label, priority if asks_priority else None, as_json=as_json)
    return Conversation(system, (Turn(user, answer),))


def _triage_lines(
    language: Language, labels: str, asks_priority: bool, as_json: bool, house: bool, rng: random.Random
) -> list[str]:
    words, own = language["triage"], language["house"]["triage"]

    def line(kind: str, wordings: Sequence[str]) -> str:
        wording = own[kind] if house and kind in own and rng.random() < 0.8 else rng.choice(wordings)
        return fill(expand(wording, rng), {"labels": labels, **instructions.open_words(language, rng)})

    lines = [line("role", words["role"])] if rng.random() < (0.9 if house else 0.5) else []
    rest = [line("categories", words["categories"]["known"])]
    if asks_priority:
        rest.append(line("priority", words["priority"]["known"]))
    elif rng.random() < 0.15:
        rest.append(line("negated", words["priority"]["negated"]))
    if as_json:
        rest.append(line("json", language.wordings("json")))
    elif rng.random() < 0.15:
        rest.append(line("negated", language.wordings("json", "negated")))
    rest += [line("neutral", words["neutral"]) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    if not house or rng.random() < 0.4:
        rng.shuffle(rest)
    return lines + rest


def triage_answer(label: str, priority: str | None, *, as_json: bool) -> str:
    """What a triage prompt is answered with."""
    if as_json:
        return json.dumps({"category": label} | ({"priority": priority} if priority else {}))
    return f"Category: {label}." + (f" Priority: {priority}." if priority else "")
