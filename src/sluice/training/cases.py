"""Eval cases about the portal: a question, the passages that retrieval brought, and what a right answer holds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sluice.training.facts import Fact, ask
from sluice.training.language import Language
from sluice.training.portal import Article, Portal

PLAIN, DISPUTED, UNANSWERABLE = 462, 168, 330
UNSEEN_SHARE = 0.3
MOST_PASSAGES = 4


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `sentence` is what the article in force says, also where no passage holds it."""

    article: Article
    fact: Fact
    question: str
    wording: str
    passages: tuple[tuple[str, str], ...]
    answerable: bool
    disputed: bool

    def row(self, name: str, refusal: str) -> dict[str, Any]:
        """The case as a row of `portal-questions`."""
        return {
            "id": name,
            "question": self.question,
            "passages": [{"id": source, "text": text} for source, text in self.passages],
            "expected": self.fact.value if self.answerable else refusal,
            "sentence": self.fact.sentence,
            "article": self.article.id,
            "entity": self.fact.entity,
            "fact": self.fact.template.key,
            "refusal": refusal,
            "answerable": self.answerable,
            "disputed": self.disputed,
            "topic": self.article.topic,
            "passage_count": len(self.passages),
            "wording": self.wording,
        }


def build(language: Language, portal: Portal, seed: int) -> list[Case]:
    """All cases in a shuffled, stable order. Every fact is asked about at most once."""
    rng = random.Random(f"cases:{seed}")
    everything = [(article, fact) for article in portal.articles for fact in article.facts]
    rng.shuffle(everything)
    contested = _one_of_each_first([(a, f) for a, f in everything if a.id in portal.archive])[:DISPUTED]
    taken = {fact.key for _, fact in contested}
    rest = [(a, f) for a, f in everything if f.key not in taken]
    cases = [disputed(language, portal, a, f, rng, i % 2 == 1) for i, (a, f) in enumerate(contested)]
    cases += [plain(language, portal, a, f, rng) for a, f in rest[:PLAIN]]
    cases += [unanswerable(language, portal, a, f, rng) for a, f in rest[PLAIN : PLAIN + UNANSWERABLE]]
    rng.shuffle(cases)
    return cases


def _one_of_each_first(pairs: Sequence[tuple[Article, Fact]]) -> list[tuple[Article, Fact]]:
    """Pairs of as many articles as possible first, so that clusters stay small."""
    seen: dict[str, int] = {}
    ranks = []
    for article, _ in pairs:
        seen[article.id] = seen.get(article.id, 0) + 1
        ranks.append(seen[article.id])
    return [pair for _, pair in sorted(zip(ranks, pairs, strict=True), key=lambda item: item[0])]


def _wording(rng: random.Random) -> str:
    return "unseen" if rng.random() < UNSEEN_SHARE else "known"


def plain(language: Language, portal: Portal, article: Article, fact: Fact, rng: random.Random) -> Case:
    """One passage holds the answer, the others do not."""
    wording = _wording(rng)
    count = rng.randint(1, MOST_PASSAGES)
    while True:
        passages = [(article.id, _excerpt(article, [fact], rng))]
        passages += _distractors(portal, article, fact, count - 1, rng)
        rng.shuffle(passages)
        if sum(fact.value.lower() in text.lower() for _, text in passages) == 1:
            break
    question = ask(language, fact, rng, wording)
    return Case(article, fact, question, wording, tuple(passages), answerable=True, disputed=False)


def disputed(
    language: Language, portal: Portal, article: Article, fact: Fact, rng: random.Random, current_first: bool
) -> Case:
    """An archived article contradicts the one in force; which of them stands first is balanced over the cases."""
    wording = _wording(rng)
    archived = portal.archive[article.id]
    old = next(other for other in archived.facts if other.key == fact.key)
    pair = [(article.id, _excerpt(article, [fact], rng)), (archived.id, _excerpt(archived, [old], rng))]
    ordered = pair if current_first else pair[::-1]
    passages = _distractors(portal, article, fact, rng.randint(0, MOST_PASSAGES - 2), rng)
    first = rng.randint(0, len(passages))
    second = rng.randint(first, len(passages))
    passages = [*passages[:first], ordered[0], *passages[first:second], ordered[1], *passages[second:]]
    question = ask(language, fact, rng, wording)
    return Case(article, fact, question, wording, tuple(passages), answerable=True, disputed=True)


def unanswerable(language: Language, portal: Portal, article: Article, fact: Fact, rng: random.Random) -> Case:
    """No passage holds the answer; most have one that comes close."""
    wording = _wording(rng)
    count = rng.randint(1, MOST_PASSAGES)
    passages: list[tuple[str, str]] = []
    if rng.random() < 0.45:
        others = [other for other in article.facts if other.key != fact.key]
        passages.append((article.id, _excerpt(article, [rng.choice(others)], rng, without=fact)))
    passages += _distractors(portal, article, fact, count - len(passages), rng)
    rng.shuffle(passages)
    question = ask(language, fact, rng, wording)
    return Case(article, fact, question, wording, tuple(passages), answerable=False, disputed=False)


def _excerpt(article: Article, facts: Sequence[Fact], rng: random.Random, without: Fact | None = None) -> str:
    """Sentences of an article around the given facts: alone, with a neighbour, or with the introduction."""
    sentences = [fact.sentence for fact in facts]
    draw = rng.random()
    if draw < 0.25:
        skipped = {fact.key for fact in facts} | ({without.key} if without else set())
        sentences.append(rng.choice([fact for fact in article.facts if fact.key not in skipped]).sentence)
        rng.shuffle(sentences)
    elif draw < 0.4:
        sentences.insert(0, article.introduction)
    return " ".join(sentences)


def _distractors(portal: Portal, article: Article, fact: Fact, count: int, rng: random.Random) -> list[tuple[str, str]]:
    """Excerpts of other articles: the same template where there is one, then the same topic, then anything."""
    others = [other for other in portal.articles if other.id != article.id]
    chosen: list[tuple[str, str]] = []
    while len(chosen) < count:
        draw = rng.random()
        pool = others
        if draw < 0.5:
            pool = [o for o in others if any(f.template.key == fact.template.key for f in o.facts)] or others
        elif draw < 0.75:
            pool = [o for o in others if o.topic == article.topic]
        other = rng.choice(pool)
        if other.id in {source for source, _ in chosen}:
            continue
        same = [f for f in other.facts if f.template.key == fact.template.key] or list(other.facts)
        chosen.append((other.id, _excerpt(other, [rng.choice(same)], rng)))
    return chosen
