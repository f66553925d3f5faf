"""Which fields TGI's bodies have, of which types, and what the JSON reader under TGI refuses."""

from __future__ import annotations

from typing import Any

from servers.tgi_contract import undeserializable

# Field types. An optional field may be null; a required one may not be missing. serde ignores unknown fields,
# so they are answered as TGI would, but they are violations: nobody sends a field to have it ignored.
STRING, BOOL, FLOAT, UNSIGNED, INTEGER, STRINGS, ANY = "string", "bool", "f32", "unsigned", "i32", "strings", "any"
CHAT_FIELDS = {
    "model": STRING,
    "messages": "messages",
    "frequency_penalty": FLOAT,
    "logit_bias": "floats",
    "logprobs": BOOL,
    "top_logprobs": UNSIGNED,
    "max_tokens": UNSIGNED,
    "n": UNSIGNED,
    "presence_penalty": FLOAT,
    "stop": STRINGS,
    "stream": BOOL,
    "seed": UNSIGNED,
    "temperature": FLOAT,
    "top_p": FLOAT,
    "tools": ANY,
    "tool_prompt": STRING,
    "tool_choice": ANY,
    "response_format": "grammar",
    "guideline": STRING,
    "stream_options": "stream_options",
}
PARAMETER_FIELDS = {
    "best_of": UNSIGNED,
    "temperature": FLOAT,
    "repetition_penalty": FLOAT,
    "frequency_penalty": FLOAT,
    "top_k": INTEGER,
    "top_p": FLOAT,
    "typical_p": FLOAT,
    "do_sample": BOOL,
    "max_new_tokens": UNSIGNED,
    "return_full_text": BOOL,
    "stop": STRINGS,
    "truncate": UNSIGNED,
    "watermark": BOOL,
    "details": BOOL,
    "decoder_input_details": BOOL,
    "seed": UNSIGNED,
    "top_n_tokens": UNSIGNED,
    "grammar": "grammar",
    "adapter_id": STRING,
}
GENERATE_FIELDS = {"inputs": STRING, "parameters": "parameters"}
COMPAT_FIELDS = {**GENERATE_FIELDS, "stream": BOOL}
NOT_NULL = {"inputs", "messages", "do_sample", "watermark", "details", "decoder_input_details", "stream", "parameters"}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _natural(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64


def _message(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("role"), str):
        return False
    content = value.get("content")
    return isinstance(content, str) or (isinstance(content, list) and all(map(_chunk, content)))


def _chunk(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "text" and isinstance(value.get("text"), str)


def _grammar(value: Any) -> bool:
    """`{type, value}`: json (alias json_object) with a schema, regex, json_schema with `{name?, schema}`."""
    if not isinstance(value, dict) or "value" not in value:
        return False
    content = value["value"]
    match value.get("type"):
        case "json" | "json_object":
            return True
        case "regex":
            return isinstance(content, str)
        case "json_schema":
            return isinstance(content, dict) and "schema" in content
    return False


CHECKS = {
    STRING: lambda value: isinstance(value, str),
    BOOL: lambda value: isinstance(value, bool),
    FLOAT: _number,
    UNSIGNED: _natural,
    INTEGER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    STRINGS: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "floats": lambda value: isinstance(value, list) and all(map(_number, value)),
    ANY: lambda value: True,
    "grammar": _grammar,
    "parameters": lambda value: isinstance(value, dict),
    "messages": lambda value: isinstance(value, list) and all(map(_message, value)),
    "stream_options": lambda value: isinstance(value, dict) and isinstance(value.get("include_usage"), bool),
}


def read_fields(body: Any, fields: dict[str, str], required: set[str], where: str) -> tuple[dict[str, Any], list[str]]:
    """Return the known fields and what violates the contract. Raises ContractError where serde would refuse."""
    if not isinstance(body, dict):
        raise undeserializable(f"{where}: invalid type, expected a map")
    for name in required - body.keys():
        raise undeserializable(f"missing field `{name}`")
    for name, value in body.items():
        if name not in fields:
            continue
        if value is None and name not in NOT_NULL:
            continue
        if not CHECKS[fields[name]](value):
            raise undeserializable(f"{name}: invalid type, expected {fields[name]}")
    return (
        {name: value for name, value in body.items() if name in fields and value is not None},
        [f"unknown field {where}.{name}" for name in body if name not in fields],
    )
