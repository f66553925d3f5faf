"""What every provider takes and gives: requests in planned batches, completions or failures back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeAlias

from sluice.digest import canonical_json, digest_bytes, encode_normal
from sluice.schema.prompt import Parameters

Wanted = Literal["logprobs", "first_token"]
ErrorKind = Literal["provider", "timeout", "rate_limit", "harness", "data", "judge_parse"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message: a role (`system`, `user`, `assistant`) and its rendered text."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """Everything on the client's side that may influence an answer, and nothing else."""

    messages: tuple[Message, ...]
    parameters: Parameters
    response_schema: Mapping[str, Any] | None = None
    repeat: int = 0
    wants: tuple[Wanted, ...] = ()
    """What an answer must bring beside its text, in order of the alphabet, because an assertion or a gate reads it."""

    def digest(self) -> str:
        """Return the content address of this request (the model is not part of it)."""
        messages = encode_normal([[message.role, message.content] for message in self.messages])
        schema = b"null" if self.response_schema is None else canonical_json(self.response_schema)
        # As `canonical_json` writes it; the parameters of a run are always the same.
        return digest_bytes(
            b'{"messages":%b,"parameters":%b,"repeat":%d,"response_schema":%b%b}'
            % (messages, _encoded(self.parameters), self.repeat, schema, _encoded_wants(self.wants))
        )


def _encoded_wants(wants: tuple[Wanted, ...]) -> bytes:
    # Only where something is wanted, so that other requests keep their address.
    return b',"wants":' + canonical_json(list(wants)) if wants else b""


@lru_cache(maxsize=64)
def _encoded(parameters: Parameters) -> bytes:
    return canonical_json(parameters.model_dump())


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer. `latency` is in seconds; token counts are None where the server did not say."""

    text: str
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    latency: float
    attempts: int = 1
    first_token: float | None = None
    """Seconds until the first token, where the answer was streamed."""
    logprobs: tuple[float, ...] | None = None
    """The log probability of each token, where it was wanted and the server offers it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that gave no answer. It is never scored, neither as a fail nor as a pass."""

    kind: ErrorKind
    message: str
    attempts: int = 1


Outcome: TypeAlias = Completion | Failure

Answered: TypeAlias = list[tuple[int, list[Outcome]]]
"""What completed since the last look: (batch index, outcomes in the batch's order)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a server (or the local engine) says of itself. `facts` that it cannot tell are absent."""

    engine: str
    model: str
    revision: str | None = None
    version: str | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


class Provider(Protocol):
    """The client side of one model."""

    batch_size: int
    """How many requests the engine computes together; 1 where calls are independent of one another."""

    def identity(self) -> Identity:
        """Return what answers here; raise CannotJudge where it is not what the model file names."""
        ...

    def lengths(self, requests: Sequence[Request]) -> list[int]:
        """Return the prompt length of each request in tokens, for planning batches."""
        ...

    def run(self, batches: Sequence[Sequence[Request]]) -> Iterator[Answered]:
        """Yield batches as they complete: all that have since the last time, so that they can be kept together."""
        ...

    def close(self) -> None:
        """Release connections and memory."""
        ...
