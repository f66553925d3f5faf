"""Closeness to reference texts: levenshtein, rouge-n, bleu, gleu. Own code: they follow promptfoo's definitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from sluice.assertions.model import AssertionType, Check, Compile, Score, Subject, verdict
from sluice.assertions.options import text_template, text_templates, threshold
from sluice.assertions.treebank import treebank_tokens
from sluice.assertions.words import ngrams, overlap, words
from sluice.schema import Assertion

MAX_ORDER = 4
_TINY = 1e-7
"""Stands for a precision of zero, whose logarithm does not exist."""


def bleu(candidate: str, references: Sequence[str]) -> float:
    """Return sentence BLEU in 0..1 (Papineni et al. 2002), on lower-case words.

    Orders longer than the candidate are left out and the weights of the others renormalised; a precision of zero
    counts as 1e-7; each order takes the single reference with the most clipped matches; the brevity penalty uses
    the closest reference length, the shorter of two.
    """
    found = words(candidate.lower())
    if not found:
        return 0.0
    wanted = [words(reference.lower()) for reference in references]
    orders = range(1, min(MAX_ORDER, len(found)) + 1)
    logarithms = [math.log(_precision(found, wanted, order) or _TINY) for order in orders]
    closest = min((len(reference) for reference in wanted), key=lambda size: (abs(size - len(found)), size))
    penalty = 1.0 if len(found) > closest else math.exp(1 - closest / len(found))
    return min(1.0, penalty * math.exp(sum(logarithms) / len(logarithms)))


def _precision(found: list[str], wanted: list[list[str]], order: int) -> float:
    grams = ngrams(found, order)
    return max(overlap(grams, ngrams(reference, order)) for reference in wanted) / grams.total()


def gleu(candidate: str, references: Sequence[str]) -> float:
    """Return sentence GLEU in 0..1 (Wu et al. 2016, section 4.3): the smaller of precision and recall of 1- to 4-grams.

    On lower-case words without full stops at their ends; the best of several references.
    """
    found = _gleu_words(candidate)
    return max(_gleu_one(found, _gleu_words(reference)) for reference in references) if found else 0.0


def _gleu_words(text: str) -> list[str]:
    return [word.rstrip(".") for word in words(text.lower())]


def _gleu_one(found: list[str], wanted: list[str]) -> float:
    if found == wanted:
        return 1.0
    pairs = [(ngrams(found, order), ngrams(wanted, order)) for order in range(1, MAX_ORDER + 1)]
    matches = sum(overlap(left, right) for left, right in pairs)
    longest = max(sum(left.total() for left, _ in pairs), sum(right.total() for _, right in pairs))
    return matches / longest


def rouge_1(candidate: str, reference: str) -> float:
    """Return ROUGE-1 F1 in 0..1 (Lin 2004) with clipped counts, on lower-case Penn Treebank tokens."""
    found, wanted = treebank_tokens(candidate.lower()), treebank_tokens(reference.lower())
    common = overlap(ngrams(found, 1), ngrams(wanted, 1))
    return 2 * common / (len(found) + len(wanted)) if common else 0.0


Measure: TypeAlias = Callable[[str, Sequence[str]], float]


def _compile_measure(measure: Measure, default: float, several: bool) -> Compile:
    def compile_measure(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        least = threshold(assertion, default, "the least score that passes", high=1)
        references = text_templates(assertion) if several else [text_template(assertion)]

        def judge(subject: Subject) -> Score:
            score = measure(subject.output, [reference.render(subject.row) for reference in references])
            return Score(score, score >= least, f"score {score:.4f}; threshold {least:g}")

        return Check(judge, frozenset().union(*(reference.fields for reference in references)))

    return compile_measure


def _compile_levenshtein(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    most = threshold(assertion, 5, "the most edits that pass")
    expected = text_template(assertion, may_be_empty=True)
    from rapidfuzz.distance import Levenshtein  # 4 MB that most suites do without

    def judge(subject: Subject) -> Score:
        distance = Levenshtein.distance(subject.output, expected.render(subject.row))
        return verdict(distance <= most, f"{distance} edits; threshold {most:g}")

    return Check(judge, expected.fields)


TYPES = (
    AssertionType(
        "levenshtein",
        "at most `threshold` (default 5) single-character insertions, deletions or replacements lie between the "
        "output and the text; characters are Unicode code points",
        "binary",
        1,
        _compile_levenshtein,
    ),
    AssertionType(
        "rouge-n",
        "ROUGE-1 F1 of the output against the text, clipped counts, lower-case Penn Treebank tokens; passes from "
        "`threshold` (default 0.75)",
        "continuous",
        1,
        _compile_measure(lambda output, references: rouge_1(output, references[0]), 0.75, several=False),
    ),
    AssertionType(
        "bleu",
        "sentence BLEU-4 of the output against one text or the best of several, lower-case words, absent orders left "
        "out, a zero precision counted as 1e-7; passes from `threshold` (default 0.5)",
        "continuous",
        1,
        _compile_measure(bleu, 0.5, several=True),
    ),
    AssertionType(
        "gleu",
        "sentence GLEU (1- to 4-grams, the smaller of precision and recall), lower-case words without final full "
        "stops, the best of several texts; passes from `threshold` (default 0.5)",
        "continuous",
        1,
        _compile_measure(gleu, 0.5, several=True),
    ),
)
