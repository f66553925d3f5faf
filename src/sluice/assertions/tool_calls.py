"""Tool calls in an output, as JSON text: tool-call-f1, is-valid-openai-tools-call, is-valid-function-call."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sluice.assertions.contains import split_commas
from sluice.assertions.json_schemas import RowSchema
from sluice.assertions.json_text import NotJson, parse_json
from sluice.assertions.model import AssertionConfigError, AssertionType, Check, Score, Subject, shown, verdict
from sluice.assertions.options import no_threshold, text_templates, threshold
from sluice.schema import Assertion

# Which tools were called


def called_tools(text: str) -> frozenset[str]:
    """Return the names of the tools that a JSON output calls, in the shapes of the usual providers.

    Where the output is not JSON as a whole, its lines that are JSON objects or arrays are read.
    """
    try:
        return frozenset(_names(parse_json(text)))
    except NotJson:
        return frozenset(name for line in text.split("\n") for name in _line_names(line.strip()))


def _line_names(line: str) -> Iterator[str]:
    if line.startswith(("{", "[")):
        try:
            yield from _names(parse_json(line))
        except NotJson:
            return


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from called_tools(value)
    elif isinstance(value, list):
        for block in value:
            yield from _block_names(block)
    elif isinstance(value, dict):
        yield from _object_names(value)


def _object_names(value: dict[str, Any]) -> Iterator[str]:
    if isinstance(value.get("tool_calls"), list):
        for call in value["tool_calls"]:
            yield from _name_of(call, "function")
            yield from _own_name(call)
    elif value.get("type") == "tool_use" and isinstance(value.get("name"), str):
        yield value["name"]
    elif isinstance(value.get("functionCall"), dict):
        yield from _own_name(value["functionCall"])
    elif isinstance(value.get("toolCall"), dict):
        calls = value["toolCall"].get("functionCalls")
        for call in calls if isinstance(calls, list) else ():
            yield from _own_name(call)


def _block_names(block: Any) -> Iterator[str]:
    if not isinstance(block, dict):
        return
    if block.get("type") == "tool_use" and isinstance(block.get("name"), str):
        yield block["name"]
    elif isinstance(block.get("functionCall"), dict):
        yield from _own_name(block["functionCall"])
    elif isinstance(block.get("function"), dict):
        yield from _own_name(block["function"])
    else:
        yield from _own_name(block)


def _name_of(call: Any, key: str) -> Iterator[str]:
    if isinstance(call, dict):
        yield from _own_name(call.get(key))


def _own_name(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        yield value["name"]


def _compile_f1(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    least = threshold(assertion, 1, "the least F1 that passes", high=1)
    templates = text_templates(assertion)
    listed = isinstance(assertion.value, list)

    def judge(subject: Subject) -> Score:
        texts = [template.render(subject.row) for template in templates]
        wanted = frozenset(texts if listed else split_commas(texts[0]))
        found = called_tools(subject.output)
        common = len(wanted & found)
        score = 2 * common / (len(wanted) + len(found)) if common else 0.0
        called = ", ".join(sorted(found)) or "none"
        return Score(score, score >= least, f"F1 {score:.3f}; threshold {least:g}; called: {shown(called)}")

    return Check(judge, frozenset().union(*(template.fields for template in templates)))


# Whether calls follow the declared parameters


class _Declared:
    """The functions that a prompt declares: name -> the schema of its arguments, or None without one."""

    def __init__(self, value: Any, type_name: str) -> None:
        entries = value if isinstance(value, list) else None
        functions = [_declaration(entry) for entry in entries or ()]
        if not functions or None in functions:
            raise AssertionConfigError(
                f"{type_name} takes the declared functions: a list of {{name, parameters}}, or tools with `function`",
                "value",
            )
        self._schemas = {one["name"]: RowSchema(_draft7(one["parameters"])) for one in functions if one}

    def problem(self, call: Any, row: Mapping[str, Any]) -> str | None:
        """Return why a call is not one of a declared function with fitting arguments."""
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            return "no call with a name"
        if not isinstance(call.get("arguments"), str):
            return f"the call of {shown(call['name'])} has no arguments as JSON text"
        schema = self._schemas.get(call["name"])
        if schema is None:
            return f"{shown(call['name'])} is called, and no such function is declared"
        try:
            found = schema.problem(json.loads(call["arguments"]), row)
        except ValueError as error:
            return f"the arguments of {shown(call['name'])} are not JSON: {error}"
        return found and f"the arguments of {shown(call['name'])}: {found}"


def _declaration(entry: Any) -> dict[str, Any] | None:
    function = entry.get("function", entry) if isinstance(entry, dict) else None
    if isinstance(function, dict) and isinstance(function.get("name"), str) and "parameters" in function:
        return function
    return None


def _draft7(schema: Any) -> Any:
    named = isinstance(schema, dict) and "$schema" not in schema
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema} if named else schema


def _compile_tools_call(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    declared = _Declared(assertion.value, assertion.type)

    def judge(subject: Subject) -> Score:
        calls = _json_or_none(subject.output)
        calls = calls["tool_calls"] if isinstance(calls, dict) and "tool_calls" in calls else calls
        if not isinstance(calls, list) or not calls:
            return verdict(False, "the output is no list of tool calls")
        problems = (
            declared.problem(one.get("function") if isinstance(one, dict) else None, subject.row) for one in calls
        )
        problem = next((found for found in problems if found), None)
        return verdict(problem is None, problem or f"{len(calls)} valid tool calls")

    return Check(judge)


def _compile_function_call(assertion: Assertion, functions: Mapping[str, Any]) -> Check:
    no_threshold(assertion)
    declared = _Declared(assertion.value, assertion.type)

    def judge(subject: Subject) -> Score:
        call = _json_or_none(subject.output)
        call = call["function_call"] if isinstance(call, dict) and "function_call" in call else call
        problem = declared.problem(call, subject.row)
        return verdict(problem is None, problem or "a valid function call")

    return Check(judge)


def _json_or_none(text: str) -> Any:
    try:
        return parse_json(text)
    except NotJson:
        return None


TYPES = (
    AssertionType(
        "tool-call-f1",
        "F1 of the names of the called tools (JSON in the shapes of OpenAI, Anthropic and Google) against the expected "
        "ones: a list, or texts with commas between; passes from `threshold` (default 1)",
        "continuous",
        1,
        _compile_f1,
        opposite_inverts=False,
    ),
    AssertionType(
        "is-valid-openai-tools-call",
        "the output is JSON: a list of tool calls (or an object with `tool_calls`), each of a declared function with "
        "arguments that follow its JSON Schema (draft 7 unless it names another); the value lists the declared tools",
        "binary",
        1,
        _compile_tools_call,
    ),
    AssertionType(
        "is-valid-function-call",
        "the output is JSON: one call {name, arguments} (or an object with `function_call`) of a declared function "
        "with arguments that follow its JSON Schema (draft 7 unless it names another); the value lists the functions",
        "binary",
        1,
        _compile_function_call,
    ),
)
