"""The provider for `transformers serve`: refuses what that server would do wrongly without saying so.

It ignores a JSON schema, samples only where the weights' own configuration says so and with one seed for all requests,
and decodes beyond the model's context. Text and failures are then those of the `local` provider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sluice.errors import CannotJudge
from sluice.providers.base import Answered, Completion, Failure, Identity, Outcome, Request
from sluice.providers.openai import OpenAIProvider
from sluice.schema.model import Model


class TransformersServe:
    """One endpoint of `transformers serve`; requests follow one another, because it decodes one at a time."""

    batch_size: int = 1

    def __init__(self, model: Model, name: str, endpoint: str) -> None:
        self._context = model.context
        self._server = OpenAIProvider(model, name, endpoint, concurrency=1)

    def identity(self) -> Identity:
        """Return what answers here."""
        return replace(self._server.identity(), engine="local")

    def lengths(self, requests: Sequence[Request]) -> list[int]:
        """Return an estimate of each prompt's tokens."""
        return self._server.lengths(requests)

    def run(self, batches: Sequence[Sequence[Request]]) -> Iterator[Answered]:
        """Ask the server. Raises CannotJudge for a request that it would answer as something else."""
        for request in (one for batch in batches for one in batch):
            _refuse(request)
        for answered in self._server.run(batches):
            yield [(index, self._all_held(batches[index], outcomes)) for index, outcomes in answered]

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _all_held(self, asked: Sequence[Request], outcomes: Sequence[Outcome]) -> list[Outcome]:
        return [self._held(request, outcome) for request, outcome in zip(asked, outcomes, strict=True)]

    def _held(self, request: Request, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Failure):
            return outcome
        wanted = (outcome.prompt_tokens or 0) + request.parameters.max_tokens
        if wanted > self._context:
            return Failure(
                "data",
                f"{outcome.prompt_tokens} prompt tokens and max_tokens {request.parameters.max_tokens} exceed "
                f"the context of {self._context} tokens; shorten the prompt or lower max_tokens",
                outcome.attempts,
            )
        return _stripped(outcome)


def _stripped(completion: Completion) -> Completion:
    return replace(completion, text=completion.text.strip())


def _refuse(request: Request) -> None:
    if request.response_schema is not None:
        raise CannotJudge("`transformers serve` enforces no JSON schema; set `constrained: false` in the prompt")
    if request.parameters.stochastic:
        raise CannotJudge(
            "`transformers serve` does not sample as a request asks; set `temperature: 0` in the prompt, or judge "
            "without a server: the local engine samples with a seed for each request"
        )
