"""What one prompt retrieves for a row: query, search, and passages that fit the prompt's input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import jsonschema_rs

from sluice.catalog import Catalog, Dataset
from sluice.errors import CannotJudge, SluiceError
from sluice.retrieval.corpus import Corpus, corpus_digest, load_corpus, passage_of
from sluice.schema import Prompt, Retrieval
from sluice.template import compile_template

SEMANTICS = 1
"""Raised only when the golden vectors of tokenisation or ranking change; part of every closure that retrieves."""


class RetrievalProblem(SluiceError):
    """What was retrieved for a row does not fit the prompt's input."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved passage and its BM25 score."""

    passage: Mapping[str, Any]
    score: float


@dataclass(frozen=True, slots=True)
class Retriever:
    """A prompt's retrieval over one corpus, ready for many rows."""

    retrieval: Retrieval
    inputs: frozenset[str]
    """The inputs that a query may insert."""
    corpus: Corpus
    schema: Any
    """The compiled JSON Schema of the input that takes the passages."""
    outputs: Literal["public", "artifact", "none"]
    """Where answers, which may repeat the corpus, may be shown."""

    def hits(self, row: Mapping[str, Any]) -> list[Hit]:
        """Return the passages for a row, best first; raise TemplateProblem where the query cannot be rendered."""
        given = {name: row[name] for name in self.inputs if name in row}
        query = compile_template(self.retrieval.query).render(given)
        found = self.corpus.index.search(query, self.retrieval.top)
        return [Hit(passage_of(self.corpus.articles[number], self.retrieval), score) for number, score in found]

    def filled(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row with its passages; raise RetrievalProblem where they do not fit the prompt's input."""
        passages = [hit.passage for hit in self.hits(row)]
        for error in self.schema.iter_errors(passages):
            raise RetrievalProblem(_misfit(self.retrieval, len(passages), error))
        return {**row, self.retrieval.into: passages}


def _misfit(retrieval: Retrieval, found: int, error: Any) -> str:
    told = "1 passage" if found == 1 else f"{found} passages"
    place = "".join(f"[{part!r}]" for part in error.instance_path)
    return f"{told} retrieved from {retrieval.corpus}, which input {retrieval.into}{place} does not take: {_cut(error)}"


def _cut(error: Any, most: int = 160) -> str:
    message = str(error.message)
    return message if len(message) <= most else message[: most - 1] + "…"


def retriever_for(catalog: Catalog, prompt: Prompt) -> Retriever | None:
    """Return what a prompt of this catalog retrieves with, or None where it declares no retrieval.

    Raises CannotJudge where the files do not allow it; `sluice check` explains each case with its place.
    """
    if prompt.retrieval is None:
        return None
    dataset = _dataset(catalog, prompt.retrieval)
    return Retriever(
        retrieval=prompt.retrieval,
        inputs=frozenset(prompt.inputs) - {prompt.retrieval.into},
        corpus=load_corpus(dataset, prompt.retrieval),
        schema=_schema(prompt, prompt.retrieval.into),
        outputs=dataset.value.shown_outputs,
    )


def retrieval_content(catalog: Catalog, retrieval: Retrieval) -> dict[str, Any]:
    """Return what decides which passages are retrieved, as JSON data for a closure; the corpus's name does not."""
    articles = corpus_digest(_dataset(catalog, retrieval), retrieval)
    return {**retrieval.model_dump(exclude={"corpus"}), "articles": articles, "semantics": SEMANTICS}


def _dataset(catalog: Catalog, retrieval: Retrieval) -> Dataset:
    if retrieval.corpus not in catalog.datasets:
        raise CannotJudge(f"{catalog.label} has no dataset {retrieval.corpus!r} to retrieve from; run sluice check")
    return catalog.datasets[retrieval.corpus]


def _schema(prompt: Prompt, into: str) -> Any:
    try:
        return jsonschema_rs.validator_for(prompt.inputs[into], retriever=_refuse)
    except KeyError:
        raise CannotJudge(f"the input {into!r} that passages go into is not declared; run sluice check") from None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise CannotJudge(f"the schema of input {into!r} cannot be used: {error}; run sluice check") from None


def _refuse(address: str) -> NoReturn:
    raise ValueError(f"{address} is outside this file")
