"""A plain tokenizer, and where a generation ends."""

from __future__ import annotations

import re
import zlib
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Token:
    """One token of the plain tokenizer: a word or a mark, with the blanks before it."""

    id: int
    text: str
    start: int
    stop: int

    def as_simple(self) -> dict[str, Any]:
        return asdict(self)

    def as_generated(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text, "logprob": -0.25, "special": False}


def tokens_of(text: str) -> list[Token]:
    """Split a text so that the tokens put together are the text again."""
    return [
        Token(zlib.crc32(match[0].encode("utf-8", "replace")) % 32000, match[0], match.start(), match.end())
        for match in re.finditer(r"\s*\w+|\s*[^\w\s]|\s+", text)
    ]


def finish(text: str, stop: list[str], new_tokens: int) -> tuple[list[Token], str]:
    """Return the tokens that a model with this answer generates, and why it ends.

    The stop sequence stays in the text, with the rest of the token that completes it.
    """
    tokens: list[Token] = []
    produced = ""
    for token in tokens_of(text):
        tokens.append(token)
        produced += token.text
        if any(sequence and sequence in produced for sequence in stop):
            return tokens, "stop_sequence"
        if len(tokens) >= new_tokens:
            return tokens, "length"
    return tokens, "eos_token"


def logprobs_of(chat: dict[str, Any], tokens: list[Token]) -> dict[str, Any] | None:
    """The log probabilities of a chat answer, where they were asked for."""
    if not chat.get("logprobs"):
        return None
    content = [
        {"token": token.text, "logprob": token.as_generated()["logprob"], "top_logprobs": []} for token in tokens
    ]
    return {"content": content}
