"""TGI 3.3's rules as data and pure functions: settings, errors, what a request means, limits.

Source: huggingface/text-generation-inference, router/src (lib.rs, validation.rs, infer/mod.rs, server.rs).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from servers.tokens import tokens_of

VERSION = "3.3.7"


@dataclass
class Settings:
    """What the launcher was started with; the defaults are TGI's where TGI has one."""

    model_id: str = "acme/contract-1b"
    model_sha: str | None = "0123456789abcdef0123456789abcdef01234567"
    max_input_tokens: int = 1024
    max_total_tokens: int = 2048
    max_concurrent_requests: int = 128
    max_best_of: int = 2
    max_stop_sequences: int = 4
    max_client_batch_size: int = 4
    max_top_n_tokens: int = 5
    validation_workers: int = 2
    payload_limit: int = 2_000_000
    version: str = VERSION
    docker_label: str | None = "sha-24c1b2f"
    api_key: str | None = None
    latency: float = 0.0

    def info(self) -> dict[str, Any]:
        """The body of `GET /info`, in TGI's order."""
        return {
            "model_id": self.model_id,
            "model_sha": self.model_sha,
            "model_pipeline_tag": "text-generation",
            "max_concurrent_requests": self.max_concurrent_requests,
            "max_best_of": self.max_best_of,
            "max_stop_sequences": self.max_stop_sequences,
            "max_input_tokens": self.max_input_tokens,
            "max_total_tokens": self.max_total_tokens,
            "validation_workers": self.validation_workers,
            "max_client_batch_size": self.max_client_batch_size,
            "router": "text-generation-router-v3",
            "version": self.version,
            "sha": "24c1b2f0d1c2b3a495867768594a3b2c1d0e0f1a",
            "docker_label": self.docker_label,
        }

    @property
    def fingerprint(self) -> str:
        return f"{self.version}-{self.docker_label or 'native'}"


class ContractError(Exception):
    """An answer with an error: status, and TGI's `{error, error_type}` (or plain text, as the framework sends)."""

    def __init__(self, status: int, error: str, error_type: str | None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.error_type = error_type


def invalid(message: str) -> ContractError:
    return ContractError(422, f"Input validation error: {message}", "validation")


def undeserializable(message: str) -> ContractError:
    return ContractError(422, f"Failed to deserialize the JSON body into the target type: {message}", None)


OVERLOADED = ContractError(429, "Model is overloaded", "overloaded")
GENERATION = ContractError(424, "Request failed during generation: CUDA out of memory", "generation")
INCOMPLETE = ContractError(500, "Incomplete generation", "incomplete_generation")
UNHEALTHY = ContractError(503, "unhealthy", "healthcheck")


@dataclass
class Generation:
    """A generation request as the router hands it to the model, from whichever route it came."""

    inputs: str
    do_sample: bool
    seed: int | None
    max_new_tokens: int | None
    stop: list[str] = field(default_factory=list)
    temperature: float | None = None
    top_p: float | None = None
    grammar: dict[str, Any] | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)


def chat_generation(chat: dict[str, Any]) -> Generation:
    """What a chat request means: only `temperature: 0` is greedy, a missing temperature samples at 1.0."""
    temperature = chat.get("temperature")
    greedy = temperature == 0
    return Generation(
        inputs=apply_template(chat["messages"]),
        do_sample=not greedy,
        seed=chat.get("seed"),
        max_new_tokens=chat.get("max_tokens"),
        stop=chat.get("stop", []),
        temperature=None if greedy else temperature,
        top_p=chat.get("top_p"),
        grammar=chat.get("response_format"),
        messages=chat["messages"],
        parameters={
            "repetition_penalty": None if chat.get("presence_penalty") is None else chat["presence_penalty"] + 2.0,
            "frequency_penalty": chat.get("frequency_penalty"),
            "top_n_tokens": chat.get("top_logprobs"),
        },
    )


def plain_generation(inputs: str, parameters: dict[str, Any] | None) -> Generation:
    """What `/generate` means: without parameters it samples; with them, only where `do_sample` says so."""
    given = parameters or {}
    return Generation(
        inputs=inputs,
        do_sample=parameters is None or given.get("do_sample", False),
        seed=given.get("seed"),
        max_new_tokens=given.get("max_new_tokens", 100),
        stop=given.get("stop", []),
        temperature=given.get("temperature"),
        top_p=given.get("top_p"),
        grammar=given.get("grammar"),
        messages=[{"role": "user", "content": inputs}],
        parameters=given,
    )


def apply_template(messages: list[dict[str, Any]]) -> str:
    """A chat template of the plainest kind."""
    return "".join(f"<|{message['role']}|>\n{text_of(message)}\n" for message in messages) + "<|assistant|>\n"


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(chunk["text"] for chunk in content)


def validate(generation: Generation, settings: Settings) -> int:
    """Apply the router's limits, in the router's order; return the number of new tokens at most."""
    _validate_sampling(generation, settings)
    if generation.max_new_tokens == 0:
        raise invalid("`max_new_tokens` must be strictly positive")
    if len(generation.stop) > settings.max_stop_sequences:
        raise invalid(
            f"`stop` supports up to {settings.max_stop_sequences} stop sequences. Given: {len(generation.stop)}"
        )
    top_n = generation.parameters.get("top_n_tokens") or 0
    if top_n > settings.max_top_n_tokens:
        raise invalid(f"`top_n_tokens` must be >= 0 and <= {settings.max_top_n_tokens}. Given: {top_n}")
    if not generation.inputs:
        raise invalid("`inputs` cannot be empty")
    new_tokens = _validate_length(generation, settings)
    _validate_grammar(generation.grammar)
    return new_tokens


def _validate_sampling(generation: Generation, settings: Settings) -> None:
    given = generation.parameters
    best_of = given.get("best_of") or 1
    warm = any(given.get(name) is not None for name in ("temperature", "top_k", "top_p", "typical_p"))
    if best_of > settings.max_best_of:
        raise invalid(f"`best_of` must be > 0 and <= {settings.max_best_of}. Given: {best_of}")
    if best_of > 1 and not (generation.do_sample or warm):
        raise invalid("you must use sampling when `best_of` is > 1")
    if generation.temperature is not None and generation.temperature <= 0:
        raise invalid("`temperature` must be strictly positive")
    if (given.get("repetition_penalty") or 1.0) <= 0:
        raise invalid("`repetition_penalty` must be strictly positive")
    if not -2.0 <= (given.get("frequency_penalty") or 0.0) <= 2.0:
        raise invalid("`frequency_penalty` must be >= -2.0 and <= 2.0")
    for name, value in (("top_p", generation.top_p), ("typical_p", given.get("typical_p"))):
        if value is not None and not 0.0 < value < 1.0:
            raise invalid(f"`{name}` must be > 0.0 and < 1.0")
    if given.get("top_k") is not None and given["top_k"] <= 0:
        raise invalid("`top_k` must be strictly positive")
    if generation.seed is not None and best_of > 1:
        raise invalid("`seed` must not be set when `best_of` > 1")


def _validate_length(generation: Generation, settings: Settings) -> int:
    length = len(tokens_of(generation.inputs))
    truncate = generation.parameters.get("truncate")
    if truncate is not None:
        if not 0 < truncate <= settings.max_input_tokens:
            raise invalid(
                f"`truncate` must be strictly positive and less than {settings.max_input_tokens}. Given: {truncate}"
            )
        length = min(length, truncate)
    new_tokens = generation.max_new_tokens
    if new_tokens is None:
        new_tokens = max(0, settings.max_total_tokens - length)
    if length + new_tokens > settings.max_total_tokens:
        raise invalid(
            f"`inputs` tokens + `max_new_tokens` must be <= {settings.max_total_tokens}. "
            f"Given: {length} `inputs` tokens and {new_tokens} `max_new_tokens`"
        )
    if length > settings.max_input_tokens:
        raise invalid(f"`inputs` must have less than {settings.max_input_tokens} tokens. Given: {length}")
    return new_tokens


def _validate_grammar(grammar: dict[str, Any] | None) -> None:
    if grammar is None or grammar["type"] == "regex":
        return
    schema = grammar["value"]["schema"] if grammar["type"] == "json_schema" else grammar["value"]
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except ValueError as error:
            raise invalid(f"grammar is not valid: {error}") from None
    if not isinstance(schema, dict):
        raise invalid("grammar is not supported")
    if "properties" not in schema:
        raise invalid("grammar is not valid: Grammar must have a 'properties' field")
