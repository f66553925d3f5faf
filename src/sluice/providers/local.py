"""The `local` provider: a Hugging Face causal model on this machine, decoded in planned batches.

Greedy decoding, or sampling with one generator for each request, so that an answer does not depend on
which other requests share its batch. torch and transformers are imported when the first batch runs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sluice.errors import CannotJudge
from sluice.providers.base import Answered, Completion, Failure, Identity, Outcome, Request

BATCH_SIZE = 32
"""Prompts of one batch. Larger batches keep finished rows longer beside the slowest one."""
PACKAGES = ("torch", "transformers", "tokenizers")
NEEDED = "the local engine needs torch and transformers: run ./scripts/setup, or pip install '.[local]' in this clone"


class LocalProvider:
    """Answers with the weights in one directory."""

    def __init__(self, name: str, directory: Path, context: int, batch_size: int = BATCH_SIZE) -> None:
        self.name = name
        self.directory = directory
        self.context = context
        self.batch_size = batch_size

    def identity(self) -> Identity:
        """Return the engine's versions; no weights are loaded for this."""
        try:
            facts = {package: version(package) for package in ("torch", "transformers")}
        except ImportError:
            raise CannotJudge(NEEDED) from None
        return Identity(engine="local", model=self.name, version=facts["transformers"], facts=facts)

    def lengths(self, requests: Sequence[Request]) -> list[int]:
        """Return exact prompt lengths in tokens, chat template included."""
        return [len(tokens) for tokens in self._encode(requests)]

    def run(self, batches: Sequence[Sequence[Request]]) -> Iterator[Answered]:
        """Decode the batches one after another."""
        for index, batch in enumerate(batches):
            yield [(index, self._batch(batch))]

    def close(self) -> None:
        """Drop the model."""
        for name in ("_model", "_tokenizer"):
            self.__dict__.pop(name, None)

    @cached_property
    def _tokenizer(self) -> Any:
        with _libraries():
            from transformers import AutoTokenizer

            return AutoTokenizer.from_pretrained(str(self.directory), local_files_only=True)

    @cached_property
    def _model(self) -> Any:
        with _libraries():
            import torch
            from transformers import AutoModelForCausalLM
            from transformers.utils import logging as notices

            notices.disable_progress_bar()

            # float32: bfloat16 is no faster at this size, and rounds differently from batch to batch.
            return AutoModelForCausalLM.from_pretrained(
                str(self.directory), local_files_only=True, dtype=torch.float32, attn_implementation="sdpa"
            ).eval()

    def _encode(self, requests: Sequence[Request]) -> list[list[int]]:
        texts = [
            self._tokenizer.apply_chat_template(
                [{"role": message.role, "content": message.content} for message in request.messages],
                tokenize=False,
                add_generation_prompt=True,
            )
            for request in requests
        ]
        encoded: list[list[int]] = self._tokenizer(texts, add_special_tokens=False)["input_ids"]
        return encoded

    def _batch(self, batch: Sequence[Request]) -> list[Outcome]:
        if any(request.response_schema for request in batch):
            raise CannotJudge("the local engine cannot enforce a JSON schema; set `constrained: false` in the prompt")
        prompts = self._encode(batch)
        outcomes: list[Outcome | None] = [self._too_long(*pair) for pair in zip(batch, prompts, strict=True)]
        rows = [index for index, outcome in enumerate(outcomes) if outcome is None]
        if rows:
            answers = self._decode([batch[row] for row in rows], [prompts[row] for row in rows])
            for row, answer in zip(rows, answers, strict=True):
                outcomes[row] = answer
        return [outcome for outcome in outcomes if outcome is not None]

    def _too_long(self, request: Request, tokens: list[int]) -> Failure | None:
        wanted = len(tokens) + request.parameters.max_tokens
        if wanted <= self.context:
            return None
        return Failure(
            "data",
            f"{len(tokens)} prompt tokens and max_tokens {request.parameters.max_tokens} exceed "
            f"the context of {self.context} tokens; shorten the prompt or lower max_tokens",
        )

    def _decode(self, batch: Sequence[Request], prompts: list[list[int]]) -> list[Completion]:
        started = time.perf_counter()
        answers = _Decoding(self._model, self._tokenizer, batch, prompts).run()
        elapsed = time.perf_counter() - started
        return [
            self._completion(answer, len(prompt), elapsed, request)
            for answer, prompt, request in zip(answers, prompts, batch, strict=True)
        ]

    def _completion(self, answer: _Answer, prompt: int, elapsed: float, request: Request) -> Completion:
        text = self._tokenizer.decode(answer.tokens, skip_special_tokens=True)
        for stop in request.parameters.stop:
            text = text.split(stop, 1)[0]
        logprobs = tuple(answer.logprobs) if "logprobs" in request.wants else None
        tokens = len(answer.tokens)
        return Completion(text.strip(), answer.finish, prompt, tokens, elapsed, logprobs=logprobs)


@dataclass(slots=True)
class _Answer:
    """The tokens that one row has so far, with the log-probability of each where it is wanted."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: str = "length"


class _Decoding:
    """One batch in flight: left-padded prompts, a key-value cache, and the rows that are not finished yet."""

    def __init__(self, model: Any, tokenizer: Any, batch: Sequence[Request], prompts: list[list[int]]) -> None:
        import torch

        self.torch, self.model, self.tokenizer, self.batch = torch, model, tokenizer, batch
        self.ends = _end_tokens(model, tokenizer)
        width = max(map(len, prompts))
        padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        self.ids = torch.tensor([[padding] * (width - len(prompt)) + prompt for prompt in prompts])
        self.mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        self.generators = [_generator(torch, request) for request in batch]
        self.answers = [_Answer() for _ in batch]

    def run(self) -> list[_Answer]:
        """Decode until every row has ended."""
        torch = self.torch
        active = list(range(len(self.batch)))
        cache = None
        positions = (self.mask.cumsum(-1) - 1).clamp(min=0)
        ids, mask = self.ids, self.mask
        with torch.inference_mode():
            while active:
                out = self.model(
                    input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache,
                    use_cache=True, logits_to_keep=1,
                )  # fmt: skip
                cache = out.past_key_values
                logits = out.logits[:, -1]
                tokens = self._choose(logits, active)
                kept = [slot for slot, row in enumerate(active) if self._accept(row, tokens[slot], logits[slot])]
                if len(kept) < len(active):
                    if not kept:
                        break
                    cache.batch_select_indices(torch.tensor(kept))
                    mask, positions = mask[kept], positions[kept]
                    tokens = [tokens[slot] for slot in kept]
                    active = [active[slot] for slot in kept]
                ids = torch.tensor(tokens).unsqueeze(1)
                mask = torch.cat([mask, mask.new_ones((len(active), 1))], dim=1)
                positions = positions[:, -1:] + 1
        return self.answers

    def _accept(self, row: int, token: int, logits: Any) -> bool:
        """Store a token; return whether the row goes on."""
        answer, request = self.answers[row], self.batch[row]
        if token in self.ends:
            answer.finish = "stop"
            return False
        answer.tokens.append(token)
        if "logprobs" in request.wants:
            answer.logprobs.append(float(self.torch.log_softmax(logits, -1)[token]))
        stops = request.parameters.stop
        if stops and any(stop in self.tokenizer.decode(answer.tokens) for stop in stops):
            answer.finish = "stop"
            return False
        return len(answer.tokens) < request.parameters.max_tokens

    def _choose(self, logits: Any, active: list[int]) -> list[int]:
        chosen: list[int] = logits.argmax(-1).tolist()
        for slot, row in enumerate(active):
            parameters = self.batch[row].parameters
            if parameters.stochastic:
                chosen[slot] = _sample(self.torch, logits[slot], parameters, self.generators[row])
        return chosen


def _sample(torch: Any, logits: Any, parameters: Any, generator: Any) -> int:
    probabilities = torch.softmax(logits.double() / parameters.temperature, -1)
    if parameters.top_p is not None and parameters.top_p < 1:
        ordered, order = probabilities.sort(descending=True)
        ordered[ordered.cumsum(-1) - ordered >= parameters.top_p] = 0
        probabilities = torch.zeros_like(probabilities).scatter(0, order, ordered)
    return int(torch.multinomial(probabilities, 1, generator=generator))


def _generator(torch: Any, request: Request) -> Any:
    """Seed by the request's own seed and repeat; without a seed by its digest, so that cases draw independently."""
    if not request.parameters.stochastic:
        return None
    seed = request.parameters.seed
    drawn = int(request.digest().removeprefix("sha256:")[:15], 16) if seed is None else seed + request.repeat
    return torch.Generator().manual_seed(drawn % 2**63)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    declared = model.generation_config.eos_token_id
    ends = declared if isinstance(declared, list) else [declared]
    return frozenset(token for token in [*ends, tokenizer.eos_token_id] if token is not None)


@contextlib.contextmanager
def _libraries() -> Iterator[None]:
    """Keep the libraries off the hub and their notices off the terminal; CannotJudge where they are not installed."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in PACKAGES:
            raise
        raise CannotJudge(NEEDED) from None
