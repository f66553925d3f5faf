"""Renders a prompt with a row into the request that a provider is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.providers.base import Failure, Message, Request
from sluice.schema import Prompt
from sluice.template import TemplateProblem, compile_template


def render_messages(prompt: Prompt, row: Mapping[str, Any]) -> tuple[Message, ...]:
    """Render every message with the prompt's declared inputs only; raise TemplateProblem."""
    inputs = {name: row[name] for name in prompt.inputs if name in row}
    return tuple(
        Message(message.role, compile_template(message.content).render(inputs).strip()) for message in prompt.messages
    )


def render_request(prompt: Prompt, row: Mapping[str, Any], repeat: int) -> Request | Failure:
    """Return the request of one case and repeat, or why it cannot be made."""
    try:
        messages = render_messages(prompt, row)
    except TemplateProblem as problem:
        return Failure("data", f"the prompt cannot be rendered: {problem}")
    schema = prompt.output.schema_ if prompt.output.constrained else None
    return Request(messages, prompt.parameters, schema, repeat)
