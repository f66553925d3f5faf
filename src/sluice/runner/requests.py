"""Renders a prompt with a row, and with what it retrieves for it, into the request that a provider is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sluice.catalog import Catalog
from sluice.providers.base import Failure, Message, Request, Wanted
from sluice.results import CaseInfo
from sluice.retrieval import RetrievalProblem, Retriever, retriever_for
from sluice.schema import MessageTemplate, Prompt, Suite
from sluice.template import TemplateProblem, compile_template


def render_messages(prompt: Prompt, row: Mapping[str, Any]) -> tuple[Message, ...]:
    """Render every message with the prompt's declared inputs only; raise TemplateProblem."""
    inputs = {name: row[name] for name in prompt.inputs if name in row}
    return tuple([_constant(message) or _rendered(message, inputs) for message in prompt.messages])


@lru_cache(maxsize=256)
def _constant(message: MessageTemplate) -> Message | None:
    """Return a message that no input changes: one for all cases."""
    return None if compile_template(message.content).fields else _rendered(message, {})


def _rendered(message: MessageTemplate, inputs: Mapping[str, Any]) -> Message:
    return Message(message.role, compile_template(message.content).render(inputs).strip())


def retriever_of(catalog: Catalog, prompt: Prompt, suite: Suite) -> Retriever | None:
    """Return what a prompt retrieves with under a suite; None where it declares nothing, or rows give the passages."""
    return retriever_for(catalog, prompt) if suite.retrieves else None


def with_passages(case: CaseInfo, retriever: Retriever | None) -> CaseInfo | Failure:
    """Return the case with the passages that its side retrieves, or why it gets none."""
    if retriever is None:
        return case
    try:
        return replace(case, row=retriever.filled(case.row))
    except TemplateProblem as problem:
        return Failure("data", f"the query cannot be rendered: {problem}")
    except RetrievalProblem as problem:
        return Failure("data", str(problem))


def render_request(
    prompt: Prompt, row: Mapping[str, Any], repeat: int, wants: tuple[Wanted, ...] = ()
) -> Request | Failure:
    """Return the request of one case and repeat, or why it cannot be made."""
    try:
        messages = render_messages(prompt, row)
    except TemplateProblem as problem:
        return Failure("data", f"the prompt cannot be rendered: {problem}")
    schema = prompt.output.schema_ if prompt.output.constrained else None
    return Request(messages, prompt.parameters, schema, repeat, wants)
