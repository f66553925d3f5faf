"""How much of an output stands in the passages: by words, by runs of words, by sentences. Lexical, so no judge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sluice.assertions.model import AssertionConfigError, AssertionType, Check, Compile, Score, Subject, shown
from sluice.assertions.options import settings, threshold, whole_number
from sluice.assertions.passages import Passages, passage_text
from sluice.assertions.words import ngrams
from sluice.schema import Assertion
from sluice.words import words

_ARTICLES = frozenset({"a", "an", "the"})
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|\n+|(?<=[。！？])")
_SHARE = 0.8
_RUN = 3


@dataclass(frozen=True, slots=True)
class Grounded:
    """How many parts of an output there are, and those that no passage supports."""

    parts: int
    missing: Sequence[str]

    @property
    def share(self) -> float:
        """The share that is supported; 0 of an output without a part."""
        return (self.parts - len(self.missing)) / self.parts if self.parts else 0.0


def counted_words(text: str) -> list[str]:
    """Return the words of a text without the English articles."""
    return [word for word in words(text) if word not in _ARTICLES]


def grounded_words(output: str, passages: Sequence[str]) -> Grounded:
    """K-Precision (Adlakha et al. 2024): a word counts as often as it stands in all passages together."""
    found = counted_words(output)
    left = Counter(found) - Counter(word for text in passages for word in counted_words(text))
    return Grounded(len(found), list(left.elements()))


def grounded_runs(output: str, passages: Sequence[str], length: int) -> Grounded:
    """One minus the share of novel n-grams (See et al. 2017); a shorter output is one run."""
    found = words(output)
    length = min(length, len(found)) or 1
    runs = [tuple(found[start : start + length]) for start in range(len(found) - length + 1)] if found else []
    known = {run for text in passages for run in ngrams(words(text), length)}
    return Grounded(len(runs), [" ".join(run) for run in runs if run not in known])


def grounded_sentences(output: str, passages: Sequence[str], least: float) -> Grounded:
    """A sentence is supported where one passage alone holds at least this share of its words."""
    sentences = [text for text in map(str.strip, _SENTENCE_END.split(output)) if counted_words(text)]

    def best(sentence: str) -> float:
        return max((grounded_words(sentence, [text]).share for text in passages), default=0.0)

    return Grounded(len(sentences), [sentence for sentence in sentences if best(sentence) < least])


Measure: TypeAlias = Callable[[str, Sequence[str]], Grounded]
Make: TypeAlias = Callable[[Assertion, Mapping[str, Any]], Measure]


def _compile(make: Make, default: float | None, more: tuple[str, ...] = ()) -> Compile:
    def compile_grounding(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        least = threshold(assertion, default, "the least share that passes", high=1)
        given = settings(assertion, ("passages", "text", *more), None)
        passages, keys, measure = Passages.of(given), _keys(given.get("text")), make(assertion, given)

        def judge(subject: Subject) -> Score:
            texts = [passage_text(passage, keys) for passage in passages.read(subject.row)]
            grounded = measure(subject.output, texts)
            return Score(grounded.share, grounded.share >= least, _reason(grounded, least))

        return Check(judge, passages.fields)

    return compile_grounding


def _reason(grounded: Grounded, least: float) -> str:
    first = f"; first without support {shown(grounded.missing[0])}" if grounded.missing else ""
    return f"{grounded.parts - len(grounded.missing)} of {grounded.parts} supported; threshold {least:g}{first}"


def _keys(value: Any) -> Collection[str] | None:
    """Return the fields of a passage that are its text; None for all of them."""
    names = [value] if isinstance(value, str) else value
    if names is not None and not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise AssertionConfigError("text names one field of a passage, or a list of them", "value")
    return names


def _words(assertion: Assertion, given: Mapping[str, Any]) -> Measure:
    return grounded_words


def _runs(assertion: Assertion, given: Mapping[str, Any]) -> Measure:
    length = whole_number(assertion, given, "n") or _RUN
    return lambda output, passages: grounded_runs(output, passages, length)


def _sentences(assertion: Assertion, given: Mapping[str, Any]) -> Measure:
    least = given.get("share", _SHARE)
    if isinstance(least, bool) or not isinstance(least, int | float) or not 0 < least <= 1:
        raise AssertionConfigError(f"share {shown(str(least))} is no number above 0 and up to 1", "value")
    return lambda output, passages: grounded_sentences(output, passages, least)


_COMMON = (
    "The value, if any, is a mapping: `passages` (default `{{ passages }}`) and `text`, the fields of a passage that "
    "count (default: all, as the model may have seen them). Words are runs of letters, digits and marks, case folded. "
    "An output without a word scores 0. Passes from `threshold`"
)

TYPES = (
    AssertionType(
        "grounded-words",
        "the share of the output's words that stand in the passages (K-Precision, Adlakha et al. 2024): a word counts "
        f"as often as the passages together hold it, a, an and the never. {_COMMON}",
        "continuous",
        1,
        _compile(_words, None),
    ),
    AssertionType(
        "grounded-ngrams",
        f"the share of the output's runs of `n` words (default {_RUN}) that stand in a passage in this order: 1 minus "
        f"the share of novel n-grams (See et al. 2017). A shorter output is one run. {_COMMON}",
        "continuous",
        1,
        _compile(_runs, None, ("n",)),
    ),
    AssertionType(
        "grounded-sentences",
        "the share of the output's sentences of which one passage alone holds at least `share` (default "
        f"{_SHARE:g}) of the words, counted as in grounded-words. Sentences end at . ! ? … before a blank, at 。！？, "
        f"and at line ends. {_COMMON} (default 1)",
        "continuous",
        1,
        _compile(_sentences, 1.0, ("share",)),
    ),
)
