"""Closeness to reference texts as papers report it: sacreBLEU, chrF, ROUGE. Optional libraries, imported on use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from typing import Any, TypeAlias

from sluice.assertions.model import (
    AssertionConfigError,
    AssertionProblem,
    AssertionType,
    Check,
    Compile,
    Score,
    Subject,
    shown,
)
from sluice.assertions.options import scalar_text, settings, threshold
from sluice.assertions.values import Data
from sluice.errors import nearest
from sluice.schema import Assertion

VERSIONS = {"sacrebleu": "2.6.0", "rouge-score": "0.1.2"}
"""Tokenisers change between versions, so the versions are part of the meaning (golden vectors hold the signatures)."""

INSTALL = "pip install '.[metrics]' in this clone"
_TOKENIZERS = ("13a", "intl", "zh", "char", "none")
"""Those of sacreBLEU's that need neither a download nor a further package."""


def require(package: str) -> None:
    """Raise AssertionConfigError unless the pinned version of a package is installed; nothing is imported."""
    try:
        found = metadata.version(package)
    except metadata.PackageNotFoundError:
        raise AssertionConfigError(f"{package} is not installed; {INSTALL}", "type") from None
    if found != VERSIONS[package]:
        raise AssertionConfigError(f"{package} {found} is installed, {VERSIONS[package]} is needed; {INSTALL}", "type")


@lru_cache(maxsize=16)
def bleu(tokenize: str, lowercase: bool) -> Any:
    """Return sacreBLEU's BLEU for single sentences: orders that a short output cannot have are left out."""
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize=tokenize, lowercase=lowercase, effective_order=True)


@lru_cache(maxsize=16)
def chrf(word_order: int, lowercase: bool) -> Any:
    """Return sacreBLEU's chrF; word order 2 makes it chrF++."""
    from sacrebleu.metrics import CHRF

    return CHRF(word_order=word_order, lowercase=lowercase)


@lru_cache(maxsize=16)
def rouge(kind: str, stem: bool) -> Any:
    """Return a scorer of rouge-score, which is the one that Google Research publishes."""
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([kind], use_stemmer=stem)


Measure: TypeAlias = Callable[[str, Sequence[str]], float]
Make: TypeAlias = Callable[[Mapping[str, Any]], Measure]


def _compile(package: str, known: tuple[str, ...], make: Make) -> Compile:
    def compile_measure(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
        require(package)
        least = threshold(assertion, None, "the least score that passes", high=1)
        given = settings(assertion, ("references", *known), "references")
        references, measure = Data.of(given["references"]), make(given)

        def judge(subject: Subject) -> Score:
            value = measure(subject.output, _texts(references.build(subject.row)))
            return Score(value, value >= least, f"score {value:.4f}; threshold {least:g}")

        return Check(judge, references.fields)

    return compile_measure


def _texts(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    for text in texts:
        if text is None or isinstance(text, Mapping | list) or not scalar_text(text).strip():
            raise AssertionProblem(f"the reference is {shown(str(text))} for this case, no text to compare with")
    if not texts:
        raise AssertionProblem("this case has no reference to compare with")
    return [scalar_text(text) for text in texts]


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise AssertionConfigError(f"{name} is true or false, not {shown(str(value))}", "value")
    return value


def _bleu(given: Mapping[str, Any]) -> Measure:
    tokenize, lowercase = given.get("tokenize", "13a"), _flag(given, "lowercase")
    if tokenize not in _TOKENIZERS:
        raise AssertionConfigError(f"no tokenizer {tokenize!r}; {nearest(str(tokenize), _TOKENIZERS)}", "value")
    return lambda output, references: _share(bleu(tokenize, lowercase).sentence_score(output, references).score)


def _chrf(given: Mapping[str, Any]) -> Measure:
    order, lowercase = given.get("word_order", 0), _flag(given, "lowercase")
    if isinstance(order, bool) or order not in (0, 1, 2):
        raise AssertionConfigError(f"word_order is 0 (chrF), 1 or 2 (chrF++), not {shown(str(order))}", "value")
    return lambda output, references: _share(chrf(order, lowercase).sentence_score(output, references).score)


def _share(score: float) -> float:
    # Sums of floating-point numbers can end a hair above 100.
    return min(1.0, float(score) / 100)


def _rouge(kind: str) -> Make:
    def make(given: Mapping[str, Any]) -> Measure:
        stem = _flag(given, "stem")

        def measure(output: str, references: Sequence[str]) -> float:
            return max(_rouge_one(rouge(kind, stem), kind, text, output) for text in references)

        return measure

    return make


def _rouge_one(scorer: Any, kind: str, reference: str, output: str) -> float:
    if not any(char.isascii() and char.isalnum() for char in reference):
        raise AssertionProblem("ROUGE reads a to z and 0 to 9 only, and the reference holds none of them; use chrf")
    return float(scorer.score(reference, output)[kind].fmeasure)


def _reference_type(name: str, package: str, title: str, known: tuple[str, ...], make: Make) -> AssertionType:
    common = (
        "The value is a text, a list of texts or a field that holds one, or a mapping with these as `references` and "
        + " and ".join(known)
    )
    return AssertionType(
        name,
        f"{title} ({package} {VERSIONS[package]}). {common}. Passes from `threshold`, which must be given",
        "continuous",
        1,
        _compile(package, tuple(part.split("`")[1] for part in known), make),
    )


def _rouge_type(name: str, kind: str, what: str) -> AssertionType:
    title = (
        f"{what}: F1 of the best reference, on runs of the letters a to z and digits in lower case. Not promptfoo's "
        "`rouge-n`"
    )
    return _reference_type(name, "rouge-score", title, ("`stem` (Porter; default false)",), _rouge(kind))


TYPES = (
    _reference_type(
        "sacrebleu",
        "sacrebleu",
        "sentence BLEU in 0..1, exponential smoothing, absent orders left out; the mean over cases is not corpus BLEU. "
        "Not promptfoo's `bleu`",
        (f"`tokenize` ({', '.join(_TOKENIZERS)}; default 13a)", "`lowercase` (default false)"),
        _bleu,
    ),
    _reference_type(
        "chrf",
        "sacrebleu",
        "sentence chrF2 in 0..1: F-score of runs of 1 to 6 characters, recall counting twice; for any script",
        ("`word_order` (2 for chrF++; default 0)", "`lowercase` (default false)"),
        _chrf,
    ),
    _rouge_type("rouge-1", "rouge1", "ROUGE-1 (Lin 2004), single words"),
    _rouge_type("rouge-2", "rouge2", "ROUGE-2 (Lin 2004), pairs of words"),
    _rouge_type("rouge-l", "rougeL", "ROUGE-L (Lin 2004), the longest common subsequence of the whole texts"),
    _rouge_type("rouge-lsum", "rougeLsum", "ROUGE-L of a summary (Lin 2004), line by line: one sentence is one line"),
)
