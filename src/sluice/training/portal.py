"""The portal as a world: articles and what they say, and the split into what is asked in evals and what is taught."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.training.facts import Fact, Template, state, templates, with_new_value
from sluice.training.language import Language, capitalised, expand, fill

FACTS_PER_ARTICLE = 6
ARCHIVED_ARTICLES = 168
TAUGHT_PAIRS_PER_ENTITY = 16
SPARE_NUMBERS = 60


@dataclass(frozen=True, slots=True)
class Article:
    """One article of the corpus. `archived` articles hold values that are no longer in force."""

    id: str
    title: str
    topic: str
    entity: str
    introduction: str
    facts: tuple[Fact, ...]
    archived: bool

    @property
    def text(self) -> str:
        """The whole article."""
        return " ".join((self.introduction, *(fact.sentence for fact in self.facts)))


@dataclass(frozen=True, slots=True)
class Portal:
    """Articles in force, archived versions by the id of the article that replaced them, and the taught facts."""

    articles: tuple[Article, ...]
    archive: Mapping[str, Article] = field(default_factory=dict)
    taught: tuple[Fact, ...] = ()


def build(language: Language, seed: int) -> Portal:
    """The portal, from the language and a seed alone."""
    rng = random.Random(f"portal:{seed}")
    numbers = sorted(rng.sample(range(100, 1000), len(language.entities) + SPARE_NUMBERS))
    rng.shuffle(numbers)
    articles, taught = [], []
    for entity, topic in language.entities.items():
        asked = _asked_templates(language, topic, rng)
        facts = tuple(state(language, template, entity, rng) for template in asked)
        articles.append(_article(language, f"kb-{numbers.pop()}", entity, topic, facts, rng))
        taught += _taught(language, topic, entity, {template.key for template in asked}, rng)
    return Portal(tuple(articles), _archive(language, articles, seed), tuple(taught))


def _archive(language: Language, articles: Sequence[Article], seed: int) -> dict[str, Article]:
    """Old versions of some articles, under ids of their own, by the id of the article in force."""
    rng = random.Random(f"archive:{seed}")
    taken = {article.id for article in articles}
    free = [name for number in range(100, 1000) if (name := f"kb-{number}") not in taken]
    names = rng.sample(free, ARCHIVED_ARTICLES)
    replaced = rng.sample(articles, ARCHIVED_ARTICLES)
    return {article.id: _archived(language, article, name, rng) for article, name in zip(replaced, names, strict=True)}


def _asked_templates(language: Language, topic: str, rng: random.Random) -> list[Template]:
    """The templates of an article, half of them the topic's own so that articles of a topic overlap."""
    everything = templates(language, topic)
    own = len(everything) - len(_shared(language))
    special, shared = everything[:own], everything[own:]
    half = FACTS_PER_ARTICLE // 2
    chosen = rng.sample(special, half) + rng.sample(shared, FACTS_PER_ARTICLE - half)
    rng.shuffle(chosen)
    return chosen


def _shared(language: Language) -> list[Template]:
    words = language["shared"]
    count = len(words["aspects"]) + len(words["procedures"]) + 2 * len(words["features"]) + len(words["errors"])
    return templates(language, next(iter(language["topics"])))[-count - 1 :]


def _taught(language: Language, topic: str, entity: str, asked: set[str], rng: random.Random) -> list[Fact]:
    """Facts for training: pairs that no eval case asks about, each with two different questions where there are."""
    free = [template for template in templates(language, topic) if template.key not in asked]
    found: list[Fact] = []
    for template in rng.sample(free, TAUGHT_PAIRS_PER_ENTITY):
        pair = [state(language, template, entity, rng) for _ in range(2)]
        found += pair if pair[0].question != pair[1].question else pair[:1]
    return found


def _article(
    language: Language, name: str, entity: str, topic: str, facts: Sequence[Fact], rng: random.Random
) -> Article:
    slots = {"entity": entity, "topic": topic.replace("-", " ")}
    introduction = fill(expand(rng.choice(language["introductions"]), rng), slots)
    title = capitalised(entity.removeprefix("the "))
    return Article(name, title, topic, entity, introduction, tuple(facts), archived=False)


def _archived(language: Language, article: Article, name: str, rng: random.Random) -> Article:
    old = tuple(with_new_value(language, fact, rng) for fact in article.facts)
    return Article(
        name, f"{article.title} (archived)", article.topic, article.entity, article.introduction, old, archived=True
    )


def taught_rows(language: Language, portal: Portal) -> list[dict[str, Any]]:
    """Rows of the training split, in a stable order."""
    return [
        {
            "id": f"t-{number:04d}",
            "topic": language.entities[fact.entity],
            "entity": fact.entity,
            "family": fact.template.family,
            "word": fact.template.word,
            "kind": fact.template.kind,
            "question": fact.question,
            "sentence": fact.sentence,
            "value": fact.value,
        }
        for number, fact in enumerate(portal.taught, start=1)
    ]


def fact_of_row(row: Mapping[str, Any]) -> Fact:
    """The fact that a training row holds."""
    template = Template(row["family"], row["word"], row["kind"])
    return Fact(template, row["entity"], row["question"], row["sentence"], row["value"])
