"""An inverted index that ranks texts by BM25, exactly and in a fixed order.

BM25 is that of Robertson and Zaragoza (2009, The Probabilistic Relevance Framework: BM25 and Beyond) with the inverse
document frequency that Lucene uses, ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative. A search leaves out
texts that cannot reach the best ones any more (MaxScore: Turtle and Flood 1995); its result is that of a full search.
"""

from __future__ import annotations

import heapq
import math
from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sluice.words import words

_SLACK = 1 + 1e-9
"""Sums of floating-point numbers differ by their order; a bound is a little larger than its parts."""


@dataclass(frozen=True, slots=True)
class _Term:
    """The texts that hold one word, ascending, with what the word adds to each one's score, and the most it adds."""

    texts: array[int]
    weights: array[float]
    most: float


class Index:
    """Texts by their words. Numbers of texts count from 0, in the order in which the texts were given."""

    def __init__(self, texts: Iterable[str], k1: float, b: float) -> None:
        postings: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
        lengths = array("I")
        for number, text in enumerate(texts):
            found = words(text)
            lengths.append(len(found))
            for word, count in Counter(found).items():
                postings[word].extend((number, count))
        self._postings = dict(postings)
        self._terms: dict[str, _Term] = {}
        mean = sum(lengths) / len(lengths) if any(lengths) else 1.0
        self._norms = array("d", (k1 * (1 - b + b * length / mean) for length in lengths))

    def __len__(self) -> int:
        return len(self._norms)

    def search(self, query: str, top: int) -> list[tuple[int, float]]:
        """Return (text, score) of at most `top` texts that share a word with the query.

        The best comes first; equal scores are in the order of the texts.
        """
        terms = [(self._term(word), times) for word, times in Counter(words(query)).items() if word in self._postings]
        # Equal bounds are left in the order of the query: every text's score is summed in the same order.
        terms.sort(key=lambda term: -term[0].most * term[1])
        scores: dict[int, float] = {}
        left = sum(term.most * times for term, times in terms) * _SLACK
        least = 0.0
        for term, times in terms:
            if left < least:
                scores = {text: score for text, score in scores.items() if score + left >= least}
                _add_to_known(scores, term, times)
            else:
                _add(scores, term, times)
            left -= term.most * times
            if len(scores) >= top:
                least = heapq.nlargest(top, scores.values())[-1]
        return heapq.nsmallest(top, scores.items(), key=lambda found: (-found[1], found[0]))

    def _term(self, word: str) -> _Term:
        if word not in self._terms:
            self._terms[word] = self._weighted(self._postings[word])
        return self._terms[word]

    def _weighted(self, posting: array[int]) -> _Term:
        texts, counts, norms = posting[0::2], posting[1::2], self._norms
        rarity = math.log(1 + (len(norms) - len(texts) + 0.5) / (len(texts) + 0.5))
        pairs = zip(texts, counts, strict=True)
        weights = array("d", [rarity * count / (count + norms[text]) for text, count in pairs])
        return _Term(texts, weights, max(weights))


def _add(scores: dict[int, float], term: _Term, times: int) -> None:
    known = scores.get
    for text, weight in zip(term.texts, term.weights, strict=True):
        scores[text] = known(text, 0.0) + weight * times


def _add_to_known(scores: dict[int, float], term: _Term, times: int) -> None:
    """Add a word's weight to the texts that still compete; no other can be among the best."""
    texts = term.texts
    for text in scores:
        place = bisect_left(texts, text)
        if place < len(texts) and texts[place] == text:
            scores[text] += term.weights[place] * times
