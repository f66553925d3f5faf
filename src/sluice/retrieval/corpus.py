"""A dataset read as a corpus: its articles in file order, the index over their words, and the digest of both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sluice.catalog import Dataset, Row
from sluice.digest import canonical_json, digest_bytes
from sluice.errors import Finding, InvalidFiles
from sluice.retrieval.bm25 import Index
from sluice.schema import Retrieval

_SIDES = 2
"""Base and head are rendered side by side, and mostly share one corpus."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The articles of a corpus, each with the fields that are used, and the index over those that are searched."""

    articles: Sequence[Mapping[str, Any]]
    index: Index


@dataclass(frozen=True, slots=True)
class _Source:
    """A dataset and the fields of it that are used; equal where their content is."""

    digest: str
    used: tuple[str, ...]
    dataset: Dataset = field(compare=False)


def corpus_digest(dataset: Dataset, retrieval: Retrieval) -> str:
    """Return SHA-256 over the used fields of every row in file order; other fields and formatting do not change it."""
    raw = digest_bytes(dataset.data or b"")
    return _content_digest(_Source(raw, retrieval.used_fields, dataset))


def load_corpus(dataset: Dataset, retrieval: Retrieval) -> Corpus:
    """Return the corpus with its index; equal ones are built once. Raises InvalidFiles where a row cannot be read."""
    source = _Source(corpus_digest(dataset, retrieval), retrieval.used_fields, dataset)
    return _build(source, retrieval.search, retrieval.k1, retrieval.b)


def passage_of(article: Mapping[str, Any], retrieval: Retrieval) -> dict[str, Any]:
    """Return an article as the passage that the prompt sees: passage field -> value of the corpus's field."""
    return {name: article[source] for name, source in retrieval.fields.items() if source in article}


@lru_cache(maxsize=64)
def _content_digest(source: _Source) -> str:
    hasher = hashlib.sha256()
    for article in _articles(source):
        hasher.update(canonical_json(article) + b"\n")
    return "sha256:" + hasher.hexdigest()


@lru_cache(maxsize=_SIDES)
def _build(source: _Source, search: tuple[str, ...], k1: float, b: float) -> Corpus:
    articles = tuple(_articles(source))
    return Corpus(articles, Index((_searched(article, search) for article in articles), k1, b))


def _articles(source: _Source) -> Iterator[Row]:
    findings: list[Finding] = []
    for _, row in source.dataset.scan(findings):
        yield {name: row[name] for name in source.used if name in row}
    if findings:
        raise InvalidFiles(findings)


def _searched(article: Mapping[str, Any], search: tuple[str, ...]) -> str:
    return "\n".join(str(article[name]) for name in search if name in article)
