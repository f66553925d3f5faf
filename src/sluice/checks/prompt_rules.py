"""Rules about one prompt and the model it names: templates, inputs, messages, sampling, output contract."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.catalog import Entry
from sluice.catalog.yaml_file import KeyPath
from sluice.checks.places import template_place
from sluice.checks.rule import Context, rules, warning
from sluice.errors import Finding, nearest
from sluice.schema import Model, Prompt
from sluice.template import CompiledTemplate, TemplateProblem, compile_template

_QUERY: KeyPath = ("retrieval", "query")


def _templates(context: Context) -> Iterator[Finding]:
    for prompt in context.catalog.prompts.values():
        compiled: dict[KeyPath, CompiledTemplate] = {}
        texts = _texts(prompt.value)
        for where, text in texts.items():
            try:
                compiled[where] = compile_template(text)
            except TemplateProblem as problem:
                place = template_place(context.catalog.tree, prompt, where, problem.line)
                expected = "a template of variables, filters, if and for"
                yield Finding(prompt.path, *place, "template-invalid", str(problem), expected, "correct the template")
        yield from _undeclared(context, prompt, compiled)
        if len(compiled) == len(texts):
            yield from _unused(prompt, compiled)


def _texts(prompt: Prompt) -> dict[KeyPath, str]:
    """Return every template of a prompt by its place: the messages, and the query that passages are searched with."""
    texts: dict[KeyPath, str] = {
        ("messages", index, "content"): message.content for index, message in enumerate(prompt.messages)
    }
    if prompt.retrieval is not None:
        texts[_QUERY] = prompt.retrieval.query
    return texts


def _undeclared(
    context: Context, prompt: Entry[Prompt], compiled: dict[KeyPath, CompiledTemplate]
) -> Iterator[Finding]:
    retrieval = prompt.value.retrieval
    for where, template in compiled.items():
        # A query cannot insert the passages that it is to find.
        known = prompt.value.inputs.keys() - ({retrieval.into} if retrieval and where == _QUERY else set())
        for name in sorted(template.fields - known):
            place = template_place(context.catalog.tree, prompt, where, template.first_use.get(name, 1), name)
            expected = f"{'an input that rows give' if where == _QUERY else 'a declared input'}; {nearest(name, known)}"
            fix = "declare it under inputs, or correct the name"
            yield Finding(prompt.path, *place, "prompt-input-undeclared", f"{{{{ {name} }}}}", expected, fix)


def _unused(prompt: Entry[Prompt], compiled: dict[KeyPath, CompiledTemplate]) -> Iterator[Finding]:
    used = frozenset[str]().union(*(template.fields for template in compiled.values()))
    for name in prompt.value.inputs:
        if name not in used:
            found, expected = f"input {name!r}, which no message uses", "every input in some message"
            yield prompt.finding(("inputs", name), "prompt-input-unused", found, expected, "use or remove it", key=True)


def _json_output(context: Context) -> Iterator[Finding]:
    for prompt in context.catalog.prompts.values():
        output = prompt.value.output
        if output.type == "json" and output.schema_ is None:
            found, expected = "type json without a schema", "the JSON Schema of the answer"
            fix = "add output.schema; without it any JSON would do"
            yield prompt.finding(("output",), "prompt-output-schema", found, expected, fix)


def _messages(context: Context) -> Iterator[Finding]:
    for prompt in context.catalog.prompts.values():
        roles = [message.role for message in prompt.value.messages]
        fix = "reorder the messages"
        for index, role in enumerate(roles):
            if role == "system" and index > 0:
                yield prompt.finding(("messages", index, "role"), "prompt-message-order", "a later system message",
                                     "system first, if at all", fix)  # fmt: skip
        if roles[-1] != "user":
            where = ("messages", len(roles) - 1, "role")
            expected = "a user message at the end, which the model answers"
            yield prompt.finding(where, "prompt-message-order", f"a last message of role {roles[-1]}", expected, fix)


def _sampling(context: Context) -> Iterator[Finding]:
    for prompt in context.catalog.prompts.values():
        parameters = prompt.value.parameters
        for name in ("top_p", "seed"):
            if not parameters.stochastic and getattr(parameters, name) is not None:
                found, expected = f"{name} with temperature 0", "sampling settings only where text is sampled"
                fix = f"remove {name}, or raise the temperature"
                yield warning(
                    prompt.finding(("parameters", name), "prompt-sampling-unused", found, expected, fix, key=True)
                )


def _context(context: Context) -> Iterator[Finding]:
    for prompt in context.catalog.prompts.values():
        model = context.catalog.models.get(prompt.value.model)
        if model:
            yield from _fits(prompt, model)


def _fits(prompt: Entry[Prompt], model: Entry[Model]) -> Iterator[Finding]:
    """No tokenizer makes less than one token of a word, so words are what a prompt takes at the least."""
    words = sum(len(message.content.split()) for message in prompt.value.messages)
    needed, room = prompt.value.parameters.max_tokens + words, model.value.context
    if needed > room:
        found = f"max_tokens {prompt.value.parameters.max_tokens} and at least {words} tokens of prompt"
        expected = f"at most {room} together, the context of {model.path}"
        fix = "lower max_tokens, shorten the messages, or take a model with more context"
        yield prompt.finding(("parameters", "max_tokens"), "prompt-exceeds-context", found, expected, fix)


RULES = (
    *rules(
        _templates,
        {
            "template-invalid": "Messages and queries are templates that compile and use only safe features.",
            "prompt-input-undeclared": "Every variable of a message or a query is a declared input.",
            "prompt-input-unused": "Every declared input is used in a message or a query.",
        },
    ),
    *rules(
        _json_output,
        {
            "prompt-output-schema": "A prompt that answers in JSON says in which.",
        },
    ),
    *rules(
        _messages,
        {
            "prompt-message-order": "System comes first, and the user's message last.",
        },
    ),
    *rules(
        _sampling,
        {
            "prompt-sampling-unused": "Sampling settings stand only where text is sampled.",
        },
    ),
    *rules(
        _context,
        {
            "prompt-exceeds-context": "Prompt and answer fit the model's context.",
        },
    ),
)
