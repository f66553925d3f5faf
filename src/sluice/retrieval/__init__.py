"""Finds the passages of a prompt that declares where they come from: the same code in evals and in what is served."""

from sluice.retrieval.bm25 import Index
from sluice.retrieval.corpus import Corpus, corpus_digest, load_corpus, passage_of
from sluice.retrieval.retriever import Hit, RetrievalProblem, Retriever, retrieval_content, retriever_for

__all__ = [
    "Corpus",
    "Hit",
    "Index",
    "RetrievalProblem",
    "Retriever",
    "corpus_digest",
    "load_corpus",
    "passage_of",
    "retrieval_content",
    "retriever_for",
]
