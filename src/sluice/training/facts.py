"""Facts: what an article can say about an entity, drawn from the portal's words or from open vocabulary."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.training.language import Language, draw_value, fill

KIND_OF_FAMILY = {
    "procedure": "menu",
    "release": "version",
    "plan": "plan",
    "code": "code",
    "contact": "channel",
}


@dataclass(frozen=True, slots=True)
class Template:
    """What a fact is about, without the entity: a family, its word (aspect, procedure, …) and a kind of value."""

    family: str
    word: str
    kind: str

    @property
    def key(self) -> str:
        """The name of the template, such as "setting:session lifetime"."""
        return f"{self.family}:{self.word}"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact in words: a question, the sentence that answers it and the decisive value within the sentence."""

    template: Template
    entity: str
    question: str
    sentence: str
    value: str

    @property
    def key(self) -> tuple[str, str]:
        """What hold-out speaks about: (template, entity)."""
        return self.template.key, self.entity


SLOT_OF_FAMILY = {
    "setting": "aspect",
    "procedure": "procedure",
    "release": "feature",
    "plan": "feature",
    "code": "reason",
}


def templates(language: Language, topic: str) -> list[Template]:
    """All templates that the entities of a topic may have, the topic's own words first."""
    found: list[Template] = []
    for words in (language["topics"][topic], language["shared"]):
        found += [Template("setting", word, kind) for word, kind in words["aspects"].items()]
        found += [Template("procedure", word, "menu") for word in words["procedures"]]
        found += [
            Template(family, word, KIND_OF_FAMILY[family])
            for word in words["features"]
            for family in ("release", "plan")
        ]
        found += [Template("code", word, "code") for word in words["errors"]]
    return [*found, Template("contact", "", "channel")]


def state(language: Language, template: Template, entity: str, rng: random.Random, wording: str = "known") -> Fact:
    """Put a fact into words with a fresh value; `wording` known or unseen chooses the question frames."""
    frames = language["families"][template.family]
    slots = {"entity": entity, "value": draw_value(language, template.kind, rng)}
    if template.word:
        slots[SLOT_OF_FAMILY[template.family]] = template.word
    question = rng.choice(frames["questions" if wording == "known" else "unseen"])
    statement = rng.choice(frames["statements"])
    return Fact(template, entity, fill(question, slots), fill(statement, slots), slots["value"])


def with_new_value(language: Language, fact: Fact, rng: random.Random) -> Fact:
    """The same fact with another value of its kind."""
    while True:
        value = draw_value(language, fact.template.kind, rng)
        if value != fact.value:
            break
    old = fact.value if fact.value in fact.sentence else fact.value[:1].upper() + fact.value[1:]
    new = value if old == fact.value else value[:1].upper() + value[1:]
    return replace(fact, sentence=fact.sentence.replace(old, new, 1), value=value)


class PortalSource:
    """Facts of the portal's training split; every draw has a fresh value."""

    def __init__(self, language: Language, facts: Sequence[Fact]) -> None:
        self.language = language
        self.facts = facts
        self.by_entity: dict[str, list[Fact]] = {}
        self.by_template: dict[str, list[Fact]] = {}
        for fact in facts:
            self.by_entity.setdefault(fact.entity, []).append(fact)
            self.by_template.setdefault(fact.template.key, []).append(fact)

    def any(self, rng: random.Random) -> Fact:
        """Any fact."""
        return self._fresh(self.facts, rng)

    def same_entity(self, fact: Fact, rng: random.Random) -> Fact:
        """A fact about the entity of `fact`; it may be the same fact."""
        return self._fresh(self.by_entity[fact.entity], rng)

    def same_template(self, fact: Fact, rng: random.Random) -> Fact:
        """A fact of the template of `fact`, mostly about another entity."""
        return self._fresh(self.by_template[fact.template.key], rng)

    def _fresh(self, facts: Sequence[Fact], rng: random.Random) -> Fact:
        return with_new_value(self.language, rng.choice(facts), rng)


class OpenSource:
    """Facts of open vocabulary. The template, the entity or both are invented, so that no fact of the portal occurs.

    A portal entity only ever meets invented templates, a portal template only invented entities: the portal's
    own pairs, held out or not, cannot be drawn here.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        self.entities = tuple(language.entities)
        self.templates = tuple(dict.fromkeys(t for topic in language["topics"] for t in templates(language, topic)))
        self.keys = {template.key for template in self.templates}

    def any(self, rng: random.Random) -> Fact:
        """Any fact."""
        if rng.random() < 0.3:
            return self._state(self.invent_template(rng), rng.choice(self.entities), rng)
        return self._state(self._template(rng), self.invent_entity(rng), rng)

    def same_entity(self, fact: Fact, rng: random.Random) -> Fact:
        """A fact about the entity of `fact`; it may be the same fact."""
        portal = fact.entity in self.language.entities
        return self._state(self.invent_template(rng) if portal else self._template(rng), fact.entity, rng)

    def same_template(self, fact: Fact, rng: random.Random) -> Fact:
        """A fact of the template of `fact`, mostly about another entity."""
        if fact.template.key in self.keys or rng.random() < 0.6:
            return self._state(fact.template, self.invent_entity(rng), rng)
        return self._state(fact.template, rng.choice(self.entities), rng)

    def _template(self, rng: random.Random) -> Template:
        return rng.choice(self.templates) if rng.random() < 0.35 else self.invent_template(rng)

    def _state(self, template: Template, entity: str, rng: random.Random) -> Fact:
        return state(self.language, template, entity, rng)

    def invent_template(self, rng: random.Random) -> Template:
        """A template that the portal does not have."""
        while True:
            template = _INVENT[rng.choice(("setting", "setting", "procedure", "release", "plan", "code"))](
                self.language["open"], rng
            )
            if template.key not in self.keys:
                return template

    def invent_entity(self, rng: random.Random) -> str:
        """An entity that the portal does not have."""
        while True:
            entity = _invented_entity(self.language["open"], rng)
            if entity not in self.language.entities:
                return entity


def invented_name(words: dict[str, Any], rng: random.Random) -> str:
    """A name of two or three syllables."""
    return "".join(rng.choice(words["syllables"]) for _ in range(rng.choice((2, 2, 3)))).capitalize()


def _invented_entity(words: dict[str, Any], rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.25:
        return invented_name(words, rng)
    if draw < 0.5:
        return f"the {invented_name(words, rng)} {rng.choice(words['classes'])}"
    if draw < 0.75:
        return f"the {rng.choice(words['adjectives'])} {rng.choice(words['nouns'])}"
    return f"the {rng.choice(words['nouns'])} {rng.choice((*words['nouns'], *words['classes']))}"


def _phrase(words: dict[str, Any], rng: random.Random) -> str:
    return rng.choice((f"{rng.choice(words['adjectives'])} {rng.choice(words['nouns'])}", rng.choice(words["nouns"])))


def _setting(words: dict[str, Any], rng: random.Random) -> Template:
    kind = rng.choice(("short", "medium", "long", "count", "size", "percent", "rate", "region", "path", "date"))
    return Template("setting", f"{_phrase(words, rng)} {rng.choice(words['measures'])}", kind)


def _procedure(words: dict[str, Any], rng: random.Random) -> Template:
    article = rng.choice(("the", "a", "all"))
    plural = "s" if article == "all" else ""
    noun = rng.choice([noun for noun in words["nouns"] if not noun.endswith(("y", "s", "x"))])
    return Template("procedure", f"{rng.choice(words['verbs'])} {article} {noun}{plural}", "menu")


def _feature(family: str, words: dict[str, Any], rng: random.Random) -> Template:
    return Template(family, f"{_phrase(words, rng)} {rng.choice(words['nouns'])}s", KIND_OF_FAMILY[family])


def _error(words: dict[str, Any], rng: random.Random) -> Template:
    return Template("code", f"the {_phrase(words, rng)} {rng.choice(words['states'])}", "code")


_INVENT = {
    "setting": _setting,
    "procedure": _procedure,
    "release": lambda words, rng: _feature("release", words, rng),
    "plan": lambda words, rng: _feature("plan", words, rng),
    "code": _error,
}


def pairs(language: Language) -> Iterator[tuple[str, Template]]:
    """Every (entity, template) pair of the portal."""
    for entity, topic in language.entities.items():
        for template in templates(language, topic):
            yield entity, template


def ask(language: Language, fact: Fact, rng: random.Random, wording: str) -> str:
    """Another question about a fact; `wording` known or unseen chooses the question frames."""
    frames = language["families"][fact.template.family]["questions" if wording == "known" else "unseen"]
    slots = {"entity": fact.entity}
    if fact.template.word:
        slots[SLOT_OF_FAMILY[fact.template.family]] = fact.template.word
    return fill(rng.choice(frames), slots)
