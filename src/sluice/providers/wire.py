"""The chat protocol on the wire: the body that a request becomes, and the answer that a body holds."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sluice.providers.base import Request

MOST_TOKENS = 10**9
"""No answer has as many; what says so does not count tokens."""
Dialect = Literal["tgi", "openai"]


class AnswerInvalid(ValueError):
    """A body with status 200 that is not an answer; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a valid answer says; token counts are None where the server did not give whole numbers."""

    text: str
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    model: str | None = None
    build: str | None = None
    """What the answer names as its model, and as the build that gave it (`system_fingerprint`)."""
    logprobs: tuple[float, ...] | None = None


def encode_request(request: Request, served_as: str, dialect: Dialect) -> bytes:
    """Return the JSON body of `POST /v1/chat/completions`. Raises ValueError for text that is not Unicode."""
    body = chat_body(request, served_as, dialect)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def chat_body(request: Request, served_as: str, dialect: Dialect) -> dict[str, Any]:
    """Return the body as data.

    Greedy is said by `temperature: 0`: TGI samples where the field is missing, and refuses it only on
    `/generate`. `top_p` of 1 means no cut, and TGI refuses it, so it is left out.
    """
    parameters = request.parameters
    body: dict[str, Any] = {
        "model": served_as,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": parameters.max_tokens,
        "temperature": parameters.temperature,
    }
    if parameters.stochastic:
        if parameters.top_p is not None and parameters.top_p < 1:
            body["top_p"] = parameters.top_p
        if parameters.seed is not None:
            # Repeats of a seeded prompt are further draws, not copies.
            body["seed"] = (parameters.seed + request.repeat) % 2**63
    if parameters.stop:
        body["stop"] = list(parameters.stop)
    if request.response_schema is not None:
        body["response_format"] = _response_format(dict(request.response_schema), dialect)
    if "logprobs" in request.wants:
        body["logprobs"] = True
    if "first_token" in request.wants:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def _response_format(schema: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    if dialect == "tgi":
        return {"type": "json", "value": schema}
    return {"type": "json_schema", "json_schema": {"name": "output", "strict": True, "schema": schema}}


def decode_answer(data: bytes, content_type: str, stop: Sequence[str]) -> Answer:
    """Return the answer that a body holds. Raises AnswerInvalid, so that no fault becomes an empty answer."""
    if content_type != "application/json":
        raise AnswerInvalid(f"the answer's content type is {content_type!r}, not application/json")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise AnswerInvalid(f"the answer is not JSON: {error}") from None
    choice = _first_choice(body)
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    reason = choice.get("finish_reason")
    return Answer(
        text=_without_stop(_content(choice), stop),
        finish_reason=reason if isinstance(reason, str) else None,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        model=_text(body.get("model")),
        build=_text(body.get("system_fingerprint")),
        logprobs=_logprobs(choice["logprobs"]) if choice.get("logprobs") else None,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _logprobs(value: Any) -> tuple[float, ...] | None:
    """Return the tokens' log probabilities; None where one of them is none, so that no metric is half a metric."""
    tokens = value.get("content") if isinstance(value, dict) else None
    if not isinstance(tokens, list) or not tokens:
        return None
    found = [token.get("logprob") if isinstance(token, dict) else None for token in tokens]
    numbers = [
        one for one in found if isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)
    ]
    return tuple(map(float, numbers)) if len(numbers) == len(found) and max(numbers) <= 0 else None


def _first_choice(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise AnswerInvalid("the answer is not a JSON object")
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        said = error_text(body)
        raise AnswerInvalid("the answer has no choices" + (f", it says: {said}" if said else ""))
    return choices[0]


def _content(choice: dict[str, Any]) -> str:
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str):
        raise AnswerInvalid("the answer's first choice has no text content")
    return content


def _without_stop(text: str, stop: Sequence[str]) -> str:
    # TGI leaves the stop sequence (and the rest of its token) in the text, vLLM cuts it: one prompt, one text.
    ends = [end for sequence in stop if (end := text.find(sequence)) >= 0]
    return text[: min(ends)] if ends else text


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS else None


def error_text(body: Any) -> str:
    """Return what an error body says, in TGI's form `{error, error_type}` or OpenAI's `{error: {message}}`."""
    if not isinstance(body, dict):
        return ""
    error = body.get("error") or body.get("message") or body.get("detail") or ""
    if isinstance(error, dict):
        error = error.get("message", "")
    kind = body.get("error_type")
    return f"{error} ({kind})" if error and isinstance(kind, str) else str(error)


def describe_error(data: bytes, content_type: str, limit: int = 300) -> str:
    """Return the readable part of an error body on one line: no control characters, no endless text."""
    text = data[: 16 * limit].decode("utf-8", "replace")
    if content_type == "application/json":
        with contextlib.suppress(ValueError, RecursionError):
            text = error_text(json.loads(data)) or text
    line = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(line.split())
    return line if len(line) <= limit else line[:limit] + "…"
